"""Spans that have not ended: begin, nest and end, in as little time as possible.

The CPU clock of a thread is a call of the operating system, and takes as long as all the rest of a span. Within 5 us of
a reading the thread counts as computing, because to block and to wake up again takes a thread longer than that. So a
short span costs no reading, and the CPU time of any span is at most 5 us too large or too small.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, Final, Protocol

from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.announced import announced
from pytest_perfbudget.tracing.context import SpanContext, from_traceparent, to_traceparent
from pytest_perfbudget.tracing.span import EPOCH_NS
from pytest_perfbudget.tracing.span_error import words_of

_CLOCKS: Final = (time.perf_counter_ns, time.thread_time_ns)
"""The clocks of durations, wall-clock and CPU time. Libraries that freeze time, such as freezegun, replace functions of
modules, and do not look into a tuple. Frozen spans would keep any limit."""

_ASTRAY: Final = -1
_COMPUTING_NS: Final = 5_000
"""The time after a reading of the CPU clock in which the thread counts as computing."""

_HEADER: Final = "traceparent"
_FOLDER: Final = __file__.rpartition("open_span")[0]
_parent_process: Final = announced()
current_span: ContextVar[OpenSpan | SpanContext | None] = ContextVar("perfbudget_span", default=_parent_process)
"""The span that encloses the code; in every thread of a child process, the span of the parent process by default."""

_random = random.Random()  # noqa: S311 - ids, no secrets; a generator of its own, because applications seed the global one
_bits = _random.getrandbits
_ident = threading.get_ident
_new = object.__new__
_ids = itertools.count(_bits(62) + 1)
"""The ids of spans: from a random start on, which takes half the time of a random id."""
_reading = (0, 0, 0)
"""The last reading of a CPU clock: the thread, the wall-clock time, the CPU time."""


class Named(Protocol):
    """The name and the attributes of spans."""

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class
    @property
    def attributes(self) -> Mapping[str, Any]: ...  # noqa: D102


class OpenSpan:
    """A span that has not ended, of a function, a coroutine or a block."""

    __slots__ = ("below", "frame", "parent", "source", "span_id", "start_cpu_ns", "start_ns", "thread", "trace_id")

    below: OpenSpan | None
    """The block around this block in the same function."""
    frame: int
    """The id of the frame that the block stands in; 0 for a function, `_ASTRAY` for an end in another context."""
    parent: OpenSpan | SpanContext | None
    source: Named
    span_id: int
    start_cpu_ns: int
    start_ns: int
    thread: int
    trace_id: int

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        global _reading  # noqa: PLW0603 - see `_reading`
        end_ns = _CLOCKS[0]()
        cpu_ns: int | None
        if _ident() != self.thread:
            cpu_ns = None
        else:
            thread, read_ns, cpu_ns = _reading
            if end_ns - read_ns < _COMPUTING_NS and thread == self.thread:
                cpu_ns += end_ns - read_ns - self.start_cpu_ns
            else:
                cpu_ns = _CLOCKS[1]()
                _reading = (self.thread, end_ns, cpu_ns)
                cpu_ns -= self.start_cpu_ns
        innermost = current_span.get()
        if innermost is self:
            current_span.set(self.parent)
        else:
            self._leave(innermost)
        _hand_over(self, self.start_ns, end_ns - self.start_ns, cpu_ns, error)

    def _leave(self, innermost: OpenSpan | SpanContext | None) -> None:
        """End out of order: a generator has rested in a block within this span, or goes on in another context."""
        while innermost.__class__ is OpenSpan:
            if innermost is self:
                current_span.set(self.parent)
                return
            innermost = innermost.parent
        self.frame = _ASTRAY


def _around(span: OpenSpan) -> OpenSpan | SpanContext | None:
    """Return the innermost span around a span that has ended elsewhere, and that this context still has."""
    parent: OpenSpan | SpanContext | None = span
    while isinstance(parent, OpenSpan) and parent.frame == _ASTRAY:
        parent = parent.parent
    return parent


def begin(source: Named) -> OpenSpan:
    """Begin a span within the present one."""
    global _reading  # noqa: PLW0603 - see `_reading`
    span = _new(OpenSpan)  # a constructor in Python takes three times as long
    span.source = source
    parent = current_span.get()
    if parent.__class__ is OpenSpan and parent.frame == _ASTRAY:
        parent = _around(parent)
    span.parent = parent
    span.frame = 0
    span.trace_id = _bits(128) | 1 if parent is None else parent.trace_id
    span.span_id = next(_ids)
    span.thread = own = _ident()
    current_span.set(span)
    thread, read_ns, cpu_ns = _reading
    now_ns = _CLOCKS[0]()
    if now_ns - read_ns < _COMPUTING_NS and thread == own:
        span.start_cpu_ns = cpu_ns + now_ns - read_ns
        span.start_ns = now_ns
    else:
        span.start_cpu_ns = cpu_ns = _CLOCKS[1]()
        _reading = (own, now_ns, cpu_ns)
        span.start_ns = _CLOCKS[0]()
    return span


class RestingSpan:
    """A span of a generator, which rests between two items: the time and the spans of the caller are not the span's."""

    def __init__(self, source: Named) -> None:
        self._is_other_thread = False
        self._duration_ns = self._cpu_ns = 0
        self._span = begin(source)
        self._began_ns = self._span.start_ns

    def enter(self) -> None:
        """Go on after a rest."""
        span = self._span
        span.parent = current_span.get()
        self._is_other_thread |= _ident() != span.thread
        current_span.set(span)
        span.start_cpu_ns = _CLOCKS[1]()
        span.start_ns = _CLOCKS[0]()

    def leave(self) -> None:
        """Rest."""
        span = self._span
        self._duration_ns += _CLOCKS[0]() - span.start_ns
        self._cpu_ns += _CLOCKS[1]() - span.start_cpu_ns
        self._is_other_thread |= _ident() != span.thread
        current_span.set(span.parent)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        self.leave()
        cpu_ns = None if self._is_other_thread else self._cpu_ns
        _hand_over(self._span, self._began_ns, self._duration_ns, cpu_ns, error)


