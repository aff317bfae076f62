"""The span of a generator, which rests between two items: the time and the spans of the caller are not the span's."""

from __future__ import annotations

from array import array
from typing import Final

from pytest_perfbudget.tracing import open_span
from pytest_perfbudget.tracing.open_span import Named, begin, current_span, hand_over

_MOST_INTERVALS: Final = 10_000
"""The most intervals of a span, 160 kB; the time of further intervals lengthens the last of these."""


class RestingSpan:
    """A span of a generator that has not ended."""

    def __init__(self, source: Named) -> None:
        self._is_other_thread = False
        self._duration_ns = self._cpu_ns = 0
        self._active_ns = array("q")
        self._span = begin(source)
        self._began_ns = self._span.start_ns

    def enter(self) -> None:
        """Go on after a rest."""
        span = self._span
        span.parent = current_span.get()
        self._is_other_thread |= open_span.ident() != span.thread
        current_span.set(span)
        span.start_cpu_ns = open_span.CLOCKS[1]()
        span.start_ns = open_span.CLOCKS[0]()

    def leave(self) -> None:
        """Rest."""
        span = self._span
        end_ns = open_span.CLOCKS[0]()
        self._duration_ns += end_ns - span.start_ns
        self._cpu_ns += open_span.CLOCKS[1]() - span.start_cpu_ns
        self._is_other_thread |= open_span.ident() != span.thread
        if len(self._active_ns) < 2 * _MOST_INTERVALS:
            self._active_ns.extend((span.start_ns - self._began_ns, end_ns - self._began_ns))
        else:
            self._active_ns[-1] += end_ns - span.start_ns
        current_span.set(span.parent)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        self.leave()
        cpu_ns = None if self._is_other_thread else self._cpu_ns
        has_rested = len(self._active_ns) > 2
        active_ns = self._active_ns if has_rested else ()
        hand_over(self._span, self._began_ns, self._duration_ns, cpu_ns, error, active_ns=active_ns)
