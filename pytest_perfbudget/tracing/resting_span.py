"""The span of a generator or a query, which rests between two items or fetches.

The time and the spans of the caller are not the span's. The line that began the span is known from the begin, because
the span may end elsewhere.
"""

from __future__ import annotations

from array import array
from typing import Final

from pytest_perfbudget.tracing import open_span
from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.ended_span import Begin, hand_over, place_of_use
from pytest_perfbudget.tracing.open_span import begin, current_span
from pytest_perfbudget.tracing.span import Named
from pytest_perfbudget.tracing.task import UNKNOWN_TASK, running_tasks
from pytest_perfbudget.tracing.wait_sampling import Waits

_MOST_INTERVALS: Final = 10_000
"""The most intervals of a span, 160 kB; the time of further intervals lengthens the last of these."""


_ONE_INTERVAL: Final = 2
"""The number of times of one interval."""

_MOST_RESTING: Final = 10_000
"""The most spans at rest that are known; those that nobody resumes or closes would fill the memory."""

_resting: dict[int, RestingSpan] = {}
"""The spans that rest, by their ids."""


def finish_resting(trace_id: int) -> None:
    """End the spans of a tree that rest, as the tree has ended, and nothing may ever resume the spans."""
    for one in [span for span in [*_resting.values()] if span.trace_id == trace_id]:
        one.finish()


class RestingSpan:
    """A span of a generator or a query that has not ended.

    Args:
        source: the name and the attributes of the span.
        is_suspendable: whether an event loop may suspend the generator while the generator makes an item.
    """

    def __init__(self, source: Named, *, is_suspendable: bool = False) -> None:
        self._is_cpu_known = True
        self._is_suspendable = is_suspendable
        self._is_over = False
        self._duration_ns = self._cpu_ns = self._waited_ns = self._looked_ns = 0
        self._waits: Waits = (0, 0, 0)
        self._active_ns = array("q")
        site = "" if spans.site_of is None else spans.site_of(source.name)
        self._begin = Begin(*(place_of_use() if spans.needs_lines else ("", 0)), site)
        self._span = begin(source)
        self._began_ns = self._span.start_ns
        self._note_task()

    @property
    def trace_id(self) -> int:
        """The id of the whole tree."""
        return self._span.trace_id

    def enter(self) -> None:
        """Go on after a rest."""
        span = self._span
        _resting.pop(span.span_id, None)
        span.parent = current_span.get()
        current_span.set(span)
        self._note_task()
        span.look = open_span.look_at(span.source.name)
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
        self._leave()
        if not self._is_over and len(_resting) < _MOST_RESTING:
            _resting[self._span.span_id] = self

    def _leave(self) -> None:
        """Add an interval in which the span ran, unless the span has ended meanwhile."""
        span = self._span
        if self._is_over:
            current_span.set(span.parent)
            return
        end_ns = open_span.CLOCKS[0]()
        duration_ns = end_ns - span.start_ns
        self._duration_ns += duration_ns
        cpu_ns = span.of_task(open_span.CLOCKS[1]() - span.start_cpu_ns)
        if cpu_ns is None or open_span.ident() != span.thread:
            self._is_cpu_known = False
        else:
            self._cpu_ns += cpu_ns
            self._note_waits(span.waits_until(end_ns, cpu_ns, duration_ns), duration_ns - cpu_ns)
        if len(self._active_ns) < 2 * _MOST_INTERVALS:
            self._active_ns.extend((span.start_ns - self._began_ns, end_ns - self._began_ns))
        else:
            self._active_ns[-1] += duration_ns
        current_span.set(span.parent)

    def _note_waits(self, waits: Waits | None, waited_ns: int) -> None:
        """Note how long an interval has waited, and who used the CPUs meanwhile, if somebody looked."""
        self._waited_ns += waited_ns
        if waits is not None:
            self._looked_ns += waited_ns
            threads, processes, queue = self._waits
            self._waits = threads + waits[0], processes + waits[1], queue + waits[2]

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        self._leave()
        self.finish(error)

    def finish(self, error: BaseException | None = None) -> None:
        """End the span as it rests, and hand it to all sinks; a span that has ended is no error."""
        if self._is_over:
            return
        self._is_over = True
        _resting.pop(self._span.span_id, None)
        cpu_ns = self._cpu_ns if self._is_cpu_known else None
        active_ns = self._active_ns if len(self._active_ns) > _ONE_INTERVAL else ()
        waits = self._all_waits() if self._is_cpu_known else None
        hand_over(
            self._span,
            self._began_ns,
            self._duration_ns,
            cpu_ns,
            error,
            active_ns=active_ns,
            waits=waits,
            begin=self._begin,
        )

    def _all_waits(self) -> Waits | None:
        """Return who used the CPUs in all intervals: those without a look are like the others; None without a look."""
        if self._looked_ns <= 0:
            return None
        threads, processes, queue = (one * max(self._waited_ns, 0) // self._looked_ns for one in self._waits)
        return threads, processes, queue