def _hand_over(
    span: OpenSpan, start_ns: int, duration_ns: int, cpu_ns: int | None, error: BaseException | None
) -> None:
    parent, source = span.parent, span.source
    file, line = "", 0
    words = "" if error is None else words_of(error)
    if words or spans.needs_lines:
        file, line = _place()
    record = (
        source.name,
        span.trace_id,
        span.span_id,
        0 if parent is None else parent.span_id,
        EPOCH_NS + start_ns,
        duration_ns,
        cpu_ns,
        source.attributes,
        words,
        span.thread,
        file,
        line,
    )
    for sink in spans.sinks:
        sink(record)


def _place() -> tuple[str, int]:
    """Return the file and the line of the code that uses `track`: of the call of a function, or of `with`."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - `inspect.stack` takes milliseconds
    while frame is not None and frame.f_code.co_filename.startswith(_FOLDER):
        frame = frame.f_back
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno or 0)


def current() -> SpanContext | None:
    """Return the span that encloses this line; None if there is none."""
    span = current_span.get()
    return SpanContext(span.trace_id, span.span_id) if span else None


def new_root() -> SpanContext:
    """Return an identity for a tree that begins here, such as that of one request; see `continued`."""
    return SpanContext(_bits(128) | 1, next(_ids))


def headers() -> dict[str, str]:
    """Return the header `traceparent` for an outgoing request; empty if no span encloses this line."""
    context = current()
    return {_HEADER: to_traceparent(context)} if context else {}


class Headers(Protocol):
    """The headers of a request, as a dictionary or as a web framework has them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return the names and values."""


@contextmanager
def continued(source: SpanContext | Headers | None) -> Iterator[None]:
    """Make a span of elsewhere, such as of the calling process, the parent of the spans in the block.

    Args:
        source: the span, or the headers of a request that may name the span in `traceparent`.
    """
    if source is not None and not isinstance(source, SpanContext):
        value = next((value for name, value in source.items() if name.lower() == _HEADER), "")
        source = from_traceparent(value)
    token = current_span.set(source)
    try:
        yield
    finally:
        current_span.reset(token)


def _begin_anew() -> None:
    """Let a forked child have ids and a CPU clock of its own."""
    global _ids, _reading  # noqa: PLW0603 - the parent's go on there
    _random.seed()
    _ids = itertools.count(_bits(62) + 1)
    _reading = (0, 0, 0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
