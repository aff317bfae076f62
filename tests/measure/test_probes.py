from __future__ import annotations

import contextlib
import cProfile
import operator
import sys
import threading
import tracemalloc
from functools import partial
from typing import Any

import pytest

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.count_passes import MOST_PASSES
from pytest_perfbudget.core.gate import judge_counts
from pytest_perfbudget.core.metrics import METRICS, Direction, Metric
from pytest_perfbudget.core.recording import Counted
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.measure.counting import count_executions
from pytest_perfbudget.measure.one_thread import SEES_ALL_THREADS
from pytest_perfbudget.measure.probes import PROBES, FunctionCalls
from pytest_perfbudget.measure.profile import called_functions
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import PlainSubject

MB = 1_000_000
STOPPED = "the measured code stopped the profiler itself, or uses another: its calls are not counted"


def judge(function: Any, *args: Any, setup: Any = None, **limits: float) -> BudgetResult:
    subject = PlainSubject(function, (args, {}), setup)
    (budget,) = parse_budgets(limits, "here")
    wanted = {budget.metric.name: lambda count: count > budget.limit}
    counted = run_plain(count_executions(subject, wanted, over_budget=wanted))
    (found,) = judge_counts([budget], counted)
    return found


def count(function: Any, **most: float) -> Counted:
    """Count executions; a count above the number that is given for its metric is taken again."""
    wanted = {metric: partial(operator.lt, limit) for metric, limit in most.items()}
    return run_plain(count_executions(PlainSubject(function), wanted))


def allocate(size: int) -> int:
    return len(bytearray(size))


def test_the_peak_is_what_was_held_at_once() -> None:
    found = judge(allocate, 8 * MB, peak_mb=9)
    assert found.verdict is BudgetVerdict.WITHIN
    assert found.estimate == pytest.approx(8 * MB, rel=0.01)
    assert judge(allocate, 8 * MB, peak_mb=7).verdict is BudgetVerdict.EXCEEDED


def test_what_set_up_allocates_is_not_the_calls() -> None:
    found = judge(len, setup=lambda: ((bytearray(8 * MB),), {}), peak_mb=1)
    assert found.verdict is BudgetVerdict.WITHIN


def test_a_trace_of_the_user_goes_on() -> None:
    tracemalloc.start()
    try:
        assert judge(allocate, 8 * MB, peak_mb=7).verdict is BudgetVerdict.EXCEEDED
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    judge(allocate, MB, peak_mb=7)
    assert not tracemalloc.is_tracing()


def fibonacci(number: int) -> int:
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def comprehends() -> set[int]:
    return {abs(one) for one in [two - 3 for two in range(6)]}


def generates() -> int:
    return sum(one for one in range(3))


def test_a_comprehension_is_no_call_in_any_version_of_python() -> None:
    assert judge(comprehends, max_calls=9).estimate == 1 + 6
    assert judge(generates, max_calls=9).estimate == 1 + 1 + 4


@pytest.mark.parametrize(("number", "calls"), [(0, 1), (2, 3), (5, 15)])
def test_calls_are_counted_exactly(number: int, calls: int) -> None:
    found = judge(fibonacci, number, max_calls=calls)
    assert (found.estimate, found.verdict) == (calls, BudgetVerdict.WITHIN)
    if calls > 1:
        assert judge(fibonacci, number, max_calls=calls - 1).verdict is BudgetVerdict.EXCEEDED


def test_a_cache_that_one_pass_fills_is_not_held_against_the_code() -> None:
    seen: list[int] = []

    def warming() -> None:
        if not seen:
            fibonacci(6)
        seen.append(1)

    found = judge(warming, max_calls=3)
    assert (found.verdict, found.rounds) == (BudgetVerdict.WITHIN, 2)


