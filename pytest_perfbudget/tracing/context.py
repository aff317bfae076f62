"""The identity of a span, and the header that carries the identity from process to process."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

_VERSION: Final = "00"


class Identity(Protocol):
    """The ids of a span, see `SpanContext`."""

    @property
    def trace_id(self) -> int: ...  # noqa: D102 - see the class
    @property
    def span_id(self) -> int: ...  # noqa: D102


class SpanContext(NamedTuple):
    """The identity of a span, which its children refer to, in this process or another.

    Attributes:
        trace_id: the id of the whole tree, 128 bits.
        span_id: the id of the span, 64 bits.
    """

    trace_id: int
    span_id: int


def to_traceparent(context: SpanContext) -> str:
    """Return the value of the header `traceparent` for an outgoing request (W3C Trace Context, section 3.2)."""
    return f"{_VERSION}-{context.trace_id:032x}-{context.span_id:016x}-01"


def from_traceparent(value: str) -> SpanContext | None:
    """Return the span that a header `traceparent` names; None if the value is malformed, as the standard demands."""
    parts = value.strip().split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2] or parts[0] == "ff":
        return None
    if set("".join(parts[:4])) - set("0123456789abcdef"):
        return None
    context = SpanContext(int(parts[1], 16), int(parts[2], 16))
    return context if all(context) else None
