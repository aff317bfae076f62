from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from cost_graphs import costs

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost
from pytest_perfbudget.core.culprits import blamed_functions, grown_functions, with_other_code
from pytest_perfbudget.core.results import Growth


def test_the_functions_that_are_called_more_often_are_named_the_costliest_first() -> None:
    before = {"verify": 1, "loads": 5, "len": 100}
    after = {"new": 3, "verify": 41, "len": 90, "loads": 6}
    found = grown_functions(before, after, 0)
    assert found == [Growth("new", 0, 3), Growth("verify", 1, 41), Growth("loads", 5, 6)]


def test_the_projects_own_functions_come_first() -> None:
    after = {"jwt.api:decode": 1, "hive.tokens:verify": 1}
    found = grown_functions({}, after, 0, own={"hive.tokens"})
    assert [one.function for one in found] == ["hive.tokens:verify", "jwt.api:decode"]


def test_of_a_profile_that_was_cut_short_nothing_is_made_up() -> None:
    found = grown_functions({"len": 100}, {"len": 100, "rare": 3, "often": 90}, unknown=7)
    assert found == [Growth("often", None, 90)]


def calling(**calls: float) -> CostGraph:
    """Return the costs of functions that call `len` so often."""
    return CostGraph(
        {name: FunctionCost(1, 10.0, library={"len": LibraryCost(number, 1.0)}) for name, number in calls.items()}
    )


@pytest.mark.parametrize(
    ("after", "caller"),
    [
        (calling(label=300, price=40), "label"),
        (calling(label=270, price=70), ""),  # both call it more often
        (calling(label=250, price=30), ""),  # less than half of the growth
    ],
)
def test_who_calls_a_built_in_function_more_often_is_named_if_it_is_certain(after: CostGraph, caller: str) -> None:
    grown = grown_functions({"len": 280}, {"len": 340}, 0, costs=(calling(label=240, price=40), after))
    assert grown == [Growth("len", 280, 340, caller)]


def test_a_function_that_was_moved_is_the_one_it_was() -> None:
    """Or all of a module that was renamed would be called more often."""
    before = {"shop.parsing:parse": 1, "shop.parsing:line": 300, "shop.a:get": 1, "shop.b:get": 1}
    after = {"shop.reading:parse": 1, "shop.reading:line": 900, "shop.helper:noop": 300, "shop.c:get": 9}
    found = grown_functions(before, after, 0)
    assert found == [
        Growth("shop.reading:line", 300, 900),
        Growth("shop.helper:noop", 0, 300),
        Growth("shop.c:get", 0, 9),  # which of the two it was is not known
    ]


def slowed(**changed: float) -> tuple[CostGraph, CostGraph]:
    """Return the costs of both sides: a menu of 1 ms with 10 prices of 100 us, each some us slower now by name."""
    before = costs(menu=(1, 1000, {"price": 10}), price=(10, 1000, {}))
    after = costs(
        menu=(1, 1000 + changed.get("menu", 0), {"price": 10}), price=(10, 1000 + changed.get("price", 0), {})
    )
    return before, after


def names(before: CostGraph, after: CostGraph, slower_us: float) -> list[str]:
    return [one.function for one in blamed_functions(before, after, 1e3 * slower_us)]


