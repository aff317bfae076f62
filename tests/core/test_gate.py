from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.budgets import Budget, parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import BudgetGate, judge_count, judge_counts, unmeasured
from pytest_perfbudget.core.kinds import CALL, KINDS, TIMER
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.recording import Counted, Recording
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Growth, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.core.versions import VersionChange
from pytest_perfbudget.core.weather import BlockTime

ERRORS = Errors(exceeded=0.01, within=0.05)
MS = 1e6


def budget(**limit: float) -> Budget:
    return parse_budgets(limit, "here")[0]


def gate(**limits: float) -> BudgetGate:
    return BudgetGate(parse_budgets(limits, "here"), ERRORS)


def verdicts(found: list[BudgetResult]) -> dict[str, str]:
    return {one.metric: one.verdict.value for one in found}


def test_each_budget_gets_its_own_verdict() -> None:
    samples = Samples([10 * MS] * 72, planned_rounds=100)
    found = gate(p95_ms=50, median_ms=5, p99_ms=50, max_ms=9, min_ms=11).judge(samples)
    assert verdicts(found) == {
        "p95": "within",
        "median": "exceeded",
        "p99": "undecided",
        "max": "exceeded",
        "min": "within",
    }


def test_a_judgement_carries_the_limit_its_source_and_the_bounds() -> None:
    (found,) = gate(p95_ms=50).judge(Samples([10 * MS] * 59, planned_rounds=59))
    assert (found.limit, found.keyword, found.source, found.unit) == (50 * MS, "p95_ms", "here", "ns")
    assert (found.estimate, found.upper, found.rounds, found.used) == (10 * MS, 10 * MS, 59, 0.2)


def test_measuring_goes_on_until_the_last_budget_is_decided() -> None:
    both = gate(p95_ms=50, p99_ms=50)
    first = Samples([MS] * 72, planned_rounds=1000)
    assert verdicts(both.judge(first)) == {"p95": "within", "p99": "undecided"}
    upcoming = both.next_look(first)
    assert upcoming is not None
    assert upcoming > 72
    assert gate(p95_ms=50).next_look(first) is None
    assert gate(p95_ms=50).next_look(Samples([], planned_rounds=1000)) == 2


def test_nothing_is_called_exceeded_after_a_moment_of_many_planned_rounds() -> None:
    stalled = Samples([60 * MS] * 3, planned_rounds=1000)
    assert gate(p95_ms=50).next_look(stalled) == 4
    long = Samples([60 * MS] * 20, planned_rounds=1000)
    assert gate(p95_ms=50).next_look(long) is None


class TestNumberOfAllRounds:
    """A look at the first 72 rounds clears a p95; its number is that of all rounds, of which hundreds may follow."""

    def test_few_slow_calls_at_the_beginning_bring_no_limit_near(self) -> None:
        """Four of the first 72 calls took 4.5 ms, and none of the 328 after them."""
        samples = Samples([*[4.5 * MS, *[MS] * 17] * 4, *[MS] * 328], planned_rounds=400)
        (found,) = gate(p95_ms=5).judge(samples)
        assert (found.verdict, found.estimate, found.rounds, found.used) == (BudgetVerdict.WITHIN, MS, 400, 0.2)
        assert (found.lower, found.upper) == (MS, 4.5 * MS)  # as the verdict used them

    def test_code_that_comes_near_to_its_limit_is_near(self) -> None:
        (found,) = gate(p95_ms=5).judge(Samples([*[MS] * 72, *[4.5 * MS] * 328], planned_rounds=400))
        assert (found.verdict, found.estimate, found.used) == (BudgetVerdict.WITHIN, 4.5 * MS, 0.9)
        assert found.upper == 4.5 * MS  # no number lies outside of its interval

    def test_a_busy_machine_brings_no_limit_near(self) -> None:
        waited_ns = [0.0, 3.5 * MS] * 200
        samples = Samples([MS + one for one in waited_ns], waited_ns=waited_ns, planned_rounds=400)
        (found,) = gate(p95_ms=5).judge(samples)
        assert (found.verdict, found.estimate, found.used) == (BudgetVerdict.WITHIN, MS, 0.2)

    @pytest.mark.parametrize("limits", [{"median_ms": 5}, {"mean_ms": 5}, {"cpu_p95_ms": 5}], ids=str)
    def test_every_statistic_is_that_of_all_rounds(self, limits: dict[str, float]) -> None:
        times_ns = [*[2 * MS] * 500, *[MS] * 9500]
        (found,) = gate(**limits).judge(Samples(times_ns, times_ns, planned_rounds=10_000))
        assert (found.verdict, found.rounds) == (BudgetVerdict.WITHIN, 10_000)
        assert found.estimate == pytest.approx(MS, rel=0.06)

    def test_rounds_beyond_the_limit_after_the_verdict_do_not_change_its_numbers(self) -> None:
        (found,) = gate(p95_ms=5).judge(Samples([*[MS] * 72, *[9 * MS] * 328], planned_rounds=400))
        assert (found.verdict, found.estimate, found.rounds) == (BudgetVerdict.WITHIN, MS, 72)

    def test_a_limit_that_is_exceeded_keeps_the_numbers_that_show_it(self) -> None:
        (found,) = gate(p95_ms=5).judge(Samples([*[9 * MS] * 200, *[MS] * 9800], planned_rounds=10_000))
        assert (found.verdict, found.estimate) == (BudgetVerdict.EXCEEDED, 9 * MS)
        assert found.rounds < 200


