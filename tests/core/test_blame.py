"""Blame: which function's code has caused a slowdown, and how."""

from __future__ import annotations

import pytest
from cost_graphs import Program, costs, executed
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.blame import Blame, Cause, blame
from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost

NAMES = ["a", "b", "c", "d"]
PROGRAMS = st.fixed_dictionaries(
    {
        name: st.tuples(st.integers(0, 1_000_000).map(float), st.lists(st.sampled_from(NAMES), max_size=3))
        for name in NAMES
    }
)
"""Programs with any recursion, directly or by others."""


def parts(before: CostGraph, after: CostGraph) -> dict[str, float]:
    """Return the parts of the functions that became slower, in us."""
    return {one.function: one.gained_ns / 1e3 for one in blame(before, after) if one.gained_ns > 0}


def first(before: CostGraph, after: CostGraph) -> tuple[str, Cause, str, float, float]:
    """Return the largest part without its numbers."""
    one = blame(before, after)[0]
    return one.function, one.cause, one.callee, one.before, one.after


class TestParts:
    @given(PROGRAMS, PROGRAMS)
    def test_all_parts_together_are_the_slowdown(self, before: Program, after: Program) -> None:
        old, new = executed(before, "a"), executed(after, "a")
        found = blame(old, new)
        total = sum(one.gained_ns for one in found)
        assert total == pytest.approx(
            new.total_ns - old.total_ns, rel=1e-6, abs=1e-6 * (new.total_ns + old.total_ns + 1)
        )
        assert all(one.of_ns == new.total_ns - old.total_ns for one in found)

    @given(PROGRAMS)
    def test_unchanged_code_has_no_part(self, program: Program) -> None:
        graph = executed(program, "a")
        assert all(abs(one.gained_ns) <= 1e-6 * (graph.total_ns + 1) for one in blame(graph, graph))

    @given(PROGRAMS, st.sampled_from(NAMES), st.integers(10_000, 1_000_000))
    def test_a_function_with_slower_lines_has_the_whole_slowdown(self, program: Program, name: str, more: int) -> None:
        own, called = program[name]
        old, new = executed(program, "a"), executed({**program, name: (own + more, called)}, "a")
        calls = new.functions[name].calls if name in new.functions else 0
        expected = {name: calls * more / 1e3} if calls else {}
        found = {one: us for one, us in parts(old, new).items() if us > 1e-9 * old.total_ns + 1e-6}
        assert found == pytest.approx(expected, rel=1e-3)


