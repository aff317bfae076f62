"""Spans that end, and the sinks that take them. Tracking is off while there is no sink."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, Protocol

from pytest_perfbudget.tracing.announced import announced
from pytest_perfbudget.tracing.context import SpanContext, from_traceparent, to_traceparent

_CLOCKS: Final = (time.perf_counter_ns, time.thread_time_ns)
"""The clocks of durations, wall-clock and CPU time. Libraries that freeze time, such as freezegun, replace functions of
modules, and do not look into a tuple. Frozen spans would keep any limit."""

EPOCH_NS: Final = time.time_ns() - time.perf_counter_ns()
"""The reading of the monotonic clock in 1970. Starts are times since then, for readers in other processes; durations
come from the monotonic clock."""


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

_HEADER: Final = "traceparent"

sinks: tuple[Sink, ...] = ()
_changing = threading.Lock()
_parent_process: Final = announced()
current_span: ContextVar[OpenSpan | SpanContext | None] = ContextVar("perfbudget_span", default=_parent_process)
"""The span that encloses the code; in every thread of a child process, the span of the parent process by default."""
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


def new_root() -> SpanContext:
    """Return an identity for a tree that begins here, such as that of one request; see `continued`."""
    return SpanContext(_bits(128) | 1, _bits(64) | 1)


def emit(span: Span) -> None:
    """Hand a span that was measured elsewhere, such as in another process, to all sinks."""
    for sink in sinks:
        sink(span)


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
        self.start_cpu_ns = _CLOCKS[1]()
        self.began_ns = self.start_ns = _CLOCKS[0]()

    def enter(self) -> None:
        """Go on after a rest."""
        self.parent = current_span.get()
        self.is_other_thread |= threading.get_ident() != self.thread
        current_span.set(self)
        self.start_cpu_ns = _CLOCKS[1]()
        self.start_ns = _CLOCKS[0]()

    def leave(self) -> None:
        """Rest, so that the time and the spans of the caller are not the span's."""
        self.duration_ns += _CLOCKS[0]() - self.start_ns
        self.cpu_ns += _CLOCKS[1]() - self.start_cpu_ns
        self.is_other_thread |= threading.get_ident() != self.thread
        current_span.set(self.parent)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, and hand it to all sinks."""
        self.leave()
        parent = self.parent
        # The constructor of a named tuple takes longer than all the rest of this method.
        span = tuple.__new__(
            Span,
            (
                self.name,
                self.trace_id,
                self.span_id,
                parent.span_id if parent else 0,
                EPOCH_NS + self.began_ns,
                self.duration_ns,
                None if self.is_other_thread else self.cpu_ns,
                self.attributes,
                "" if error is None else f"{type(error).__name__}: {error}",
                self.thread,
                self.file,
                self.line,
            ),
        )
        for sink in sinks:
            sink(span)
