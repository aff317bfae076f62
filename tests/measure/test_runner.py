"""How long is measured, on a clock that moves only as the measured function says."""

from __future__ import annotations

import gc
from dataclasses import replace
from itertools import count

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import BudgetGate
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.measure import timed_rounds
from pytest_perfbudget.measure.cpu_usage import Used
from pytest_perfbudget.measure.isolation import Heap
from pytest_perfbudget.measure.plan import Plan
from pytest_perfbudget.measure.runner import measure, run_plain
from pytest_perfbudget.measure.subject import PlainSubject

ERRORS = Errors(exceeded=0.01, within=0.05)
S, MS, US = 10**9, 10**6, 10**3


class Code:
    """A function that takes the scripted times, the last of them from then on."""

    def __init__(self, scripted: ScriptedClock, *ns: float) -> None:
        self.scripted = scripted
        self.ns = list(ns)
        self.calls = 0

    def __call__(self) -> int:
        self.scripted.advance(self.ns[min(self.calls, len(self.ns) - 1)])
        self.calls += 1
        return self.calls


def run(code: Code, *, max_time_ns: int = S, **limits: float) -> Samples:
    gate = BudgetGate(parse_budgets(limits, "here"), ERRORS)
    plan = Plan(gate, max_time_ns, code.scripted.clock)
    return run_plain(measure(PlainSubject(code), plan)).samples


def test_a_cleared_budget_ends_the_measurement(scripted: ScriptedClock) -> None:
    samples = run(Code(scripted, MS), p95_ms=50)
    assert len(samples.wall_ns) == 80
    assert set(samples.wall_ns) == {float(MS)}


def test_an_exceeded_budget_is_measured_until_it_is_decided(scripted: ScriptedClock) -> None:
    """A budget may be called exceeded after a second at the earliest."""
    samples = run(Code(scripted, 10 * MS), p95_ms=5)
    assert 0.8 * S <= sum(samples.wall_ns) <= 1.3 * S


@pytest.mark.parametrize(("waited_ns", "verdict"), [(30 * MS, "undecided"), (0, "exceeded")], ids=["busy", "calm"])
def test_a_round_that_waits_for_a_cpu_is_no_evidence_against_the_code(
    scripted: ScriptedClock, waited_ns: int, verdict: str
) -> None:
    gate = BudgetGate(parse_budgets({"p95_ms": 20}, "here"), ERRORS)

    def code() -> None:
        scripted.advance(31 * MS - waited_ns, waited_ns=waited_ns)

    samples = run_plain(measure(PlainSubject(code), Plan(gate, S, scripted.clock))).samples
    (found,) = gate.judge(samples)
    assert found.verdict.value == verdict
    assert found.estimate == pytest.approx(31 * MS)
    assert found.without_waits == (MS if verdict == "undecided" else None)


