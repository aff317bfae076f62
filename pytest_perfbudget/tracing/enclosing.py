"""The span that encloses a line, on its way to other threads and processes and from there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from pytest_perfbudget.tracing import open_span
from pytest_perfbudget.tracing.context import Identity, SpanContext, from_traceparent, to_traceparent
from pytest_perfbudget.tracing.ids import new_trace_id, next_id
from pytest_perfbudget.tracing.open_span import Continued, Enclosing, OpenSpan, current_span

_HEADER: Final = "traceparent"


def enclosing_track() -> Enclosing | None:
    """Return the innermost span of `track`, or of elsewhere."""
    span = current_span.get()
    return open_span.around(span) if isinstance(span, OpenSpan) else span


def innermost() -> Identity | None:
    """Return the innermost open span of any kind."""
    span = enclosing_track()
    return span if open_span.innermost_of is None else open_span.innermost_of(span)


def mark_of(span: Enclosing) -> int:
    """Return the mark of the moment at which a span of this process began, or began to enclose the code."""
    if isinstance(span, OpenSpan):
        return span.span_id
    return span.mark if isinstance(span, Continued) else 0


def current() -> SpanContext | None:
    """Return the span that encloses this line; None if there is none."""
    span = innermost()
    return SpanContext(span.trace_id, span.span_id) if span else None


def new_root() -> SpanContext:
    """Return an identity for a tree that begins here, such as that of one request; see `continued`."""
    return SpanContext(new_trace_id(), next_id())


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
        source: the span, or the headers of a request that may name the span in `traceparent`. Without such a header
            the enclosing span stays the parent: the caller may be in the same process. None is no parent.
    """
    if source is not None and not isinstance(source, SpanContext):
        value = next((value for name, value in source.items() if name.lower() == _HEADER), "")
        source = from_traceparent(value)
        if source is None:
            yield
            return
    token = current_span.set(None if source is None else Continued(source))
    try:
        yield
    finally:
        current_span.reset(token)
