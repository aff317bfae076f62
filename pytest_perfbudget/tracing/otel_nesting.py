"""The nesting of spans of `track` and of OpenTelemetry's SDK: the innermost open span of either kind is the parent.

Each kind knows its own open spans only. Spans of `track` have ids in the order of their starts, so a span of the SDK
takes such an id, too, as the mark of its start. Imports nothing of OpenTelemetry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pytest_perfbudget.tracing.context import SpanContext
from pytest_perfbudget.tracing.enclosing import enclosing_track, mark_of
from pytest_perfbudget.tracing.ids import next_id
from pytest_perfbudget.tracing.open_span import Enclosing, OpenSpan

_MOST_OPEN: Final = 10_000
"""The most spans that are open at a time; spans that never end would fill the memory."""


class Placed(NamedTuple):
    """A span of the SDK with its place in the tree of both kinds.

    Attributes:
        trace_id: the id of the tree.
        span_id: the id of the span.
        parent_id: the id of the enclosing span of either kind; 0 if there is none.
        mark: the id that a span of `track` would have had at the start.
    """

    trace_id: int
    span_id: int
    parent_id: int
    mark: int


class OtelNesting:
    """The open spans of the SDK in this process.

    Args:
        current: OpenTelemetry's function `get_current_span`.
    """

    def __init__(self, current: Callable[[], Any]) -> None:
        self._current = current
        self._open: dict[int, Placed] = {}

    def begin(self, span: Any, context: object = None) -> Placed:  # noqa: ANN401 - opentelemetry.sdk.trace.Span
        """Note a span of the SDK that has just begun, and return its place.

        Args:
            span: the span, which is not the current span yet.
            context: the context that the code gave for the start of the span; None if it gave none.
        """
        own, parent = span.get_span_context(), span.parent
        trace_id, parent_id = own.trace_id, 0
        if parent is not None:
            known = self._open.get(parent.span_id)
            trace_id, parent_id = known.trace_id if known else parent.trace_id, parent.span_id
        around = enclosing_track()
        if around is not None and not self._is_chosen(parent, context) and self._is_outside(parent, around):
            trace_id, parent_id = around.trace_id, around.span_id
        placed = Placed(trace_id, own.span_id, parent_id, next_id())
        if len(self._open) >= _MOST_OPEN:
            self._open.pop(next(iter(self._open)), None)
        self._open[own.span_id] = placed
        return placed

    def end(self, span_id: int) -> Placed | None:
        """Forget a span of the SDK that has ended, and return its place; None if its start was not noted."""
        return self._open.pop(span_id, None)

    def innermost(self, around: Enclosing | None) -> Enclosing | Placed | None:
        """Return the innermost open span of either kind.

        Args:
            around: the innermost span of `track`.
        """
        context = self._current().get_span_context()
        found = self._open.get(context.span_id)
        if found is not None:
            return around if around is not None and mark_of(around) > found.mark else found
        return SpanContext(context.trace_id, context.span_id) if around is None and context.is_valid else around

    def _is_chosen(self, parent: Any, context: object) -> bool:  # noqa: ANN401 - opentelemetry.trace.SpanContext
        """Return whether the code has given a parent that is not the current span, such as of a request's headers."""
        if context is None or parent is None:
            return False
        return bool(parent.span_id != self._current().get_span_context().span_id)

    def _is_outside(self, parent: Any, around: Enclosing) -> bool:  # noqa: ANN401 - as above
        """Return whether a span of the SDK began before a span of `track`."""
        known = None if parent is None else self._open.get(parent.span_id)
        if known is not None:
            return mark_of(around) > known.mark
        return parent is None or isinstance(around, OpenSpan) or around.span_id == parent.span_id
