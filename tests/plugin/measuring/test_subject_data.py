"""The data of a measurement: what a comparison asks for is counted, and profiled only where a profile is asked for."""

from __future__ import annotations

from scripting import ScriptedClock

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import BudgetGate
from pytest_perfbudget.core.limits import RegressionTolerance
from pytest_perfbudget.core.metrics import CALLS
from pytest_perfbudget.measure.plan import Plan
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import PlainSubject
from pytest_perfbudget.plugin.measuring.subject_data import take_data


def executions(scripted: ScriptedClock, *, is_profiled: bool) -> int:
    """Return the number of executions of a body of 1 ms for a comparison that counts calls."""
    done: list[None] = []

    def work() -> None:
        done.append(None)
        scripted.advance(1e6)

    plan = Plan(BudgetGate((), Errors(0.01, 0.05)), 100_000_000, scripted.clock)
    tolerance = RegressionTolerance(0.05, "here")
    request = MeasurementRequest(tolerance, 0.1, counts={CALLS.name: bool}, is_profiled=is_profiled)
    found = run_plain(take_data(PlainSubject(work), plan, (), request))
    assert found.counted.passes == {CALLS.name: 2}
    assert found.counted.costs is not None
    return len(done)


def test_a_short_body_is_executed_further_times_only_for_a_profile(scripted: ScriptedClock) -> None:
    assert executions(scripted, is_profiled=True) > executions(scripted, is_profiled=False)
