"""Spans that end, and the sinks that take them. Tracking is off while there is no sink."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from pytest_perfbudget.tracing.context import SpanContext

# Wall time for readers in other processes; durations come from the monotonic clock.
_EPOCH_NS: Final = time.time_ns() - time.perf_counter_ns()


class Span(NamedTuple):
    """A span that has ended.

    Attributes:
        name: the name of the component or of the operation.
        trace_id: the id of the whole tree, 128 bits.
        span_id: the id of the span, 64 bits.
        parent_id: the id of the enclosing span; 0 if there is none.
        start_ns: the time of the start, in ns since 1970.
        duration_ns: the duration, in ns.
        cpu_ns: the CPU time of the thread during the span, in ns; in an event loop with the time of other tasks that
            ran meanwhile; None if the span went on in another thread than it began.
        attributes: the keywords of `track`.
        error: the type and the message of the exception that ended the span; empty if there was none.
        thread: the id of the thread in which the span began.
        file: the file of the line that began the span.
        line: the line that began the span, counted from 1.
    """

    name: str
    trace_id: int
    span_id: int
    parent_id: int
    start_ns: int
    duration_ns: int
    cpu_ns: int | None
    attributes: Mapping[str, Any] = {}
    error: str = ""
    thread: int = 0
    file: str = ""
    line: int = 0


Sink = Callable[[Span], None]
"""A function that takes each span when the span has ended, in the thread that ended the span."""

sinks: tuple[Sink, ...] = ()
_changing = threading.Lock()
current_span: ContextVar[OpenSpan | SpanContext | None] = ContextVar("perfbudget_span", default=None)
_random = random.Random()  # noqa: S311 - ids, no secrets; a generator of its own, because applications seed the global one
_bits = _random.getrandbits
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def add_sink(sink: Sink) -> None:
    """Hand each span that ends from now on to a function; tracking is on while there is such a function."""
    global sinks  # noqa: PLW0603 - the check of a global name is the whole cost while tracking is off
    with _changing:
        sinks = (*sinks, sink)


def remove_sink(sink: Sink) -> None:
    """Undo `add_sink`; a sink that is not there is no error."""
    global sinks  # noqa: PLW0603 - see `add_sink`
    with _changing:
        sinks = tuple(one for one in sinks if one != sink)


def is_tracking() -> bool:
    """Return whether any sink takes spans."""
    return bool(sinks)


def current() -> SpanContext | None:
    """Return the span that encloses this line; None if there is none."""
    span = current_span.get()
    return SpanContext(span.trace_id, span.span_id) if span else None


def emit(span: Span) -> None:
    """Hand a span that was measured elsewhere, such as in another process, to all sinks."""
    for sink in sinks:
        sink(span)


@contextmanager
def continued(context: SpanContext | None) -> Iterator[None]:
    """Make a span of elsewhere, such as of the calling process, the parent of the spans in the block."""
    token = current_span.set(context)
    try:
        yield
    finally:
        current_span.reset(token)


class OpenSpan:
    """A span that has not ended yet. Between `leave` and `enter` the span rests, as a generator does between items."""

    __slots__ = (
        "attributes",
        "began_ns",
        "cpu_ns",
        "duration_ns",
        "file",
        "is_other_thread",
        "line",
        "name",
        "owner",
        "parent",
        "span_id",
        "start_cpu_ns",
        "start_ns",
        "thread",
        "trace_id",
    )

    def __init__(self, name: str, attributes: Mapping[str, Any], owner: object, depth: int) -> None:
        frame = sys._getframe(depth)  # noqa: SLF001 - `inspect.stack` takes milliseconds
        self.name = name
        self.attributes = attributes
        self.owner = owner
        self.file = frame.f_code.co_filename
        self.line = frame.f_lineno or 0
        self.parent = parent = current_span.get()
        self.trace_id: int = parent.trace_id if parent else _bits(128) | 1
        self.span_id: int = _bits(64) | 1
        self.thread = threading.get_ident()
        self.is_other_thread = False
        self.duration_ns = self.cpu_ns = 0
        current_span.set(self)
        self.start_cpu_ns = time.thread_time_ns()
        self.began_ns = self.start_ns = time.perf_counter_ns()

    def enter(self) -> None:
        """Go on after a rest."""
        self.parent = current_span.get()
        self.is_other_thread |= threading.get_ident() != self.thread
        current_span.set(self)
        self.start_cpu_ns = time.thread_time_ns()
        self.start_ns = time.perf_counter_ns()

    def leave(self) -> None:
        """Rest, so that the time and the spans of the caller are not the span's."""
        self.duration_ns += time.perf_counter_ns() - self.start_ns
        self.cpu_ns += time.thread_time_ns() - self.start_cpu_ns
        self.is_other_thread |= threading.get_ident() != self.thread
        current_span.set(self.parent)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        self.leave()
        parent = self.parent
        emit(
            Span(
                self.name,
                self.trace_id,
                self.span_id,
                parent.span_id if parent else 0,
                _EPOCH_NS + self.began_ns,
                self.duration_ns,
                None if self.is_other_thread else self.cpu_ns,
                self.attributes,
                "" if error is None else f"{type(error).__name__}: {error}",
                self.thread,
                self.file,
                self.line,
            )
        )
