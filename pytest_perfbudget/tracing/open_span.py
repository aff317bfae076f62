"""Spans that have not ended: begin, nest and end, in as little time as possible.

The CPU clock of a thread is a call of the operating system, and takes as long as all the rest of a span. Within 5 us of
a reading the thread counts as computing, because to block and to wake up again takes a thread longer than that. So a
short span costs no reading, and the CPU time of any span is at most 5 us too large or too small; of a span that rests,
that of each interval.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from types import BuiltinFunctionType, FrameType
from typing import Final

from pytest_perfbudget.tracing import collector, ids
from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.announced import announced
from pytest_perfbudget.tracing.context import Identity, SpanContext
from pytest_perfbudget.tracing.ended_span import hand_over
from pytest_perfbudget.tracing.span import EPOCH_NS, Named, attributes_of, when_switched
from pytest_perfbudget.tracing.task import UNKNOWN_TASK, Task, running_tasks
from pytest_perfbudget.tracing.wait_sampling import LEAST_WAIT_NS, Look, Waits, WaitSampler

CLOCKS: Final = (time.perf_counter_ns, time.thread_time_ns)
"""The clocks of durations, wall-clock and CPU time. Libraries that freeze time, such as freezegun, replace functions of
modules, and do not look into a tuple. Frozen spans would keep any limit."""

_COMPUTING_NS: Final = 5_000
"""The time after a reading of the CPU clock in which the thread counts as computing."""

_parent_process: Final = announced()
current_span: ContextVar[Enclosing | None] = ContextVar("perfbudget_span", default=_parent_process)
"""The span that encloses the code; in every thread of a child process, the span of the parent process by default."""
collector.guard(current_span)

ident = threading.get_ident
_reading = (0, 0, 0)
"""The last reading of a CPU clock: the thread, the wall-clock time, the CPU time."""

sampler: WaitSampler | None = None
"""The choice of the spans whose waiting is looked into; None if nobody asks for that."""
_samplers: list[WaitSampler | None] = []

outside: Task | None = None
"""The task of a span that is in no step of a task. It is `UNKNOWN_TASK` where gevent or eventlet have patched threads:
a thread runs other greenlets without notice then."""

innermost_of: Callable[[Enclosing | None], Identity | None] | None = None
"""The function that returns the innermost span of a span of `track` and of the spans of another kind; see
`nest_with`."""


class OpenSpan:
    """A span that has not ended, of a function, a coroutine or a block."""

    __slots__ = (
        "away_ns",
        "below",
        "frame",
        "is_astray",
        "look",
        "parent",
        "parent_id",
        "source",
        "span_id",
        "start_cpu_ns",
        "start_ns",
        "task",
        "thread",
        "trace_id",
    )

    away_ns: int
    """The value of `Task.away_ns` at the start; not set without a task."""
    below: OpenSpan | None
    """The block around this block in the same function."""
    frame: FrameType | None
    """The frame that the open block stands in; None for a function."""
    is_astray: bool
    """Whether the span has ended in another context."""
    parent: Enclosing | None
    """The span of `track` around this span, which goes on when this span has ended."""
    parent_id: int
    """The id of the innermost span of any kind around this span; 0 if there is none."""
    source: Named
    span_id: int
    start_cpu_ns: int
    start_ns: int
    task: Task | None
    thread: int
    trace_id: int
    look: Look | None
    """The look at the start, see `wait_sampling`; None if nobody looked."""

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        global _reading  # noqa: PLW0603 - see `_reading`
        end_ns = CLOCKS[0]()
        cpu_ns: int | None
        thread, start_ns, task = self.thread, self.start_ns, self.task
        if ident() != thread:
            cpu_ns = None
        else:
            read_thread, read_ns, cpu_ns = _reading
            since_ns = end_ns - read_ns
            if since_ns < _COMPUTING_NS and read_thread == thread:
                cpu_ns += since_ns - self.start_cpu_ns
            else:
                cpu_ns = CLOCKS[1]()
                _reading = (thread, end_ns, cpu_ns)
                cpu_ns -= self.start_cpu_ns
            if task is not None:
                cpu_ns = self.of_task(cpu_ns)
        innermost = current_span.get()
        if innermost is self:
            collector.set_current(self.parent)
        else:
            self._leave(innermost)
        duration_ns = end_ns - start_ns
        waits = None
        if sampler is not None and (duration_ns >= LEAST_WAIT_NS or self.look is not None):
            waits = self.waits_until(end_ns, cpu_ns, duration_ns)
        if error is not None or spans.needs_lines:
            hand_over(self, start_ns, duration_ns, cpu_ns, error, waits=waits)
            return
        # As `hand_over` does, without the time of its call.
        source = self.source
        record = (
            source.name,
            self.trace_id,
            self.span_id,
            self.parent_id,
            EPOCH_NS + start_ns,
            duration_ns,
            cpu_ns,
            attributes_of(source) if source.attributes is None else source.attributes,
            "",
            thread,
            "",
            0,
            (),
            0 if task is None else task.number,
            waits,
        )
        for sink in spans.sinks:
            sink(record)

    def waits_until(self, end_ns: int, cpu_ns: int | None, duration_ns: int) -> Waits | None:
        """Return who used the CPUs while the span waited; None if that is not known."""
        if sampler is None:
            return None
        waited_ns = 0 if cpu_ns is None else duration_ns - cpu_ns
        waits = sampler.end(self.source.name, self.look, self.start_ns, end_ns, waited_ns)
        if waits is None or self.task is None:
            return waits
        threads, processes, queue = waits
        return threads + self.task.away_ns - self.away_ns, processes, queue

    def of_task(self, cpu_ns: int) -> int | None:
        """Return the CPU time of the span's task, of the thread's CPU time since the start; None if it is not known."""
        task = self.task
        if task is None:
            return cpu_ns
        return max(cpu_ns - task.away_ns + self.away_ns, 0) if running_tasks.get(self.thread) is task else None

    def _leave(self, innermost: Enclosing | None) -> None:
        """End out of order: a generator has rested in a block within this span, or goes on in another context."""
        while innermost.__class__ is OpenSpan:
            if innermost is self:
                collector.set_current(self.parent)
                return
            innermost = innermost.parent
        self.is_astray = True


class Continued:
    """A span of elsewhere, such as of the calling process, around the code of a context.

    Attributes:
        trace_id: the id of the whole tree.
        span_id: the id of the span.
        mark: the id that a span which begins now would have; the ids of other processes have no order.
    """

    __slots__ = ("mark", "span_id", "trace_id")

    def __init__(self, context: SpanContext) -> None:
        self.trace_id, self.span_id = context
        self.mark = next(ids.of_spans)


Enclosing = OpenSpan | Continued | SpanContext


def around(span: OpenSpan) -> Enclosing | None:
    """Return the innermost span around a span that has ended elsewhere, and that this context still has."""
    parent: Enclosing | None = span
    while isinstance(parent, OpenSpan) and parent.is_astray:
        parent = parent.parent
    return parent


def is_within(span: Enclosing | None, other: OpenSpan) -> bool:
    """Return whether a span is another one, or lies within that."""
    while span.__class__ is OpenSpan:
        if span is other:
            return True
        span = span.parent
    return False


def begin(source: Named) -> OpenSpan:
    """Begin a span within the present one."""
    global _reading  # noqa: PLW0603 - see `_reading`
    span = OpenSpan()  # without a constructor in Python, which would take three times as long
    span.source = source
    parent = current_span.get()
    if parent.__class__ is OpenSpan and parent.is_astray:
        parent = around(parent)
    span.parent = parent
    span.frame = None
    span.is_astray = False
    span.look = None if sampler is None or source.name in sampler.settled else sampler.begin(source.name)
    innermost: Identity | None = parent if innermost_of is None else innermost_of(parent)
    if innermost is None:
        span.trace_id = ids.new_trace_id()
        span.parent_id = 0
    else:
        span.trace_id = innermost.trace_id
        span.parent_id = innermost.span_id
    span.span_id = next(ids.of_spans)
    span.thread = own = ident()
    span.task = outside
    if running_tasks:
        task = running_tasks.get(own)
        if task is not None:
            span.task = task
            span.away_ns = task.away_ns
    collector.set_current(span)
    thread, read_ns, cpu_ns = _reading
    now_ns = CLOCKS[0]()
    since_ns = now_ns - read_ns
    if since_ns < _COMPUTING_NS and thread == own:
        span.start_cpu_ns = cpu_ns + since_ns
        span.start_ns = now_ns
    else:
        span.start_cpu_ns = cpu_ns = CLOCKS[1]()
        _reading = (own, now_ns, cpu_ns)
        span.start_ns = CLOCKS[0]()
    return span


def thread_cpu_ns(now_ns: int, own: int) -> int:
    """Return the CPU time of this thread at the present time, by the last reading if that is less than 5 us old."""
    global _reading  # noqa: PLW0603 - see `_reading`
    thread, read_ns, cpu_ns = _reading
    since_ns = now_ns - read_ns
    if since_ns < _COMPUTING_NS and thread == own:
        return cpu_ns + since_ns
    cpu_ns = CLOCKS[1]()
    _reading = (own, now_ns, cpu_ns)
    return cpu_ns


def nest_with(function: Callable[[Enclosing | None], Identity | None] | None) -> None:
    """Let spans nest in spans of another kind, too.

    Args:
        function: a function that takes the innermost span of `track` and returns the innermost span of either kind;
            None lets the spans of `track` nest among themselves.
    """
    global innermost_of  # noqa: PLW0603 - the same for all spans
    innermost_of = function


def add_sampler(chosen: WaitSampler | None) -> None:
    """Let the waiting of some spans be looked into, by the choice that was added last; None looks into none."""
    _samplers.append(chosen)
    _choose()


def remove_sampler(chosen: WaitSampler | None) -> None:
    """Undo `add_sampler`."""
    _samplers.remove(chosen)
    _choose()


def _choose() -> None:
    global sampler  # noqa: PLW0603 - the same for all spans
    sampler = _samplers[-1] if _samplers else None


def _choose_outside(is_on: bool) -> None:  # noqa: FBT001 - as `when_switched` calls
    global outside  # noqa: PLW0603 - the same for all spans
    has_greenlets = is_on and not isinstance(threading.get_ident, BuiltinFunctionType)
    outside = UNKNOWN_TASK if has_greenlets else None


when_switched(_choose_outside)


def _begin_anew() -> None:
    """Let a forked child read its own CPU clock."""
    global _reading  # noqa: PLW0603 - the parent's goes on there
    _reading = (0, 0, 0)
    _samplers.clear()
    _choose()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