class TestBlamed:
    """The functions that the text of a slowdown names: a wrong name costs more trust than none."""

    def test_the_largest_part_comes_first_and_small_parts_are_left_out(self) -> None:
        assert names(*slowed(menu=400, price=700), slower_us=1100) == ["web:price", "web:menu"]
        assert names(*slowed(menu=150, price=700), slower_us=850) == ["web:price"]

    def test_a_part_within_the_errors_of_a_profile_is_not_told(self) -> None:
        assert names(*slowed(price=25), slower_us=25) == []
        assert names(*slowed(price=50), slower_us=50) == ["web:price"]

    def test_a_part_of_several_times_the_slowdown_is_noise(self) -> None:
        assert names(*slowed(price=700), slower_us=100) == []
        assert names(*slowed(price=700), slower_us=400) == ["web:price"]

    def test_a_profile_of_a_short_body_takes_several_times_as_long_as_the_body(self) -> None:
        before, after = slowed(price=700)
        told = [
            blamed_functions(before, after, 200e3, before_us and 1e3 * before_us) for before_us in (None, 2000, 700)
        ]
        assert [[one.function for one in blamed] for blamed in told] == [[], [], ["web:price"]]
        assert blamed_functions(*slowed(price=1300), 200e3, 1.0) == []

    def test_profiles_that_show_little_of_the_slowdown_explain_nothing(self) -> None:
        assert names(*slowed(price=100), slower_us=1000) == []
        assert names(*slowed(price=100), slower_us=200) == ["web:price"]

    def test_more_calls_may_be_farther_from_the_slowdown_because_they_are_counted(self) -> None:
        before = costs(menu=(1, 1000, {"price": 10}), price=(10, 10, {}))
        after = costs(menu=(1, 1000, {"price": 500}), price=(500, 500, {}))
        assert names(before, after, slower_us=100) == ["web:menu"]
        assert names(before, after, slower_us=20) == []

    def test_more_calls_that_explain_the_slowdown_come_before_a_longer_time(self) -> None:
        """The profile of the price was disturbed."""
        before = costs(menu=(1, 1000, {}), price=(10, 1000, {}), tax=(1, 5, {}))
        after = costs(menu=(1, 1000, {"tax": 30}), price=(10, 1300, {}), tax=(30, 150, {}))
        assert names(before, after, slower_us=150) == ["web:menu", "web:price"]
        assert names(before, after, slower_us=400) == ["web:price", "web:menu"]

    def test_more_calls_are_told_although_the_times_contradict_the_slowdown(self) -> None:
        """The other side's profile was disturbed."""
        before = costs(menu=(1, 1000, {}), price=(10, 1500, {}), tax=(1, 5, {}))
        after = costs(menu=(1, 1000, {"tax": 31}), price=(10, 1000, {}), tax=(31, 155, {}))
        (found,) = blamed_functions(before, after, 150e3)
        assert (found.function, found.callee, found.after) == ("web:menu", "web:tax", 31)
        assert found.gained_ns == found.of_ns == pytest.approx(155e3)
        assert names(before, after.renamed({"web:tax": "web:other"}), slower_us=1000) == []

    def test_more_calls_that_became_cheaper_by_as_much_explain_nothing(self) -> None:
        """One call for a list of 31 became a call for each entry."""
        before = costs(menu=(1, 1000, {"tax": 1}), price=(10, 1500, {}), tax=(1, 30, {}))
        after = costs(menu=(1, 1000, {"tax": 31}), price=(10, 1500, {}), tax=(31, 31, {}))
        assert names(before, after, slower_us=150) == []
        slower = costs(menu=(1, 1000, {"tax": 31}), price=(10, 1900, {}), tax=(31, 31, {}))
        assert names(before, slower, slower_us=400) == []

    def test_calls_of_a_function_that_was_split_off_do_not_count_as_more(self) -> None:
        """The error of its time is that of the whole function, and not only of the rest."""
        before = costs(menu=(1, 1000, {}), tax=(1, 100, {}))
        after = costs(menu=(1, 100, {"rows": 1}), rows=(1, 920, {}), tax=(1, 180, {}))
        assert names(before, after, slower_us=100) == ["web:tax"]

    def test_a_function_that_was_moved_is_slower_by_the_difference(self) -> None:
        before, after = slowed(price=500)
        moved = after.renamed({"web:price": "shop:price"})
        (found,) = blamed_functions(before, moved, 500e3)
        assert (found.function, found.cause) == ("shop:price", Cause.OWN_CODE)
        assert found.gained_ns == pytest.approx(500e3)

    def test_the_measured_call_itself_has_no_name(self) -> None:
        before = CostGraph({OUTSIDE: FunctionCost(1, 10e3)})
        assert names(before, before.times(2), slower_us=10) == []