class TestCauses:
    def test_the_caller_of_a_function_that_was_not_called_before_is_the_cause(self) -> None:
        """The function that is called more often, and those below it, are the consequence."""
        before = costs(menu=(1, 4, {}))
        after = costs(menu=(1, 4, {"make_menu": 1}), make_menu=(1, 7, {"price": 30}), price=(30, 30, {}))
        assert parts(before, after) == pytest.approx({"web:menu": 37})
        assert first(before, after) == ("web:menu", Cause.MORE_CALLS, "web:make_menu", 0, 1)

    def test_a_loop_around_a_call_is_the_cause_and_the_function_below_is_not(self) -> None:
        before = costs(menu=(1, 4, {"price": 1}), price=(1, 2, {"tax": 1}), tax=(1, 1, {}))
        after = costs(menu=(1, 6, {"price": 50}), price=(50, 100, {"tax": 50}), tax=(50, 50, {}))
        assert parts(before, after) == pytest.approx({"web:menu": 2 + 49 * 3})
        assert first(before, after) == ("web:menu", Cause.MORE_CALLS, "web:price", 1, 50)

    def test_a_slower_function_that_is_called_more_often_too_shares_the_blame(self) -> None:
        before = costs(menu=(1, 4, {"price": 10}), price=(10, 10, {}))
        after = costs(menu=(1, 4, {"price": 20}), price=(20, 40, {}))
        assert parts(before, after) == pytest.approx({"web:menu": 10, "web:price": 20})

    def test_a_slower_function_in_the_place_of_another(self) -> None:
        """Whether it is the other one with a new name, a profile does not say."""
        before = costs(menu=(1, 4, {"price": 10}), price=(10, 10, {}))
        after = costs(menu=(1, 4, {"cost": 10}), cost=(10, 25, {}))
        assert parts(before, after) == pytest.approx({"web:menu": 15})
        assert first(before, after) == ("web:menu", Cause.OTHER_CALLS, "web:cost", 0, 10)
        assert blame(before, after)[0].instead == "web:price"

    def test_a_call_that_replaces_little_is_an_additional_call(self) -> None:
        before = costs(menu=(1, 4, {"price": 10}), price=(10, 10, {}))
        after = costs(menu=(1, 4, {"cost": 10}), cost=(10, 250, {}))
        assert first(before, after) == ("web:menu", Cause.MORE_CALLS, "web:cost", 0, 10)

    def test_slower_lines(self) -> None:
        before, after = costs(menu=(1, 4, {})), costs(menu=(1, 40, {}))
        assert first(before, after) == ("web:menu", Cause.OWN_CODE, "", 0, 0)

    def test_a_library_function_that_is_called_more_often(self) -> None:
        before, after = costs(menu=(1, 4, {"re.compile": 1})), costs(menu=(1, 33, {"re.compile": 30}))
        assert first(before, after) == ("web:menu", Cause.MORE_CALLS, "re.compile", 1, 30)

    def test_library_functions_that_are_called_more_often_together(self) -> None:
        """Neither of them alone takes half of the additional time; a third one is called as often as before."""
        before = costs(menu=(1, 40, {"str.split": 10, "str.strip": 1}))
        after = costs(menu=(1, 160, {"str.split": 10, "str.strip": 41, "str.isalpha": 50, "len": 3}))
        assert first(before, after) == ("web:menu", Cause.MORE_CALLS, "str.isalpha", 0, 50)
        assert blame(before, after)[0].also == (("str.strip", 1, 41),)

    def test_a_library_function_that_takes_longer_for_as_many_calls(self) -> None:
        before, after = costs(menu=(2, 4, {"json.dumps": 2})), costs(menu=(2, 60, {"json.dumps": 2}))
        menu = after.functions["web:menu"]
        slow = FunctionCost(menu.calls, menu.own_ns, menu.callees, {"json.dumps": LibraryCost(2, 58_000.0)})
        assert first(before, CostGraph({**after.functions, "web:menu": slow})) == (
            "web:menu", Cause.SLOWER_LIBRARY, "json.dumps", 1, 1,
        )  # fmt: skip

    def test_library_functions_that_take_longer_together_are_not_the_functions_own_lines(self) -> None:
        """A call waits in both for the same answer; a third one takes hardly longer."""
        before, after = (
            CostGraph(
                {"web:ask": FunctionCost(1, own_ns, {}, {name: LibraryCost(1, ns) for name, ns in times.items()})}
            )
            for own_ns, times in (
                (9e3, {"socket:send": 2e3, "socket:recv": 4e3, "json:dumps": 1e3}),
                (49e3, {"socket:send": 20e3, "socket:recv": 23e3, "json:dumps": 2e3}),
            )
        )
        assert first(before, after) == ("web:ask", Cause.SLOWER_LIBRARY, "socket:recv", 1, 1)
        assert blame(before, after)[0].also == (("socket:send", 1, 1),)

    @pytest.mark.parametrize(
        ("copy_ns", "cause", "callee"),
        [(18e3, Cause.MORE_CALLS, "numpy.copy"), (8e3, Cause.SLOWER_LIBRARY, "numpy.std")],
    )
    def test_a_further_call_comes_before_a_slower_one_which_may_follow_from_it(
        self, copy_ns: float, cause: Cause, callee: str
    ) -> None:
        """The copy is not in the caches, so what reads it takes longer. Calls are counted, times are not."""
        before, after = (
            CostGraph({"web:plan": FunctionCost(1, sum(times.values()), {}, {
                name: LibraryCost(1, ns) for name, ns in times.items()
            })})
            for times in ({"numpy.std": 10e3}, {"numpy.std": 30e3, "numpy.copy": copy_ns})
        )  # fmt: skip
        assert first(before, after)[:3] == ("web:plan", cause, callee)

    def test_a_decorator_is_the_cause_not_the_callers_of_its_function(self) -> None:
        before = costs(menu=(1, 4, {"price": 10}), price=(10, 10, {}))
        after = costs(menu=(1, 4, {"traced": 10}), traced=(10, 30, {"price": 10}), price=(10, 10, {}))
        assert parts(before, after) == pytest.approx({"web:traced": 30})
        assert first(before, after) == ("web:traced", Cause.NEW_AROUND, "web:price", 1, 1)