def test_code_that_waits_for_its_own_processes_gets_no_allowance(
    scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise code could start a process that keeps its CPU busy, and no limit would be exceeded."""
    monkeypatch.setattr("pytest_perfbudget.measure.cpu_usage._cpu_s", lambda _: scripted.now_ns / S)
    monkeypatch.setattr("pytest_perfbudget.cpu_times._descendants", lambda _: [12345])
    gate = BudgetGate(parse_budgets({"p95_ms": 20}, "here"), ERRORS)

    def code() -> None:
        scripted.advance(MS, waited_ns=30 * MS)

    samples = run_plain(measure(PlainSubject(code), Plan(gate, S, scripted.clock))).samples
    assert gate.judge(samples)[0].verdict is BudgetVerdict.EXCEEDED


@pytest.mark.parametrize("limit_ms", [50, 400], ids=["all above", "all below"])
def test_a_plain_case_gets_the_few_rounds_that_decide_it(scripted: ScriptedClock, limit_ms: int) -> None:
    """Six rounds of 165 ms fit into a second, and a median of six rounds proves nothing at one per cent."""
    gate = BudgetGate(parse_budgets({"median_ms": limit_ms}, "here"), ERRORS)
    samples = run(Code(scripted, 165 * MS), median_ms=limit_ms)
    assert gate.judge(samples)[0].verdict is (BudgetVerdict.EXCEEDED if limit_ms == 50 else BudgetVerdict.WITHIN)
    assert sum(samples.wall_ns) <= 3 * S


def test_a_case_on_both_sides_of_the_limit_gets_no_more_time(scripted: ScriptedClock) -> None:
    samples = run(Code(scripted, *[160 * MS, 170 * MS] * 50), median_ms=165)
    assert sum(samples.wall_ns) <= 1.2 * S


def test_a_plain_case_that_three_times_the_time_would_not_decide_gets_none(scripted: ScriptedClock) -> None:
    samples = run(Code(scripted, 165 * MS), p95_ms=400)
    assert sum(samples.wall_ns) <= 1.2 * S


def test_a_block_of_many_rounds_begins_with_one_that_is_not_counted(scripted: ScriptedClock) -> None:
    code = Code(scripted, MS)
    rounds = run(code, p95_ms=50).wall_ns
    first_and_warm = 1 + 5  # the first call, and 5 ms of warm-up
    blocks = code.calls - first_and_warm - 1 - len(rounds)
    assert 3 <= blocks <= 5


def test_each_block_has_a_heap_of_its_own(scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(Heap, "redraw", lambda _: drawn.append(1))
    run(Code(scripted, MS), p95_ms=50)
    assert len(drawn) >= 4


def test_time_without_a_cpu_is_no_part_of_what_is_compared_but_of_the_budget(scripted: ScriptedClock) -> None:
    def preempted() -> None:
        scripted.advance(2 * MS, waited_ns=3 * MS)

    plan = Plan(BudgetGate((), ERRORS), S, scripted.clock, more_blocks=lambda blocks: 5 - len(blocks))
    samples = run_plain(measure(PlainSubject(preempted), plan)).samples
    assert {block.time_ns for block in samples.blocks} == {2.0 * MS}
    assert all(0.5 < block.waited < 0.7 for block in samples.blocks)
    assert set(samples.wall_ns) == {5.0 * MS}


def test_the_rounds_of_short_blocks_all_count(scripted: ScriptedClock) -> None:
    code = Code(scripted, 9 * MS)
    assert code.calls == 0
    rounds = run(code, p95_ms=5).wall_ns
    assert code.calls == 1 + len(rounds)


def test_the_first_call_is_warm_up(scripted: ScriptedClock) -> None:
    code = Code(scripted, 300 * MS, MS)
    samples = run(code, p95_ms=50)
    assert max(samples.wall_ns) == MS
    # One slow first call must not make the plan a short one.
    assert samples.planned_rounds == 1000


def test_a_first_call_that_was_slow_alone_leaves_fast_code_fast() -> None:
    # It filled a cache: what follows is too fast to time singly, and is found to be.
    scripted = ScriptedClock(reading_ns=60)
    samples = run(Code(scripted, 20 * MS, 125), mean_ns=500)
    assert samples.iterations > 10
    assert max(samples.wall_ns) < 150


def test_the_result_is_the_first_calls(scripted: ScriptedClock) -> None:
    code = Code(scripted, MS)
    plan = Plan(BudgetGate([], ERRORS), S, scripted.clock)
    assert run_plain(measure(PlainSubject(code), plan)).result == 1


def test_slow_code_runs_few_rounds(scripted: ScriptedClock) -> None:
    code = Code(scripted, 2 * S)
    assert len(run(code, p95_s=5).wall_ns) == 1
    assert code.calls == 2


def test_slow_code_above_its_limit_gets_a_second_round_to_show_it(scripted: ScriptedClock) -> None:
    code = Code(scripted, 2 * S)
    assert len(run(code, p95_s=1).wall_ns) == 2
    assert code.calls == 3


@pytest.mark.parametrize("max_time_ns", [S // 10, S, 3 * S])
def test_max_time_is_kept_to_within_a_round(scripted: ScriptedClock, max_time_ns: int) -> None:
    samples = run(Code(scripted, 7 * MS), max_time_ns=max_time_ns, p999_ms=8)
    assert sum(samples.wall_ns) <= max_time_ns + 7 * MS


def test_code_that_slows_down_midway_is_stopped_in_time(scripted: ScriptedClock) -> None:
    code = Code(scripted, *[MS] * 40, 800 * MS)
    samples = run(code, p95_ms=5000)
    assert sum(samples.wall_ns) <= 2 * S


def test_set_up_counts_towards_max_time(scripted: ScriptedClock) -> None:
    def setup() -> None:
        scripted.advance(99 * MS)

    plan = Plan(BudgetGate(parse_budgets({"p95_ms": 50}, "here"), ERRORS), S, scripted.clock)
    subject = PlainSubject(scripted.advance, ((MS,), {}), None)
    with_setup = PlainSubject(lambda: scripted.advance(MS), ((), {}), setup)
    assert len(run_plain(measure(subject, plan)).samples.wall_ns) == 80
    assert len(run_plain(measure(with_setup, plan)).samples.wall_ns) <= 11


def test_with_a_set_up_a_round_is_one_call_however_fast_the_code_is() -> None:
    scripted = ScriptedClock(reading_ns=60)
    plan = Plan(BudgetGate(parse_budgets({"mean_ns": 200}, "here"), ERRORS), S // 100, scripted.clock)
    once, often = (
        run_plain(measure(PlainSubject(lambda: scripted.advance(80), ((), {}), setup), plan)).samples.iterations
        for setup in (lambda: None, None)
    )
    assert once == 1
    assert often > 1


def test_code_too_fast_to_time_is_timed_in_rounds_of_many_calls() -> None:
    scripted = ScriptedClock(reading_ns=60)
    samples = run(Code(scripted, 80), mean_ns=200)
    assert samples.iterations > 10
    assert samples.wall_ns[0] == pytest.approx(80, rel=0.02)
    assert samples.overhead_ns == 60


def test_a_percentile_that_is_wide_enough_keeps_single_calls() -> None:
    scripted = ScriptedClock(reading_ns=60)
    samples = run(Code(scripted, 80), p95_ms=1)
    assert samples.iterations == 1


def test_cpu_time_is_read_only_where_it_has_a_budget(scripted: ScriptedClock) -> None:
    assert run(Code(scripted, MS), p95_ms=5).cpu_ns == []
    samples = run(Code(scripted, MS), cpu_p95_ms=5)
    assert len(samples.cpu_ns) == len(samples.wall_ns)


def test_without_a_budget_a_p95s_worth_of_rounds_is_taken(scripted: ScriptedClock) -> None:
    assert 59 <= len(run(Code(scripted, MS)).wall_ns) <= 80
    assert len(run(Code(scripted, 50 * MS)).wall_ns) <= 3
    assert 59 <= len(run(Code(scripted, MS), peak_mb=1).wall_ns) <= 80


@pytest.mark.parametrize(("limits", "most"), [({}, 40), ({"peak_mb": 1.0}, 40), ({"p95_ms": 5.0}, 80)])
def test_code_that_other_processes_measure_takes_less_time_without_a_timed_budget(
    scripted: ScriptedClock, limits: dict[str, float], most: int
) -> None:
    plan = Plan(BudgetGate(parse_budgets(limits, "here"), ERRORS), S, scripted.clock)
    brief, usual = (
        len(run_plain(measure(PlainSubject(Code(scripted, MS)), one)).samples.wall_ns)
        for one in (replace(plan, is_brief=True), plan)
    )
    assert (brief < usual) is (most < 59)
    assert brief <= most


def test_code_whose_child_processes_use_cpus_takes_the_usual_time(
    scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their time comes in ticks of 10 ms, so that 30 ms tell too little about the number of CPUs."""
    ticks = count()
    monkeypatch.setattr(timed_rounds, "used", lambda clock: Used(clock.wall_ns(), 0, next(ticks) * 10 * MS))
    plan = Plan(BudgetGate((), ERRORS), S, scripted.clock, with_cpus=True, is_brief=True)
    assert len(run_plain(measure(PlainSubject(Code(scripted, MS)), plan)).samples.wall_ns) >= 59


def test_progress_is_told_after_each_block(scripted: ScriptedClock) -> None:
    told: list[tuple[int, int, int]] = []
    plan = Plan(
        BudgetGate(parse_budgets({"p95_ms": 8}, "here"), ERRORS), S, scripted.clock, lambda *state: told.append(state)
    )
    run_plain(measure(PlainSubject(Code(scripted, 10 * MS)), plan))
    assert len(told) > 10
    assert told == sorted(told)
    assert {allowed for _, _, allowed in told} == {S}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, StopIteration])