class TestSameCode:
    """A function whose code is the same on both sides; a profile errs by more than a few per cent at times."""

    @staticmethod
    def with_codes(graph: CostGraph, **codes: str) -> CostGraph:
        return CostGraph(
            {name: replace(one, code=codes.get(name.rpartition(":")[2], "")) for name, one in graph.functions.items()}
        )

    def test_is_not_named_for_its_time_beside_a_function_that_was_changed(self) -> None:
        before, after = slowed(menu=400, price=700)
        before, after = self.with_codes(before, menu="a", price="b"), self.with_codes(after, menu="c", price="b")
        assert names(before, after, slower_us=500) == ["web:menu"]

    def test_that_seems_faster_by_chance_does_not_hide_the_function_that_was_changed(self) -> None:
        before, after = slowed(menu=400, price=-380)
        assert names(before, after, slower_us=400) == []
        before, after = self.with_codes(before, menu="a", price="b"), self.with_codes(after, menu="c", price="b")
        (found,) = blamed_functions(before, after, 400e3)
        assert found.function == "web:menu"
        assert (found.gained_ns, found.of_ns) == pytest.approx((4e5, 4e5))

    def test_is_named_if_no_other_function_is(self) -> None:
        """A constant of the module, or the data, makes it slower."""
        before, after = (self.with_codes(one, menu="a", price="b") for one in slowed(price=700))
        assert names(before, after, slower_us=500) == ["web:price"]

    def test_comes_after_the_functions_whose_code_was_changed_also_if_the_profiles_do_not_show_these(self) -> None:
        """A changed function returned more items; the caller, whose code is the same, calls another one for each."""
        before = costs(menu=(1, 1000, {"price": 10}), price=(10, 1000, {}), items=(1, 50, {}))
        after = costs(menu=(1, 1000, {"price": 30}), price=(30, 3000, {}), items=(1, 51, {}))
        before = self.with_codes(before, menu="a", price="b", items="c")
        after = self.with_codes(after, menu="a", price="b", items="d")
        found = blamed_functions(before, after, 2000e3)
        assert [(one.function, one.cause) for one in found] == [
            ("web:items", Cause.OTHER_CODE),
            ("web:menu", Cause.MORE_CALLS),
        ]

    def test_where_nothing_stands_out_the_functions_whose_code_was_changed_are_named(self) -> None:
        before, after = slowed(menu=20)
        assert names(before, after, slower_us=20) == []
        before, after = self.with_codes(before, menu="a", price="b"), self.with_codes(after, menu="c", price="b")
        assert [one.cause for one in blamed_functions(before, after, 20e3)] == [Cause.OTHER_CODE]

    def test_is_named_for_its_calls_which_are_counted(self) -> None:
        before = costs(menu=(1, 1000, {"price": 10}), price=(10, 1000, {}), tax=(1, 50, {}))
        after = costs(menu=(1, 1000, {"price": 30}), price=(30, 3000, {}), tax=(1, 900, {}))
        before, after = self.with_codes(before, menu="a", tax="b"), self.with_codes(after, menu="a", tax="c")
        assert names(before, after, slower_us=2000) == ["web:menu", "web:tax"]

    def test_calls_a_new_decorator(self) -> None:
        before = costs(menu=(1, 1000, {"tax": 1}), tax=(1, 500, {}))
        after = costs(menu=(1, 1000, {"rows": 1}), rows=(1, 200, {"tax": 1}), tax=(1, 500, {}))
        assert names(self.with_codes(before, menu="a"), self.with_codes(after, menu="a"), slower_us=200) == ["web:rows"]

    def test_is_not_around_a_part_that_was_split_off(self) -> None:
        """A part of the menu is a function now, and the tax became slower."""
        before = costs(menu=(1, 1000, {"tax": 1}), tax=(1, 500, {}))
        after = costs(menu=(1, 800, {"rows": 1}), rows=(1, 200, {"tax": 1}), tax=(1, 700, {}))
        before, after = self.with_codes(before, menu="a", tax="t"), self.with_codes(after, menu="b", tax="u")
        assert names(before, after, slower_us=200) == ["web:tax"]


