"""The spans of the timers of a test: each block of a timer is an execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.span_gate import SpanGate
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

    def watch(self, name: str, effective: EffectiveLimits) -> bool:
        """Return whether the spans of a timer are recorded; the answer for the first block holds for all blocks."""
        if name not in self._gatherers and records_spans(self._run, effective):
            gate = SpanGate(effective.spans, self._run.session.settings.errors)
            root, clock = self._run.item.config.rootpath, self._run.session.clock
            self._gatherers[name] = SpanGatherer(root, gate.watched, gate.names, clock, self._run.session.receiver)
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
        limits = () if self._run.session.is_child else effective.spans
        return judged_spans(SpanGate(limits, self._run.session.settings.errors), gatherer)

    def _take_remote(self, batch: Sequence[Span]) -> None:
        """Hand the spans of other processes to all timers: each keeps those that belong to its blocks."""
        for one in list(self._gatherers.values()):
            one.take_remote(batch)