def loop(menu: FunctionCost, tasks: float, each_ns: float) -> CostGraph:
    """Return the costs of a menu and of four fetches, some of which are tasks of the event loop."""
    outside = FunctionCost(1.0, 0.0, {"web:menu": 1.0, "web:fetch": tasks})
    return CostGraph({OUTSIDE: outside, "web:menu": menu, "web:fetch": FunctionCost(4.0, 4 * each_ns)})


def test_a_function_that_awaits_in_turn_has_the_waits_that_overlapped() -> None:
    before = loop(FunctionCost(1.0, 50.0), 4.0, 100.0)
    after = loop(FunctionCost(1.0, 50.0, {"web:fetch": 4.0}), 0.0, 400.0)
    assert first(before, after) == ("web:menu", Cause.MORE_CALLS, "web:fetch", 0, 4)
    assert sum(one.gained_ns for one in blame(before, after)) == pytest.approx(1200)
    slower = loop(FunctionCost(1.0, 50.0), 4.0, 400.0)
    assert first(before, slower)[:2] == ("web:fetch", Cause.OWN_CODE)


class TestCleanChanges:
    """Changes that cost nothing have no part."""

    @pytest.mark.parametrize(
        "after",
        [
            costs(menu=(1, 4, {"cost": 10}), cost=(10, 10, {})),  # renamed
            costs(menu=(1, 4, {"price": 10}), price=(10, 4, {"tax": 10}), tax=(10, 6, {})),  # split
            costs(menu=(1, 14, {})),  # written into its caller
            costs(menu=(1, 3, {"rows": 1}), rows=(1, 1, {"price": 10}), price=(10, 10, {})),  # the loop moved
        ],
    )
    def test_a_change_of_form_has_no_part(self, after: CostGraph) -> None:
        before = costs(menu=(1, 4, {"price": 10}), price=(10, 10, {}))
        assert parts(before, after) == pytest.approx({}, abs=1e-9)


def test_blame_is_the_same_after_a_process_boundary() -> None:
    one = Blame("web:menu", Cause.MORE_CALLS, 37e3, 41e3, "web:make_menu", 0.01, 1)
    assert Blame.from_dict(one.to_dict()) == one


def test_the_measured_call_itself_may_be_the_cause() -> None:
    before = CostGraph({OUTSIDE: FunctionCost(1, 10e3, {})})
    (found,) = blame(before, before.times(3))
    assert (found.function, found.gained_ns) == (OUTSIDE, 20e3)


def test_a_part_is_of_the_measured_slowdown() -> None:
    """A profile of a body that took 1 ms longer showed 4 ms; the share is what it knows."""
    one = Blame("web:menu", Cause.OWN_CODE, 3e6, 4e6, compared_ns=8e6).of_slowdown(1e6)
    assert (one.gained_ns, one.of_ns, one.compared_ns, one.share) == (0.75e6, 1e6, 2e6, 0.75)


@pytest.mark.parametrize(("of_ns", "slower_ns"), [(0.0, 1e6), (4e6, 0.0), (4e6, -1e6)])
def test_a_part_of_nothing_stays_as_it_is(of_ns: float, slower_ns: float) -> None:
    one = Blame("web:menu", Cause.OTHER_CODE, 0.0, of_ns)
    assert one.of_slowdown(slower_ns) == one