class TestWaitsForACpu:
    """A round that waited for a CPU says how busy the machine was, not how slow the code is."""

    def test_the_time_of_other_processes_does_not_exceed_a_limit(self) -> None:
        every_third = [0.0, 0.0, 30 * MS] * 40
        samples = Samples([MS + waited for waited in every_third], waited_ns=every_third, planned_rounds=1000)
        (found,) = gate(p95_ms=20).judge(samples)
        assert (found.verdict, found.estimate) == (BudgetVerdict.UNDECIDED, 31 * MS)
        assert found.without_waits == MS
        assert gate(p95_ms=20).next_look(samples) is not None

    def test_code_that_is_too_slow_by_itself_exceeds_the_limit_all_the_same(self) -> None:
        samples = Samples([31 * MS] * 120, waited_ns=[3 * MS] * 120, planned_rounds=1000)
        (found,) = gate(p95_ms=20).judge(samples)
        assert (found.verdict, found.estimate) == (BudgetVerdict.EXCEEDED, 31 * MS)
        assert found.without_waits is None

    @pytest.mark.parametrize("limit_ms", [0.5, 10], ids=["exceeded", "undecided"])
    def test_the_bound_lies_below_the_time_without_waits_as_well(self, limit_ms: float) -> None:
        """A text has both estimates and one bound, which must contradict neither."""
        waited_ns = [30.0 * MS] * 120
        samples = Samples([MS + one for one in waited_ns], waited_ns=waited_ns, planned_rounds=1000)
        (found,) = gate(p95_ms=limit_ms).judge(samples)
        assert (found.estimate, found.lower) == (31 * MS, MS)
        assert (found.without_waits is None) is (found.verdict is BudgetVerdict.EXCEEDED) is (limit_ms < 1)

    def test_no_wait_makes_a_time_look_shorter_than_it_was(self) -> None:
        """A limit is `within` by the whole time only."""
        samples = Samples([21 * MS] * 180, waited_ns=[5 * MS] * 180, planned_rounds=180)
        assert verdicts(gate(p95_ms=20).judge(samples)) == {"p95": "undecided"}

    def test_a_limit_that_waits_leave_undecided_has_the_time_without_them(self) -> None:
        some = [0.0] * 19 + [30 * MS]
        waited_ns = some * 20
        samples = Samples([MS + one for one in waited_ns], waited_ns=waited_ns, planned_rounds=400)
        (found,) = gate(p95_ms=20).judge(samples)
        assert (found.verdict, found.without_waits) == (BudgetVerdict.UNDECIDED, MS)
        (unclear,) = gate(p95_ms=20).judge(Samples(samples.wall_ns, waited_ns=[0.0] * 400, planned_rounds=400))
        assert (unclear.verdict, unclear.without_waits) == (BudgetVerdict.UNDECIDED, None)

    def test_waits_that_widen_the_bounds_of_a_mean_do_not_hide_slow_code(self) -> None:
        waited_ns = [2_000 * MS, *[0.0] * 39] * 5
        samples = Samples([10 * MS + one for one in waited_ns], waited_ns=waited_ns, planned_rounds=200)
        assert verdicts(gate(mean_ms=9).judge(replace(samples, waited_ns=()))) == {"mean": "undecided"}
        assert verdicts(gate(mean_ms=9).judge(samples)) == {"mean": "exceeded"}

    def test_a_limit_on_cpu_time_is_judged_as_before(self) -> None:
        samples = Samples([31 * MS] * 120, [31 * MS] * 120, waited_ns=[30 * MS] * 120, planned_rounds=1000)
        assert verdicts(gate(cpu_p95_ms=20).judge(samples)) == {"cpu_p95": "exceeded"}


def test_means_of_calls_have_no_percentiles() -> None:
    samples = Samples([80.0] * 100, iterations=100, planned_rounds=100)
    found = gate(p95_ns=100, mean_ns=100).judge(samples)
    assert verdicts(found) == {"p95": "unmeasured", "mean": "within"}
    assert found[0].reason == (
        "each sample is the mean of 100 calls, which has no p95 of calls: budget mean_ns instead"
    )


