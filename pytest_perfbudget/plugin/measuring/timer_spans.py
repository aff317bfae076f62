"""The spans of the timers of a test: each block of a timer is an execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import groupby

from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.span_gate import SpanGate
from pytest_perfbudget.core.spans.batches import BatchStore, ComparedStore, in_order
from pytest_perfbudget.core.spans.series import SpanStore
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.plugin.measuring.judged_spans import JudgedSpans
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun
from pytest_perfbudget.plugin.measuring.span_watch import judged_spans, records_spans
from pytest_perfbudget.tracing import Span


class TimerSpans:
    """The spans of all timers of one test, whose blocks may lie within each other.

    Args:
        run: the run of the test.
    """

    def __init__(self, run: MeasuringRun) -> None:
        self._run = run
        self._gatherers: dict[str, SpanGatherer] = {}
        self._open: Counter[str] = Counter()
        self._listening: dict[str, ExitStack] = {}

    def watch(self, name: str, effective: EffectiveLimits, *, is_in_turns: bool) -> bool:
        """Return whether the spans of a timer are recorded; the answer for the first block holds for all blocks.

        Args:
            name: the timer.
            effective: the limits that hold.
            is_in_turns: whether this process takes turns with another process, which is of the other side.
        """
        if name in self._gatherers:
            return True
        session, root = self._run.session, self._run.item.config.rootpath
        if is_in_turns:  # the times that a duet judges do not contain the cost of recording
            if session.comparison is not None and session.comparison.records_spans and not self._run.is_untimed:
                self._gatherers[name] = SpanGatherer(
                    root, clock=session.clock, receiver=session.receiver, store=BatchStore()
                )
        elif records_spans(self._run, effective):
            gate = SpanGate(effective.spans, session.settings.errors)
            kind = SpanStore if session.comparison is None else ComparedStore
            self._gatherers[name] = SpanGatherer(
                root,
                gate.watched,
                clock=session.clock,
                receiver=session.receiver,
                store=kind(gate.watched, gate.names),
            )
        return name in self._gatherers

    @contextmanager
    def block(self, name: str) -> Iterator[None]:
        """Let the block be an execution of a timer that is watched, unless it raises."""
        gatherer, receiver = self._gatherers[name], self._run.session.receiver
        if not self._open[name]:
            self._listening[name] = ExitStack()
            self._listening[name].enter_context(gatherer.listening())
            if receiver is not None:
                receiver.take = self._take_remote
        self._open[name] += 1
        try:
            with gatherer.execution(counts_raised=False):
                yield
        finally:
            self._open[name] -= 1
            if not self._open[name]:
                self._listening.pop(name).close()
                gatherer.keep()

    def judged(self, name: str, effective: EffectiveLimits) -> JudgedSpans | None:
        """Return the spans of a timer at the end of the test; None if they were not recorded."""
        gatherer = self._gatherers.get(name)
        if gatherer is None:
            return None
        if isinstance(gatherer.store, BatchStore):
            gatherer.finish()
            return None
        session = self._run.session
        limits = () if session.is_child else effective.spans
        gate = SpanGate(limits, session.settings.errors, session.known_spans)
        return judged_spans(gate, gatherer, self._run.item.config.rootpath)

    def completed(self, name: str, recording: Recording, parts: Sequence[int]) -> Recording:
        """Return the recording of a timer for a comparison, with the spans of all blocks or of each turn.

        Args:
            name: the timer, of which `judged` has been called.
            recording: the recording.
            parts: the turn of each block, if there are turns; below 0 if the other side has no such turn.
        """
        store = self._gatherers[name].store if name in self._gatherers else None
        if isinstance(store, ComparedStore):
            return replace(recording, spans=store.whole())
        if not isinstance(store, BatchStore):
            return recording
        sizes = [(turn if turn >= 0 else None, sum(1 for _ in blocks)) for turn, blocks in groupby(parts)]
        return replace(recording, spans=in_order(store, sizes))

    def _take_remote(self, batch: Sequence[Span]) -> None:
        """Hand the spans of other processes to all timers: each keeps those that belong to its blocks."""
        for one in list(self._gatherers.values()):
            one.take_remote(batch)
