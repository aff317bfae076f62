from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.ratio import LOOKS, decide_ratio, is_enough
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.measure.isolation import Heap
from pytest_perfbudget.measure.ratio import RatioOutcome, measure_ratio
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import PlainSubject

ERRORS = Errors(exceeded=0.01, within=0.05)
S, MS = 10**9, 10**6


def run(scripted: ScriptedClock, new_ns: float, reference_ns: float, limit: float) -> RatioOutcome:
    new = PlainSubject(scripted.advance, ((new_ns,), {}))
    reference = PlainSubject(scripted.advance, ((reference_ns,), {}))
    return run_plain(measure_ratio(new, reference, enough(limit), max_time_ns=S, clock=scripted.clock))


def enough(limit: float) -> Callable[[Sequence[float]], bool]:
    return partial(is_enough, limit=limit, errors=ERRORS)


@pytest.mark.parametrize(
    ("limit", "verdict"), [(0.5, BudgetVerdict.WITHIN), (0.2, BudgetVerdict.EXCEEDED), (0.25, BudgetVerdict.UNDECIDED)]
)
def test_the_ratio_of_the_times_is_held_against_its_limit(
    scripted: ScriptedClock, limit: float, verdict: BudgetVerdict
) -> None:
    found = run(scripted, MS, 4 * MS, limit)
    decided = decide_ratio(found.log_ratios, limit, ERRORS)
    assert decided.verdict is verdict
    assert decided.estimate == pytest.approx(0.25)
    assert (found.new_ns, found.reference_ns) == (MS, 4 * MS)


def test_blocks_alternate_in_abba_order(scripted: ScriptedClock) -> None:
    order: list[str] = []

    def timed(name: str) -> None:
        scripted.advance(10 * MS)
        order.append(name)

    subjects = PlainSubject(timed, (("a",), {})), PlainSubject(timed, (("b",), {}))
    found = run_plain(measure_ratio(*subjects, enough(2.0), max_time_ns=S, clock=scripted.clock))
    assert len(found.log_ratios) == LOOKS[0]
    blocks = order[-4 * LOOKS[0] :]
    assert "".join(blocks) == "abbabaab" * (LOOKS[0] // 2)


def test_code_too_slow_for_enough_quads_stays_undecided(scripted: ScriptedClock) -> None:
    found = run(scripted, S, S, 100)
    decided = decide_ratio(found.log_ratios, 100, ERRORS)
    assert (len(found.log_ratios), decided.verdict) == (1, BudgetVerdict.UNDECIDED)
    assert decided.needs_rounds == LOOKS[0]


def test_fast_code_is_timed_in_rounds_of_many_calls() -> None:
    found = run(ScriptedClock(reading_ns=60), 100, 400, 0.5)
    assert found.iterations > 1
    assert decide_ratio(found.log_ratios, 0.5, ERRORS).estimate == pytest.approx(0.25, rel=0.05)


def test_blocks_are_quiet_each_on_a_heap_of_its_own(scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    collecting: list[bool] = []
    drawn: list[int] = []
    monkeypatch.setattr(Heap, "redraw", lambda _: drawn.append(1))

    def work() -> None:
        scripted.advance(10 * MS)
        collecting.append(gc.isenabled())

    subjects = PlainSubject(work), PlainSubject(work)
    found = run_plain(measure_ratio(*subjects, enough(2.0), max_time_ns=S, clock=scripted.clock))
    assert len(drawn) == 4 * len(found.log_ratios)
    assert not any(collecting[2:])  # the first call of each side is as the test left things
    assert gc.isenabled()


def test_what_the_other_side_left_in_the_caches_is_not_counted(scripted: ScriptedClock) -> None:
    last = [""]

    def side(name: str) -> None:
        cold = last[0] != name and name == "new"
        last[0] = name
        scripted.advance(4.5 * MS if cold else 3 * MS)

    subjects = PlainSubject(side, (("new",), {})), PlainSubject(side, (("reference",), {}))
    found = run_plain(measure_ratio(*subjects, enough(2.0), max_time_ns=S, clock=scripted.clock))
    assert decide_ratio(found.log_ratios, 2.0, ERRORS).estimate == pytest.approx(1.0)
