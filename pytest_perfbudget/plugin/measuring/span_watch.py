"""The watch over the spans of one measurement: gathered in rounds of their own, and judged or compared at the end.

To record a span takes about 2 us, which the judged time of a test must not contain. The requests of a load are recorded
as they come, because a second load would be another load.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.gate import BudgetGate
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.span_gate import WHY_REFUSED, SpanGate
from pytest_perfbudget.core.spans.batches import BatchStore, ComparedStore, ThreadUse, in_order, in_turns
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.core.spans.series import SpanStore
from pytest_perfbudget.measure.clock import SYSTEM, Clock
from pytest_perfbudget.measure.plan import Plan
from pytest_perfbudget.measure.runner import measure
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.measure.subject import AsyncSubject, PlainSubject, Subject
from pytest_perfbudget.measure.thread_use import ThreadReading, use_between
from pytest_perfbudget.measure.traced_subject import TracedSubject
from pytest_perfbudget.plugin.measuring.judged_spans import NO_SPANS, JudgedSpans
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun
from pytest_perfbudget.plugin.measuring.tracked_names import tracked_names
from pytest_perfbudget.tracing.tracked import names_of_track

if TYPE_CHECKING:
    from pytest_perfbudget.measure.load.call import LoadCall


class SpanWatch:
    """The watch over a measurement without a limit on spans: nothing is recorded, and nothing costs time."""

    def plan(self, plan: Plan) -> Plan:
        """Return the plan for a measurement, with the rounds that the spans need."""
        return plan

    def subject(self, subject: Subject) -> Subject:
        """Return the subject, whose rounds have their spans recorded."""
        return subject

    async def own_rounds(self, subject: Subject, plan: Plan) -> None:
        """Record spans in rounds whose times are not judged."""

    def load(self, call: LoadCall, *, is_async: bool) -> LoadCall:  # noqa: ARG002 - for the other watch
        """Return the request of a load, whose spans are recorded within `listening`."""
        return call

    def listening(self) -> AbstractContextManager[None]:
        """Return a context for a load."""
        return nullcontext()

    def end_of_window(self, turn: int | None) -> None:
        """Note that a window of a load has ended; see `EndOfWindow`."""

    def judged(self, *, load_begin_ns: int | None = None) -> JudgedSpans:  # noqa: ARG002 - as above
        """Return the results at the end of the measurement.

        Args:
            load_begin_ns: the time at which a load began, after its warm-up; None for rounds.
        """
        return NO_SPANS

    def completed(self, recording: Recording) -> Recording:
        """Return the recording for a comparison, with the spans of its blocks."""
        return recording


class _RecordingWatch(SpanWatch):
    def __init__(self, gate: SpanGate, gatherer: SpanGatherer, root: Path) -> None:
        self._gate = gate
        self._root = root
        self._gatherer = gatherer

    def completed(self, recording: Recording) -> Recording:
        store = self._gatherer.store
        return replace(recording, spans=store.whole()) if isinstance(store, ComparedStore) else recording

    async def own_rounds(self, subject: Subject, plan: Plan) -> None:
        __tracebackhide__ = True
        if isinstance(subject, (PlainSubject, AsyncSubject)):
            untimed = BudgetGate((), plan.gate.errors)
            with plan.silence():
                await measure(
                    TracedSubject(subject, self._gatherer),
                    replace(
                        plan,
                        gate=untimed,
                        more_blocks=None,
                        fewest_rounds=self._gate.executions,
                        keep=self._gatherer.keep,
                    ),
                )

    def load(self, call: LoadCall, *, is_async: bool) -> LoadCall:
        return replace(call, function=self._gatherer.marked(call.function, is_awaited=is_async))

    def listening(self) -> AbstractContextManager[None]:
        return self._gatherer.listening()

    def judged(self, *, load_begin_ns: int | None = None) -> JudgedSpans:
        if load_begin_ns is not None:
            self._gatherer.keep(load_begin_ns)
        return judged_spans(self._gate, self._gatherer, self._root, is_load=load_begin_ns is not None)


class _BatchWatch(SpanWatch):
    """The watch over a measurement whose blocks are compared span by span."""

    def __init__(self, gatherer: SpanGatherer, store: BatchStore, clock: Clock) -> None:
        self._gatherer = gatherer
        self._store = store
        self._clock = clock
        self._kept: list[int] = []
        self._uses: list[ThreadUse | None] = []
        self._readings: tuple[ThreadReading, ThreadReading] | None = None

    def plan(self, plan: Plan) -> Plan:
        return replace(plan, keep=self._keep)

    def subject(self, subject: Subject) -> Subject:
        if isinstance(subject, (PlainSubject, AsyncSubject)):
            return TracedSubject(subject, self._gatherer, self._note)
        return subject

    def _note(self, before: ThreadReading, after: ThreadReading) -> None:
        self._readings = before, after

    def _keep(self) -> None:
        before = self._gatherer.kept
        self._gatherer.keep()
        number = self._gatherer.kept - before
        self._kept.append(number)
        # The CPU time of the thread is the system's, which means nothing on another clock.
        readings = self._readings if self._clock is SYSTEM else None
        self._uses.append(None if readings is None else use_between(*readings, number))

    def judged(self, *, load_begin_ns: int | None = None) -> JudgedSpans:  # noqa: ARG002 - rounds only
        self._gatherer.finish()
        return NO_SPANS

    def completed(self, recording: Recording) -> Recording:
        return replace(recording, spans=in_turns(self._store.batches(self._kept), recording.turns, self._uses))


class _WindowWatch(SpanWatch):
    """The watch over a load whose windows are compared span by span."""

    def __init__(self, gatherer: SpanGatherer, store: BatchStore) -> None:
        self._gatherer = gatherer
        self._store = store
        self._sizes: list[tuple[int | None, int]] = []

    def load(self, call: LoadCall, *, is_async: bool) -> LoadCall:
        return replace(call, function=self._gatherer.marked(call.function, is_awaited=is_async))

    def listening(self) -> AbstractContextManager[None]:
        return self._gatherer.listening()

    def end_of_window(self, turn: int | None) -> None:
        before = self._gatherer.kept
        self._gatherer.keep()
        self._sizes.append((turn, self._gatherer.kept - before))

    def judged(self, *, load_begin_ns: int | None = None) -> JudgedSpans:  # noqa: ARG002 - as above
        self._gatherer.finish()
        return NO_SPANS

    def completed(self, recording: Recording) -> Recording:
        return replace(recording, spans=in_order(self._store, self._sizes))


def judged_spans(gate: SpanGate, gatherer: SpanGatherer, root: Path, *, is_load: bool = False) -> JudgedSpans:
    """Return the spans of a measurement that has ended, with the results of their budgets."""
    gatherer.finish(gate.expected)
    store = gatherer.store
    gate.known.note([*store.names, *names_of_track()])
    if gate.has_unknown:
        gate.known.note(tracked_names(root))
    results = gate.judge(store, is_load=is_load)
    doubts = []
    if store.lost:
        doubts.append(f"{store.lost:,} spans belong to no execution, or were too many to keep: they do not count")
    if store.vanished:
        doubts.append(
            f"spans of {store.vanished:,} other processes may be lost: a signal or os._exit() ended them before "
            "they had sent their last spans"
        )
    if store.refused:
        doubts.append(f"{store.refused:,} batches of spans of other processes were refused: {WHY_REFUSED}")
    return JudgedSpans(results, SpanFacts.of(store), doubts)


def records_spans(run: MeasuringRun, effective: EffectiveLimits) -> bool:
    """Return whether the session records the spans of a measurement with these limits."""
    return not run.is_untimed and bool(effective.spans or run.item.config.option.perf_spans)


def span_watch(
    run: MeasuringRun,
    effective: EffectiveLimits,
    clock: Clock,
    request: MeasurementRequest | None = None,
    *,
    is_load: bool = False,
) -> SpanWatch:
    """Return the watch over the spans of a measurement.

    A fresh process of a baseline records the spans of a load like the session, so that their cost is the same on both
    sides; of rounds it records those that are compared.

    Args:
        run: the run of the test.
        effective: the limits that hold for the measurement.
        clock: the clock that times the measurement.
        request: the comparison's request to the measurement; None if nothing is compared.
        is_load: whether the measurement is a load.
    """
    session = run.session
    root = run.item.config.rootpath
    is_in_turns = request is not None and request.turns is not None
    if request is not None and is_in_turns and request.with_spans and not run.is_untimed:
        store = BatchStore()
        gatherer = SpanGatherer(root, clock=clock, receiver=session.receiver, is_load=is_load, store=store)
        return _WindowWatch(gatherer, store) if is_load else _BatchWatch(gatherer, store, clock)
    if is_in_turns or not records_spans(run, effective) or (session.is_child and not is_load):
        return SpanWatch()
    gate = SpanGate(() if session.is_child else effective.spans, session.settings.errors, session.known_spans)
    is_compared = is_load and request is not None and request.wants_data
    kind = ComparedStore if is_compared else SpanStore
    found = kind(gate.watched, gate.names)
    gatherer = SpanGatherer(root, gate.watched, clock=clock, receiver=session.receiver, is_load=is_load, store=found)
    return _RecordingWatch(gate, gatherer, root)
