"""The span of a generator, which rests between two items: the time and the spans of the caller are not the span's."""

from __future__ import annotations

from array import array
from typing import Final

from pytest_perfbudget.tracing import open_span
from pytest_perfbudget.tracing.ended_span import hand_over
from pytest_perfbudget.tracing.open_span import begin, current_span
from pytest_perfbudget.tracing.span import Named
from pytest_perfbudget.tracing.task import UNKNOWN_TASK, running_tasks

_MOST_INTERVALS: Final = 10_000
"""The most intervals of a span, 160 kB; the time of further intervals lengthens the last of these."""


class RestingSpan:
    """A span of a generator that has not ended.

    Args:
        source: the name and the attributes of the span.
        is_suspendable: whether an event loop may suspend the generator while the generator makes an item.
    """

    def __init__(self, source: Named, *, is_suspendable: bool = False) -> None:
        self._is_cpu_known = True
        self._is_suspendable = is_suspendable
        self._duration_ns = self._cpu_ns = 0
        self._active_ns = array("q")
        self._span = begin(source)
        self._began_ns = self._span.start_ns
        self._note_task()

    def enter(self) -> None:
        """Go on after a rest."""
        span = self._span
        span.parent = current_span.get()
        current_span.set(span)
        self._note_task()
        span.start_cpu_ns = open_span.CLOCKS[1]()
        span.start_ns = open_span.CLOCKS[0]()

    def _note_task(self) -> None:
        """Note the task that makes the next item."""
        span = self._span
        span.task = running_tasks.get(span.thread)
        if span.task is not None:
            span.away_ns = span.task.away_ns
        elif self._is_suspendable:
            span.task = UNKNOWN_TASK
            span.away_ns = 0

    def leave(self) -> None:
        """Rest."""
        span = self._span
        end_ns = open_span.CLOCKS[0]()
        self._duration_ns += end_ns - span.start_ns
        cpu_ns = span.of_task(open_span.CLOCKS[1]() - span.start_cpu_ns)
        if cpu_ns is None or open_span.ident() != span.thread:
            self._is_cpu_known = False
        else:
            self._cpu_ns += cpu_ns
        if len(self._active_ns) < 2 * _MOST_INTERVALS:
            self._active_ns.extend((span.start_ns - self._began_ns, end_ns - self._began_ns))
        else:
            self._active_ns[-1] += end_ns - span.start_ns
        current_span.set(span.parent)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        self.leave()
        cpu_ns = self._cpu_ns if self._is_cpu_known else None
        has_rested = len(self._active_ns) > 2
        active_ns = self._active_ns if has_rested else ()
        waits = self._span.waits_until(open_span.CLOCKS[0](), cpu_ns, self._duration_ns)
        if has_rested:  # others used the CPUs during the rests, too
            waits = None
        hand_over(self._span, self._began_ns, self._duration_ns, cpu_ns, error, active_ns=active_ns, waits=waits)