def test_a_limit_near_the_cost_of_a_reading_is_refused_for_fast_code_only() -> None:
    tight = gate(mean_ns=500)
    fast = Samples([100.0] * 100, overhead_ns=60, planned_rounds=100)
    slow = Samples([100_000.0] * 100, overhead_ns=60, planned_rounds=100)
    assert verdicts(tight.judge(fast)) == {"mean": "unmeasured"}
    assert verdicts(tight.judge(slow)) == {"mean": "exceeded"}


def test_cpu_time_is_judged_on_its_own_rounds() -> None:
    samples = Samples([60 * MS] * 60, [2 * MS] * 60, planned_rounds=60)
    assert verdicts(gate(cpu_p95_ms=5, p95_ms=5).judge(samples)) == {"cpu_p95": "within", "p95": "exceeded"}
    (none,) = gate(cpu_p95_ms=5).judge(Samples([60 * MS]))
    assert (none.verdict, none.reason) == (BudgetVerdict.UNMEASURED, "no round was measured")


@pytest.mark.parametrize(("count", "verdict"), [(3, BudgetVerdict.WITHIN), (3.5, BudgetVerdict.EXCEEDED)])
def test_counts_are_as_observed(count: float, verdict: BudgetVerdict) -> None:
    found = judge_count(budget(max_calls=3), count, passes=1)
    assert (found.verdict, found.lower, found.upper) == (verdict, count, count)


def test_budgets_on_counts_are_left_to_their_own_pass() -> None:
    assert gate(peak_mb=1, max_calls=1).judge(Samples([1.0])) == []


def test_some_budget_is_broken_by_every_round() -> None:
    both = gate(p95_ms=50, median_ms=500)
    assert both.all_above(Samples([60 * MS], planned_rounds=1))
    assert not both.all_above(Samples([40 * MS], planned_rounds=1))


def test_counts_are_judged_from_what_passes_counted_or_could_not() -> None:
    budgets = parse_budgets({"peak_mb": 1, "max_calls": 3, "p95_ms": 5}, "here")
    counted = Counted({"calls": 4}, {"calls": 2}, {"peak": "tracemalloc is busy"})
    found = judge_counts(budgets, counted)
    assert [(one.metric, one.verdict.value, one.rounds, one.reason) for one in found] == [
        ("peak", "unmeasured", 0, "tracemalloc is busy"),
        ("calls", "exceeded", 2, ""),
    ]


def test_a_kind_that_cannot_measure_a_metric_says_why() -> None:
    specific = parse_budgets({"peak_mb": 1, "p95_ms": 5}, "here")
    general = parse_budgets({"max_calls": 5}, "the table", general=True)
    timer = BudgetGate([*specific, *general], ERRORS, TIMER)
    samples = Samples([MS] * 59, planned_rounds=59)
    assert verdicts(timer.judge(samples)) == {"p95": "within", "peak": "unmeasured"}
    assert timer.left_out() == [f"max_calls of the table is left out: {TIMER.why_not}"]


def test_each_kind_of_measurement_is_found_by_its_name() -> None:
    assert {kind.name for kind in KINDS.values()} == set(KINDS)
    assert set(KINDS) == {"body", "call", "timer", "ratio", "benchmark", "pedantic", "load", "none"}


def test_a_measurement_survives_the_way_through_builtins() -> None:
    budgets = [*gate(p95_ms=50).judge(Samples([MS] * 59, planned_rounds=59)), unmeasured(budget(peak_mb=1), "why")]
    changes = [
        RegressionResult(
            "time",
            RegressionVerdict.REGRESSED,
            ratio=1.2,
            blamed=[Blame("shop:basket", Cause.MORE_CALLS, 1.0, 2.0, "json:loads", 1, 201)],
            grown=[Growth("json:loads", 1, 201), Growth("new", None, 5)],
            installed=[VersionChange("scipy", "1.11", "1.12")],
        )
    ]
    recording = Recording(
        [BlockTime(MS, (1.0, 2.0), (3.0, 4.0))],
        {"calls": 7, "peak": 4096},
        {"json:loads": 201},
        turns=[3],
        cases=["a"],
        files=["b.py"],
    )
    measurement = Measurement(
        "a::b",
        "n",
        CALL,
        "c",
        file="a",
        line=12,
        rounds=59,
        overhead_ns=60.0,
        elapsed_ns=5,
        statistics={"p95": MS},
        budgets=budgets,
        warnings=["w"],
        profile=[ProfileRow("f", 3, 0.5)],
        max_regression=0.05,
        changes=changes,
        recording=recording,
    )
    data = measurement.to_dict()
    assert Measurement.from_dict(json.loads(json.dumps(data))) == measurement
    assert {type(value) for value in data.values()} <= {str, bool, int, float, dict, list}
