"""The recommendations for a failed measurement: each from its evidence, and none without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from results import budget, change, measurement

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.call_graph import CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.recommendations import Advice, recommendations_of
from pytest_perfbudget.core.results import BudgetVerdict, Growth, RegressionVerdict, Repeat
from pytest_perfbudget.core.spans.changes import ComponentChange, SpanComparison
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.core.spans.shares import SpanShare

EXECUTE = "method 'execute' of 'sqlite3.Connection' objects"
TOP = ("", "shop:basket", 1, 1000.0)
Edge = tuple[str, str, int, float]
MANY = [("shop:basket", "shop:price", 40, 900.0)]
FEW = [("shop:basket", "shop:price", 2, 10.0)]


def graph(*edges: Edge) -> CallGraph:
    return CallGraph([CallEdge(*one) for one in edges])


def slower(head: list[Edge], base: list[Edge] | None, **changed: Any) -> Measurement:
    """Return a measurement that takes 20 times as long, with the profiled call of each side."""
    graphs = CallGraphs(graph(TOP, *head), None if base is None else graph(TOP, *base))
    return measurement(changed.pop("change", change(ratio=20.0)), call_graphs=graphs, **changed)


def price(gained_ns: float) -> Blame:
    """Return the blame of calls of `shop:price` for a part of a slowdown, of 100 ns by the profiles."""
    return Blame("shop:basket", Cause.MORE_CALLS, gained_ns, 100.0, "shop:price", 2, 40)


def advice(found: Measurement) -> list[Advice]:
    return [one.advice for one in recommendations_of(found)]


class TestProfiles:
    """The profiled calls of both sides."""

    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (("shop:basket", EXECUTE, 1, 10.0), ("shop:basket", EXECUTE, 101, 800.0), Advice.QUERIES_IN_A_LOOP),
            (("shop:basket", "json:dumps", 1, 10.0), ("shop:basket", "json:dumps", 1, 500.0), Advice.SERIALISATION),
            (None, ("shop:basket", "built-in method _pickle.loads", 1, 500.0), Advice.SERIALISATION),
            (None, ("shop:basket", "built-in method time.sleep", 1, 500.0), Advice.WAITING),
            (None, ("shop:basket", "method 'acquire' of '_thread.lock' objects", 1, 500.0), Advice.WAITING),
            (None, ("shop:basket", "threading:Event.wait", 1, 500.0), Advice.WAITING),
            (None, ("shop:basket", "queue:Queue.get", 1, 500.0), Advice.WAITING),
            (None, ("shop:basket", "concurrent.futures._base:Future.result", 1, 500.0), Advice.WAITING),
            (None, ("shop:basket", "shop.queue:Queue.get", 1, 500.0), Advice.NOT_REMEMBERED),
            (None, ("shop:basket", "shop:prices", 1, 500.0), Advice.NOT_REMEMBERED),
            (None, ("shop:basket", EXECUTE, 1, 500.0), Advice.NOT_REMEMBERED),
            (("shop:basket", "shop:price", 2, 10.0), ("shop:basket", "shop:price", 40, 500.0), Advice.CALL_GROWTH),
        ],
    )
    def test_the_call_that_grew_says_what_to_do(self, before: Edge | None, after: Edge, expected: Advice) -> None:
        (found,) = recommendations_of(slower([after], [] if before is None else [before]))
        assert found.advice is expected
        assert (found.place, found.subject) == after[:2]
        assert (found.before, found.after) == (0 if before is None else before[2], after[2])
        assert found.saves == pytest.approx((after[3] - (0 if before is None else before[3])) / 1000)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (("shop:basket", "shop:price", 2, 10.0), ("shop:basket", "shop:price", 2, 500.0)),  # slower, not oftener
            (("shop:basket", EXECUTE, 4, 10.0), ("shop:basket", EXECUTE, 4, 500.0)),  # a slower query
            (("shop:basket", "shop:price", 2, 490.0), ("shop:basket", "shop:price", 40, 500.0)),  # saves nothing
            (("shop:basket", "shop:price", 4, 10.0), ("shop:basket", "shop:price", 5, 500.0)),
            (("shop:basket", "built-in method len", 1, 10.0), ("shop:basket", "built-in method len", 90, 500.0)),
            (("shop:basket", "queue:Queue.put", 1, 10.0), ("shop:basket", "queue:Queue.put", 1, 500.0)),  # no waiting
        ],
    )
    def test_other_calls_say_nothing(self, before: Edge, after: Edge) -> None:
        assert advice(slower([after], [before])) == []

    def test_the_place_of_a_query_is_the_loop_around_it(self) -> None:
        head = [("shop:basket", "shop:price", 50, 900.0), ("shop:price", EXECUTE, 50, 800.0)]
        base = [("shop:basket", "shop:price", 1, 18.0), ("shop:price", EXECUTE, 1, 16.0)]
        first, second = recommendations_of(slower(head, base))
        assert (first.advice, first.place) == (Advice.QUERIES_IN_A_LOOP, "shop:basket")
        assert second.advice is Advice.CALL_GROWTH  # the same calls, in general

    def test_a_loop_may_query_in_another_place_than_before(self) -> None:
        head = [
            ("shop:basket", EXECUTE, 1, 10.0),
            ("shop:basket", "shop:basket.<listcomp>", 1, 900.0),
            ("shop:basket.<listcomp>", EXECUTE, 100, 800.0),
        ]
        base = [("shop:basket", EXECUTE, 1, 10.0), ("shop:basket", "shop:basket.<listcomp>", 1, 100.0)]
        (found,) = recommendations_of(slower(head, base))
        assert (found.advice, found.place, found.after) == (Advice.QUERIES_IN_A_LOOP, "shop:basket", 101)

    def test_what_a_new_call_does_is_part_of_that_call(self) -> None:
        head = [("shop:basket", "shop:prices", 1, 900.0), ("shop:prices", EXECUTE, 9, 800.0)]
        assert advice(slower(head, [])) == [Advice.NOT_REMEMBERED]

    def test_the_largest_saving_comes_first(self) -> None:
        head = [("shop:basket", "json:dumps", 1, 300.0), ("shop:basket", "built-in method time.sleep", 1, 500.0)]
        assert advice(slower(head, [])) == [Advice.WAITING, Advice.SERIALISATION]
        general = [("shop:basket", "json:dumps", 1, 250.0), ("shop:basket", "shop:prices", 1, 700.0)]
        assert advice(slower(general, [])) == [Advice.NOT_REMEMBERED, Advice.SERIALISATION]

    @pytest.mark.parametrize(("share", "expected"), [(0.2, []), (0.3, [Advice.SERIALISATION])])
    def test_without_the_other_side_a_large_share_is_evidence(self, share: float, expected: list[Advice]) -> None:
        edges = [("shop:basket", "json:dumps", 1, 1000 * share), ("json:dumps", "json.encoder:encode", 1, 1000 * share)]
        assert advice(slower(edges, None)) == expected


class TestSavings:
    """A saving is an upper bound: as much as the test lost, less what other causes took."""

    def saved(self, *blamed: Blame, ratio: float = 1.25) -> list[float]:
        found = recommendations_of(slower(MANY, FEW, change=change(ratio=ratio, blamed=blamed)))
        return [one.saves for one in found]

    def test_a_profile_that_inflates_calls_does_not_save_more_than_was_lost(self) -> None:
        assert self.saved() == [pytest.approx(0.2)]
        assert self.saved(ratio=100.0) == [pytest.approx(0.89)]

    @pytest.mark.parametrize("gained_ns", [30.0, 90.0, 150.0])
    def test_the_only_known_cause_may_be_all_of_the_slowdown(self, gained_ns: float) -> None:
        """By an error of the profiles its part seems to be a third of the slowdown, or more than all of it."""
        assert self.saved(price(gained_ns)) == [pytest.approx(0.2)]

    def test_a_part_that_another_cause_took_is_not_saved(self) -> None:
        tax = Blame("shop:tax", Cause.OWN_CODE, 40.0, 100.0)
        assert self.saved(price(60.0), tax) == [pytest.approx(0.2 * 0.6)]

    @pytest.mark.parametrize(("calls", "expected"), [((70.0, 10.0), []), ((200.0, 10.0), [Advice.CALL_GROWTH])])
    def test_a_small_part_of_a_slowdown_is_no_advice(self, calls: tuple[float, float], expected: list[Advice]) -> None:
        """A test that takes twice as long loses half of its time: a saving of 6 % is no way back."""
        after, before = (
            ("shop:basket", "shop:price", number, time) for number, time in zip((40, 2), calls, strict=True)
        )
        tax = Blame("shop:tax", Cause.OWN_CODE, 90.0, 100.0)
        assert advice(slower([after], [before], change=change(ratio=2.0, blamed=[tax]))) == expected

    def test_each_of_four_equal_parts_of_a_slowdown_is_advice(self) -> None:
        head = [
            ("shop:basket", "built-in method time.sleep", 1, 110.0),
            ("shop:basket", "json:dumps", 1, 110.0),
            ("shop:basket", EXECUTE, 40, 110.0),
            ("shop:basket", "shop:price", 40, 110.0),
        ]
        base = [("shop:basket", EXECUTE, 1, 0.0), ("shop:basket", "shop:price", 2, 0.0)]
        assert len(advice(slower(head, base, change=change(ratio=1.79)))) == 4

    def test_a_budget_that_is_exceeded_has_the_advice_of_a_small_part(self) -> None:
        """The way back below the limit may be short."""
        head, base = [("shop:basket", "shop:price", 40, 70.0)], [("shop:basket", "shop:price", 2, 10.0)]
        graphs = CallGraphs(graph(TOP, *head), graph(TOP, *base))
        tax = Blame("shop:tax", Cause.OWN_CODE, 90.0, 100.0)
        slow = change(ratio=2.0, blamed=[tax])
        assert advice(measurement(slow, call_graphs=graphs)) == []
        assert advice(measurement(slow, budget(), call_graphs=graphs)) == [Advice.CALL_GROWTH]

    @pytest.mark.parametrize(("is_unchanged", "expected"), [(False, [Advice.WAITING]), (True, [])])
    def test_unchanged_code_that_waits_has_not_the_cause(self, expected: list[Advice], *, is_unchanged: bool) -> None:
        """The other code has for which this code waits, such as that of a thread."""
        wait = ("shop:basket", "queue:Queue.get", 1, 500.0)
        waits = Blame(
            "shop:basket", Cause.SLOWER_LIBRARY, 90.0, 100.0, "queue:Queue.get", 1, 1, is_unchanged=is_unchanged
        )
        found = slower([wait], [(*wait[:3], 10.0)], change=change(ratio=1.9, blamed=[waits]))
        assert advice(found) == expected

    def test_time_comes_before_memory_where_the_time_regressed(self) -> None:
        peak = change(metric="peak", unit="bytes", before=1e6, after=4e6, ratio=4.0)
        graphs = slower(MANY, FEW).call_graphs
        both = measurement(change(ratio=1.25), peak, call_graphs=graphs)
        assert advice(both) == [Advice.CALL_GROWTH, Advice.MEMORY_GROWTH]
        small = CallGraphs(graph(TOP, ("shop:basket", "shop:price", 40, 300.0)), graph(TOP, *FEW))
        assert advice(measurement(peak, budget(), call_graphs=small)) == [Advice.MEMORY_GROWTH, Advice.CALL_GROWTH]

    @pytest.mark.parametrize(
        ("failed", "expected"),
        [
            (budget(), [Advice.SERIALISATION]),
            (budget(metric="calls", unit="calls"), [Advice.SERIALISATION]),
            (budget(metric="peak", unit="bytes"), []),
            (change(metric="peak", unit="bytes", before=1e6, after=4e6, ratio=4.0), [Advice.MEMORY_GROWTH]),
        ],
    )
    def test_memory_that_fails_gets_no_advice_about_time(self, failed: Any, expected: list[Advice]) -> None:
        graphs = CallGraphs(graph(TOP, ("shop:basket", "json:dumps", 1, 700.0)))
        assert advice(measurement(failed, call_graphs=graphs)) == expected


def test_another_function_of_a_name_does_not_blame_the_last_of_that_name() -> None:
    """The new function stands above the others in its file, so that these have other numbers than in the base."""
    base = [("shop:work", "shop:<lambda>", 1, 50.0), ("shop:work", "shop:<lambda>#2", 1, 500.0)]
    head = [
        ("shop:work", "shop:<lambda>", 1, 300.0),
        ("shop:work", "shop:<lambda>#2", 1, 50.0),
        ("shop:work", "shop:<lambda>#3", 1, 500.0),
    ]
    top = ("", "shop:work", 1, 1_000.0)
    found = replace(slower([], None), call_graphs=CallGraphs(graph(top, *head), graph(top, *base)))
    assert [(one.subject, one.before, one.after) for one in recommendations_of(found)] == [("shop:<lambda>", 2, 3)]


@pytest.mark.parametrize(
    ("before", "after", "is_loop"), [(1, 2, False), (790, 1_580, False), (1, 3, True), (2, 90, True)]
)
def test_a_few_more_calls_are_no_loop(before: int, after: int, *, is_loop: bool) -> None:
    """A generator that is made once more resumes as often again."""
    head, base = [("shop:basket", "shop:price", after, 900.0)], [("shop:basket", "shop:price", before, 10.0)]
    (found,) = recommendations_of(slower(head, base))
    assert found.is_loop is is_loop


class TestOtherEvidence:
    """Functions that are called more often, threads, memory, and repeated queries."""

    def test_functions_that_are_called_more_often(self) -> None:
        twice = change(ratio=2.0, grown=[Growth("shop:price", 1, 101)])
        (found,) = recommendations_of(measurement(twice))
        assert (found.advice, found.subject, found.before, found.after) == (Advice.CALL_GROWTH, "shop:price", 1, 101)
        assert found.saves == pytest.approx(0.5 * 100 / 101)

    @pytest.mark.parametrize(
        ("cause", "callee", "before", "after", "expected"),
        [
            (Cause.MORE_CALLS, "shop:price", 0, 1, (Advice.NOT_REMEMBERED, 0, 1)),
            (Cause.MORE_CALLS, "shop:price", 1, 100, (Advice.CALL_GROWTH, 1, 100)),
            (Cause.MORE_CALLS, "shop:price", 0.01, 1, (Advice.NOT_REMEMBERED, None, 1)),
            (Cause.MORE_CALLS, "json:dumps", 1, 1, (Advice.SERIALISATION, 1, 1)),
            (Cause.SLOWER_LIBRARY, "built-in method time.sleep", 1, 1, (Advice.WAITING, 1, 1)),
            (Cause.SLOWER_LIBRARY, "built-in method builtins.sorted", 1, 1, None),
            (Cause.MORE_CALLS, "built-in method builtins.len", 1, 100, None),
            (Cause.OWN_CODE, "", 0, 0, None),
        ],
    )
    def test_the_code_that_became_slower_is_the_place(
        self, cause: Cause, callee: str, before: float, after: float, expected: tuple[Advice, int | None, int] | None
    ) -> None:
        blamed = [Blame("shop:basket", cause, 90.0, 100.0, callee, before, after)]
        found = recommendations_of(measurement(change(ratio=2.0, blamed=blamed, grown=[Growth("shop:tax", 1, 9)])))
        assert [(one.advice, one.before, one.after) for one in found] == ([expected] if expected else [])
        assert all((one.place, one.subject) == ("shop:basket", callee) for one in found)
        assert all(one.saves == pytest.approx(0.5) for one in found)  # nothing else explains the rest

    def test_calls_that_cost_no_time_save_calls(self) -> None:
        grown = [Growth("shop:price", 1, 101)]
        calls = change(metric="calls", unit="calls", before=100, after=200, ratio=2.0, grown=grown)
        (found,) = recommendations_of(measurement(calls))
        assert (found.advice, found.cost, found.saves) == (Advice.CALL_GROWTH, "calls", 0.5)
        timed = change(ratio=2.0, grown=[Growth("shop:basket", 1, 5)])
        assert [(one.subject, one.cost) for one in recommendations_of(measurement(calls, timed))] == [
            ("shop:basket", "time")
        ]

    @pytest.mark.parametrize(("time_ns", "saved"), [(300.0, [0.15]), (900.0, [0.25]), (90.0, []), (0.0, [])])
    def test_additional_calls_save_no_more_than_they_take_in_the_profile(
        self, time_ns: float, saved: list[float]
    ) -> None:
        """The calls were half as many, so half of their time is saved, and no more than half of the slowdown."""
        twice = change(ratio=2.0, grown=[Growth("shop:price", 2, 4)])
        found = recommendations_of(slower([("shop:basket", "shop:price", 4, time_ns)], None, change=twice))
        assert [one.saves for one in found] == [pytest.approx(one) for one in saved]

    def test_a_named_cause_saves_no_more_than_its_share_of_the_profile(self) -> None:
        twice = change(ratio=2.0, blamed=[price(90.0)])
        (found,) = recommendations_of(slower([("shop:basket", "shop:price", 40, 200.0)], None, change=twice))
        assert found.saves == pytest.approx(0.2)

    @pytest.mark.parametrize(
        ("function", "expected"),
        [("built-in method builtins.len", []), ("method 'upper' of 'str' objects", []), ("shop:size", [0.5])],
    )
    def test_the_result_of_a_built_in_function_is_not_remembered(self, function: str, expected: list[float]) -> None:
        found = recommendations_of(measurement(change(ratio=2.0, grown=[Growth(function, 0, 1)])))
        assert [one.saves for one in found] == expected

    def test_a_number_of_calls_that_nobody_knows_says_nothing(self) -> None:
        assert advice(measurement(change(ratio=2.0, grown=[Growth("shop:price", None, 101)]))) == []

    @pytest.mark.parametrize(("cpu", "expected"), [(0.1e6, [Advice.WAITING]), (3e6, [])])
    def test_a_slowdown_that_is_waiting(self, cpu: float, expected: list[Advice]) -> None:
        total = ComponentChange("", 1e6, 2e6, 0.9e6, 1.1e6)
        thread = [ComponentChange(name, 0.0, ns, None, None) for name, ns in (("cpu", cpu), ("rest", 0.9e6))]
        parts = SpanComparison(total, [ComponentChange("query", 0.0, 1e6, 0.9e6, 1.1e6)], 6, thread=thread)
        found = recommendations_of(measurement(change(components=parts)))
        assert [one.advice for one in found] == expected
        assert all((one.place, one.unit, one.after) == ("query", "ns", 0.9e6) for one in found)

    def test_memory_that_grew(self) -> None:
        grown = change(metric="peak", unit="bytes", before=1e6, after=4e6, ratio=4.0)
        (found,) = recommendations_of(measurement(grown))
        assert (found.advice, found.before, found.after, found.saves) == (Advice.MEMORY_GROWTH, 1e6, 4e6, 0.75)

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ("SELECT * FROM tasks WHERE id = ?", Advice.QUERIES_IN_A_LOOP),
            ("SELECT count(*) FROM tasks", Advice.REPEATED_STATEMENT),
        ],
    )
    def test_a_query_that_an_execution_repeats(self, statement: str, expected: Advice) -> None:
        many = budget(metric="count", span="query", repeats=[Repeat(statement, 4, "shop.py:3")])
        spans = SpanFacts(1, 100.0, 0.0, shares=[SpanShare("query", 4, 80.0, 0.8)])
        (found,) = recommendations_of(measurement(many, spans=spans))
        assert (found.advice, found.place, found.subject, found.after) == (expected, "shop.py:3", statement, 4)
        assert found.saves == pytest.approx(0.6)

    def test_queries_that_take_hardly_any_time_are_saved_as_a_number(self) -> None:
        many = budget(metric="count", span="query", estimate=5, repeats=[Repeat("SELECT 1", 4, "shop.py:3")])
        spans = SpanFacts(1, 100.0, 0.0, shares=[SpanShare("query", 4, 1.0, 0.01)])
        (found,) = recommendations_of(measurement(many, spans=spans))
        assert (found.cost, found.saves) == ("count", 0.6)


@pytest.mark.parametrize(
    "result",
    [change(RegressionVerdict.UNCHANGED), change(RegressionVerdict.UNDECIDED), budget(BudgetVerdict.UNDECIDED)],
)
def test_a_measurement_that_does_not_fail_has_none(result: Any) -> None:
    head: list[Edge] = [("shop:basket", "built-in method time.sleep", 1, 900.0)]
    assert advice(slower(head, [])) == [Advice.WAITING]
    graphs = slower(head, []).call_graphs
    assert advice(measurement(result, call_graphs=graphs)) == []