def test_a_call_that_fails_leaves_no_probe_behind() -> None:
    for limits in ({"peak_mb": 1.0}, {"max_calls": 1.0}):
        with pytest.raises(ZeroDivisionError):
            judge(lambda: 1 // 0, **limits)
        assert not tracemalloc.is_tracing()
        assert sys.getprofile() is None


def test_callbacks_of_the_garbage_collector_are_no_calls_of_the_code() -> None:
    import gc

    def noticed(*_: object) -> None:
        return None

    gc.callbacks.append(noticed)
    try:
        found = judge(lambda: [[number] for number in range(30_000)], max_calls=2)
    finally:
        gc.callbacks.remove(noticed)
    assert found.verdict is BudgetVerdict.WITHIN


def test_code_that_stops_tracemalloc_has_no_peak() -> None:
    def meddling() -> None:
        bytearray(8 * MB)
        tracemalloc.start()
        tracemalloc.stop()

    found = judge(meddling, peak_mb=1)
    assert (found.verdict, found.reason) == (BudgetVerdict.UNMEASURED, "the measured code stopped tracemalloc itself")


def test_code_with_a_profiler_of_its_own_has_no_number_of_calls() -> None:
    def profiles_itself() -> None:
        profile = cProfile.Profile()
        with contextlib.suppress(ValueError):  # from Python 3.12 on, there is one profiler at a time
            profile.enable()
        fibonacci(5)
        profile.disable()

    found = judge(profiles_itself, max_calls=10)
    expected = BudgetVerdict.EXCEEDED if SEES_ALL_THREADS else BudgetVerdict.UNMEASURED
    assert found.verdict is expected
    assert found.reason == ("" if SEES_ALL_THREADS else STOPPED)


def test_code_that_ends_the_profiler_has_no_number_of_calls() -> None:
    def ends_the_profiler() -> None:
        if SEES_ALL_THREADS:
            sys.monitoring.free_tool_id(sys.monitoring.PROFILER_ID)  # type: ignore[attr-defined,unused-ignore]
        else:
            sys.setprofile(None)
        fibonacci(5)

    found = judge(ends_the_profiler, max_calls=10)
    assert (found.verdict, found.reason) == (BudgetVerdict.UNMEASURED, STOPPED)
    assert sys.getprofile() is None
    assert threading.getprofile() is None


def test_an_active_profiler_is_said() -> None:
    profile = cProfile.Profile()
    profile.enable()
    try:
        found = judge(fibonacci, 3, max_calls=100)
    finally:
        profile.disable()
    assert (found.verdict, found.reason) == (
        BudgetVerdict.UNMEASURED,
        "another profiler is active: run without it to count calls",
    )


def test_calls_by_function_are_named_by_module_and_the_costliest_comes_first() -> None:
    def inner() -> None:
        len("")

    def outer() -> None:
        inner()
        inner()

    probe = FunctionCalls()
    probe.start()
    outer()
    probe.stop()
    found = called_functions(probe)
    names = [name.rpartition(":")[2].rpartition(".")[2] for name in found]
    assert names[:2] == ["outer", "inner"]
    assert list(found.values())[:2] == [1, 2]
    assert next(iter(found)).partition(":")[0].rpartition(".")[2] == "test_probes"
    assert found["built-in method builtins.len"] == 2


@pytest.mark.parametrize(("most", "passes"), [(1e9, 1), (0.0, 2)])
def test_a_count_is_taken_again_only_above_what_is_allowed(most: float, passes: int) -> None:
    ran: list[int] = []
    found = count(lambda: ran.append(1), calls=most)
    assert (len(ran), found.passes, found.problems) == (passes, {"calls": passes}, {})
    assert found.counts["calls"] == sum(found.functions.values()) == 2


def test_of_two_passes_the_lower_count_holds() -> None:
    fills = iter([100, 0])
    found = count(lambda: [abs(one) for one in range(next(fills))], calls=50)
    assert found.counts["calls"] < 50


class TestRandomWork:
    """Calls that differ from execution to execution are held against a budget by the best of ten passes."""

    @staticmethod
    def _calls(*numbers: int) -> BudgetResult:
        loops = iter(numbers)
        return judge(lambda: [abs(one) for one in range(next(loops))], max_calls=50)

    def test_calls_that_exceed_a_budget_in_half_of_the_executions_are_within(self) -> None:
        found = self._calls(100, 100, 100, 100, 20)
        assert (found.verdict, found.rounds) == (BudgetVerdict.WITHIN, 5)

    def test_calls_that_exceed_a_budget_in_all_executions_are_exceeded(self) -> None:
        found = self._calls(*range(300, 200, -10))
        assert (found.verdict, found.rounds) == (BudgetVerdict.EXCEEDED, MOST_PASSES)
        assert 200 < (found.estimate or 0) < 230


def test_of_a_metric_of_which_more_is_better_the_higher_count_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hits:
        found = iter([3.0, 9.0])

        def __init__(self) -> None:
            self.count = 0.0

        def start(self) -> None: ...

        def stop(self) -> None:
            self.count = next(self.found)

    monkeypatch.setitem(METRICS, "hits", Metric("hits", direction=Direction.HIGHER))
    monkeypatch.setitem(PROBES, "hits", Hits)
    found = run_plain(count_executions(PlainSubject(int), {"hits": lambda hits: hits < 5}))
    assert (found.counts, found.passes) == ({"hits": 9}, {"hits": 2})


def test_memory_is_counted_even_if_calls_cannot_be() -> None:
    sys.setprofile(lambda *_: None)
    try:
        found = count(lambda: bytearray(50_000), calls=1e9, peak=1e9)
    finally:
        sys.setprofile(None)
    assert list(found.counts) == ["peak"]
    assert "another profiler is active" in found.problems["calls"]
    assert found.counts["peak"] > 50_000
