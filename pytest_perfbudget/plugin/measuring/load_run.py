"""A running load: the looks at it, and the measurement that it becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.result import describe_load
from pytest_perfbudget.core.load.windows import doubt
from pytest_perfbudget.core.load_errors import expected_requests
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.samples import quantile
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.measure.load.recorder import LoadRecorder
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun
from pytest_perfbudget.report.progress import load_progress_text

_MOST_LOOKS: Final = 7
"""The number of early looks at a load. A look sorts the latencies in the generator's own thread."""

_LATEST: Final = 1_000
"""The number of latencies that the terminal shows the p95 of."""

_RATE_CHANGES: Final = ", because its rate changes (give rate= or users= for a comparison)"


class LoadLooks:
    """The looks at a running load: what the terminal shows, and whether the load ends early."""

    def __init__(self, run: MeasuringRun, recorder: LoadRecorder, plan: LoadPlan, name: str, limits: Limits) -> None:
        session = run.session
        self._gate = LoadGate(run.resolve(name, limits).budgets, session.settings.errors)
        self._progress = session.progress
        self._recorder = recorder
        self._plan = plan
        self._number = 1
        self._may_be_lost = self._gate.limits_errors
        # Counted before the load begins: the arrivals of a long load take a tenth of a second.
        self._planned = plan.planned_requests if self._may_be_lost else 0

    def __call__(self) -> str:
        """Return the reason to end the load early; empty if there is none."""
        recorder = self._recorder
        requests = len(recorder.outcomes)
        if self._number > _MOST_LOOKS or not self._gate.is_due(requests, self._number):
            self._progress.note_often(self._text)
            return self._why_lost()
        self._number += 1
        return self._gate.why_end_early(recorder.record(self._plan), self._number - 1)

    def _why_lost(self) -> str:
        recorder, plan = self._recorder, self._plan
        failures = recorder.errors.count if self._may_be_lost else 0
        if not failures:
            return ""
        requests, elapsed_ns = len(recorder.outcomes), recorder.now_ns() - recorder.begin_ns
        planned = self._planned or expected_requests(plan, failures, requests, elapsed_ns)
        reason = self._gate.why_lost(failures, requests, planned) if planned else ""
        if reason and self._gate.why_late(recorder.record(plan)):
            self._may_be_lost = False  # the generator may have caused the errors
            return ""
        return reason

    def _text(self) -> str:
        recorder = self._recorder
        latest = sorted(recorder.latencies.sequence[-_LATEST:])
        return load_progress_text(
            len(recorder.outcomes),
            recorder.errors.count,
            recorder.latest_users,
            p95_ns=quantile(latest, 0.95) if latest else 0.0,
            spent_s=(recorder.now_ns() - recorder.begin_ns) / NS_PER["s"],
            duration_s=self._plan.duration_ns / NS_PER["s"],
        )


def judged_load(
    run: MeasuringRun,
    record: LoadRecord,
    name: str,
    effective: EffectiveLimits,
    recording: Recording | None,
    *warnings: str,
) -> Measurement:
    """Return the measurement of a load that has ended, judged.

    Args:
        run: the run of the test.
        record: the load.
        name: the measurement's name.
        effective: the limits that hold.
        recording: the data of the comparison; None if the load is not compared.
        *warnings: doubts about the load.
    """
    gate = LoadGate(effective.budgets, run.session.settings.errors)
    notes = [*warnings, *gate.left_out(record)]
    if record.ended_early:
        notes.append(f"ended early: {record.ended_early}")
    comparison = run.session.comparison
    if comparison is not None and recording is None and not run.session.is_child:
        why = _RATE_CHANGES if not record.plan.is_steady else ""
        notes.append(f"not compared with {comparison.against}{why}: only its limits hold")
    if recording is not None and (late := doubt(record)):
        notes.append(late)
    return replace(
        run.kept.blank(name, LOAD, effective),
        rounds=record.requests,
        elapsed_ns=record.elapsed_ns,
        statistics=describe_load(record),
        budgets=gate.judge(record),
        warnings=notes,
        errors=record.errors,
        load=LoadFacts.of(record),
        times=None if run.session.is_child else RoundTimes.of(record.latencies.sequence),
        max_regression=None if recording is None else effective.max_regression.share,
        recording=None if recording is None else run.kept.completed(recording, name, LOAD),
    )