class TestACleanChangeBesideARegression:
    """One commit tidies a function and makes another one slower: the other one is to blame."""

    BEFORE = costs(
        menu=(1, 200, {"price": 10, "tax": 10}),
        price=(10, 1000, {"rounded": 20}),
        rounded=(20, 100, {}),
        tax=(10, 500, {}),
    )
    CLEAN: Mapping[str, Mapping[str, tuple[float, float, Mapping[str, float]]]] = {
        "renamed": {
            "price": (0, 0, {}),
            "cost": (10, 1000, {"rounded": 20}),
            "menu": (1, 200, {"cost": 10, "tax": 10}),
        },
        "split": {"price": (10, 600, {"rounded": 20, "discount": 10}), "discount": (10, 400, {})},
        "joined": {"price": (10, 1100, {}), "rounded": (0, 0, {})},
    }

    def _after(self, clean: str, **slower: tuple[float, float, Mapping[str, float]]) -> CostGraph:
        changed = {"price": (10.0, 1000.0, {"rounded": 20.0}), "rounded": (20.0, 100.0, {}), "tax": (10.0, 500.0, {})}
        kept = {"menu": (1.0, 200.0, {"price": 10.0, "tax": 10.0}), **changed, **self.CLEAN[clean], **slower}
        return costs(**{name: one for name, one in kept.items() if one[0]})

    def _noisy(self, graph: CostGraph, draw: random.Random) -> CostGraph:
        """Return a profile whose times err by about a per cent each."""
        return CostGraph(
            {name: replace(one, own_ns=one.own_ns * draw.gauss(1, 0.01)) for name, one in graph.functions.items()}
        )

    @pytest.mark.parametrize("clean", CLEAN)
    @pytest.mark.parametrize("slower", [(10, 700, {}), (10, 500, {"str.split": 200})], ids=["lines", "library"])
    def test_the_regression_is_named_first(self, clean: str, slower: tuple[float, float, Mapping[str, float]]) -> None:
        draw = random.Random(11)
        after = self._after(clean, tax=(slower[0], 700, slower[2]))
        for _ in range(50):
            found = names(self._noisy(self.BEFORE, draw), self._noisy(after, draw), slower_us=200)
            assert found == ["web:tax"]

    @pytest.mark.parametrize("clean", CLEAN)
    def test_the_clean_change_alone_is_not_named(self, clean: str) -> None:
        draw = random.Random(11)
        for _ in range(50):
            assert names(self._noisy(self.BEFORE, draw), self._noisy(self._after(clean), draw), slower_us=200) == []

    def test_the_caller_of_a_renamed_function_is_named_if_that_became_slower(self) -> None:
        draw = random.Random(11)
        after = self._after("renamed", cost=(10, 1200, {"rounded": 20}))
        for _ in range(50):
            (found,) = blamed_functions(self._noisy(self.BEFORE, draw), self._noisy(after, draw), 200e3)
            assert (found.function, found.cause, found.callee) == ("web:menu", Cause.OTHER_CALLS, "web:cost")

    def test_a_function_that_was_moved_is_not_named_beside_one_that_is_called_more_often(self) -> None:
        after = costs(
            menu=(1, 200, {"price": 10, "tax": 30}),
            price=(10, 1000, {"rounded": 20}),
            rounded=(20, 100, {}),
            tax=(30, 1500, {}),
        ).renamed({"web:price": "prices:price"})
        (found,) = blamed_functions(self.BEFORE, after, 1000e3)
        assert (found.function, found.cause, found.callee) == ("web:menu", Cause.MORE_CALLS, "web:tax")


@pytest.mark.parametrize(("calls", "named"), [(101, []), (150, ["web:menu"])])
def test_calls_so_few_that_the_profiles_err_by_as_many_name_nobody(calls: float, named: list[str]) -> None:
    """A generator that `str.join` resumes counts as called by another function that calls `str.join`."""
    was = costs(menu=(1, 100, {"price": 100}), price=(100, 900, {}))
    now = costs(menu=(1, 100, {"price": calls}), price=(calls, 9 * calls, {}))
    assert [one.function for one in blamed_functions(was, now, 9e3 * (calls - 100))] == named


class TestChangedFunctions:
    """Functions that were changed, and that no profile may have."""

    def test_they_are_told_where_the_profiles_name_no_function(self) -> None:
        (found,) = with_other_code([], lambda: ["app:square"])
        assert (found.function, found.cause) == ("app:square", Cause.OTHER_CODE)

    def test_they_follow_a_function_that_is_the_same_and_waits_for_them(self) -> None:
        waits = Blame("app:ask", Cause.SLOWER_LIBRARY, 9.0, 10.0, "queue:get", is_unchanged=True)
        assert [one.function for one in with_other_code([waits], lambda: ["app:square"])] == ["app:ask", "app:square"]

    def test_functions_of_modules_in_the_profiles_come_first(self) -> None:
        found = with_other_code([], lambda: ["app.parsing:checksum", "app.worker:work"], ["app.worker:Worker.ask"])
        assert [one.function for one in found] == ["app.worker:work", "app.parsing:checksum"]

    def test_they_are_no_matter_where_changed_code_explains_the_slowdown(self) -> None:
        found = [Blame("app:ask", Cause.OWN_CODE, 9.0, 10.0, is_changed=True)]
        assert with_other_code(found, lambda: ["app:square"]) == found

    def test_a_long_list_is_not_told_and_no_function_twice(self) -> None:
        assert with_other_code([], lambda: [f"app:f{number}" for number in range(6)]) == []
        known = Blame("app:square", Cause.OTHER_CODE, 0.0, 0.0, is_changed=True)
        assert with_other_code([known], lambda: ["app:square"]) == [known]
