"""The span of a generator or a query, which rests between two items or fetches.

The time and the spans of the caller are not the span's. The line that began the span is known from the begin, because
the span may end elsewhere.
"""

from __future__ import annotations

from array import array
from typing import Final

from pytest_perfbudget.tracing import collector, open_span
from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.ended_span import Begin, hand_over, place_of_use
from pytest_perfbudget.tracing.open_span import begin, current_span, is_within
from pytest_perfbudget.tracing.span import Named
from pytest_perfbudget.tracing.task import UNKNOWN_TASK, running_tasks
from pytest_perfbudget.tracing.wait_sampling import LEAST_WAIT_NS, Waits

_MOST_INTERVALS: Final = 10_000
"""The most intervals of a span, 160 kB when it has ended; the time of further intervals lengthens the last of these."""


_ONE_INTERVAL: Final = 2
"""The number of times of one interval."""

_MOST_KNOWN: Final = 10_000
"""The most spans that are known; those that nobody resumes or closes would fill the memory."""

_known: dict[int, RestingSpan] = {}
"""The spans that have not ended, by their ids."""


def finish_resting(trace_id: int) -> None:
    """End the spans of a tree that rest, as the tree has ended, and nothing may ever resume the spans."""
    for one in [span for span in [*_known.values()] if span.is_at_rest and span.trace_id == trace_id]:
        one.finish()


class RestingSpan:
    """A span of a generator or a query that has not ended.

    Args:
        source: the name and the attributes of the span.
        is_suspendable: whether an event loop may suspend the generator while the generator makes an item.

    Attributes:
        is_at_rest: whether the generator or the query waits for the caller.
    """

    __slots__ = (
        "_active_ns",
        "_began_ns",
        "_begin",
        "_cpu_ns",
        "_duration_ns",
        "_is_cpu_known",
        "_is_over",
        "_is_suspendable",
        "_looked_ns",
        "_span",
        "_waited_ns",
        "_waits",
        "is_at_rest",
    )

    def __init__(self, source: Named, *, is_suspendable: bool = False) -> None:
        self._is_cpu_known = True
        self._is_suspendable = is_suspendable
        self._is_over = self.is_at_rest = False
        self._duration_ns = self._cpu_ns = self._waited_ns = self._looked_ns = 0
        self._waits: Waits = (0, 0, 0)
        self._active_ns: list[int] = []
        site = "" if spans.site_of is None else spans.site_of(source.name)
        self._begin = Begin(*(place_of_use() if spans.needs_lines else ("", 0)), site)
        self._span = begin(source)
        self._began_ns = self._span.start_ns
        self._note_task()
        if len(_known) < _MOST_KNOWN:
            _known[self._span.span_id] = self

    @property
    def trace_id(self) -> int:
        """The id of the whole tree."""
        return self._span.trace_id

    def enter(self) -> None:
        """Go on after a rest."""
        self.is_at_rest = False
        span = self._span
        enclosing = current_span.get()
        if not is_within(enclosing, span):  # a task that the span's own code began may resume the span
            span.parent = enclosing
        collector.set_current(span)
        if running_tasks or span.task is not None:
            self._note_task()
        sampler, name = open_span.sampler, span.source.name
        span.look = None if sampler is None or name in sampler.settled else sampler.begin(name)
        span.start_cpu_ns = open_span.thread_cpu_ns(open_span.CLOCKS[0](), open_span.ident())
        span.start_ns = open_span.CLOCKS[0]()

    def _note_task(self) -> None:
        """Note the task that makes the next item."""
        span = self._span
        span.task = running_tasks.get(span.thread, open_span.outside)
        if span.task is not None:
            span.away_ns = span.task.away_ns
        elif self._is_suspendable:
            span.task = UNKNOWN_TASK
            span.away_ns = 0

    def leave(self) -> None:
        """Rest: add an interval in which the span ran, unless the span has ended meanwhile."""
        span, end_ns, own = self._span, open_span.CLOCKS[0](), open_span.ident()
        collector.set_current(span.parent)
        if self._is_over:
            return
        start_ns, began_ns = span.start_ns, self._began_ns
        duration_ns = end_ns - start_ns
        cpu_ns: int | None = open_span.thread_cpu_ns(end_ns, own) - span.start_cpu_ns
        if cpu_ns is not None and span.task is not None:
            cpu_ns = span.of_task(cpu_ns)
        if cpu_ns is None or own != span.thread:
            self._is_cpu_known = False
        else:
            self._cpu_ns += cpu_ns
            self._waited_ns += duration_ns - cpu_ns
            if duration_ns >= LEAST_WAIT_NS or span.look is not None:
                self._note_waits(span.waits_until(end_ns, cpu_ns, duration_ns), duration_ns - cpu_ns)
        self._duration_ns += duration_ns
        if len(self._active_ns) < 2 * _MOST_INTERVALS:
            self._active_ns += (start_ns - began_ns, end_ns - began_ns)
        else:
            self._active_ns[-1] += duration_ns
        self.is_at_rest = True

    def _note_waits(self, waits: Waits | None, waited_ns: int) -> None:
        """Note who used the CPUs while an interval waited, if somebody looked."""
        if waits is not None:
            self._looked_ns += waited_ns
            threads, processes, queue = self._waits
            self._waits = threads + waits[0], processes + waits[1], queue + waits[2]

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        self.leave()
        self.finish(error)

    def finish(self, error: BaseException | None = None) -> None:
        """End the span as it rests, and hand it to all sinks; a span that has ended is no error."""
        if self._is_over:
            return
        self._is_over = True
        _known.pop(self._span.span_id, None)
        cpu_ns = self._cpu_ns if self._is_cpu_known else None
        active_ns = array("q", self._active_ns) if len(self._active_ns) > _ONE_INTERVAL else ()
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