@pytest.mark.parametrize("calls", [1, 2, 30])
def test_an_error_in_any_repetition_comes_through_and_leaves_nothing_behind(
    scripted: ScriptedClock, error: type[BaseException], calls: int
) -> None:
    code = Code(scripted, MS)

    def failing() -> None:
        if code() >= calls:
            raise error

    enabled = gc.isenabled()
    plan = Plan(BudgetGate(parse_budgets({"p95_ms": 8}, "here"), ERRORS), S, scripted.clock)
    with pytest.raises(error):
        run_plain(measure(PlainSubject(failing), plan))
    assert code.calls == calls
    assert (gc.isenabled(), gc.get_freeze_count() < 1000) == (enabled, True)


@pytest.mark.parametrize(("cpu_ms", "cpus"), [(1, 1.0), (2, 2.0)])
def test_the_cpus_of_the_code_are_counted_and_not_those_of_what_looks_at_it(
    scripted: ScriptedClock, cpu_ms: int, cpus: float
) -> None:
    """The first look at a mean imports scipy, whose library starts threads."""

    def look(*state: int) -> None:  # noqa: ARG001
        scripted.advance(10 * MS, cpu_ns=100 * MS)

    gate = BudgetGate(parse_budgets({"p95_ms": 50}, "here"), ERRORS)
    plan = Plan(gate, S, scripted.clock, look, with_cpus=True)
    code = PlainSubject(lambda: scripted.advance(MS, cpu_ns=cpu_ms * MS))
    assert run_plain(measure(code, plan)).cpus == pytest.approx(cpus, rel=0.01)
