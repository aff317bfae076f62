"""Spans of OpenTelemetry's SDK in this process, if the application has set the SDK up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from pytest_perfbudget.tracing import Span, SpanContext
from pytest_perfbudget.tracing.open_span import nest_with
from pytest_perfbudget.tracing.otel_nesting import OtelNesting
from pytest_perfbudget.tracing.otlp import span_of

_API: Final = "opentelemetry.trace"
_SDK: Final = "opentelemetry.sdk.trace"
_NAME: Final = "_perfbudget_processor"

Within = Callable[[SpanContext], AbstractContextManager[None]]
"""A function that returns a context in which spans of the SDK are children of a span."""


@contextmanager
def listening(take: Callable[[Span], None]) -> Iterator[Within]:
    """Hand the spans of the SDK to a function within the block; nothing is imported for that.

    A provider never lets a processor go, so a provider is given a single processor, which is idle between blocks.

    Args:
        take: a function that takes each span that ends.
    """
    processor = _processor()
    if processor is None:
        yield lambda _: nullcontext()
        return
    processor.takes = [*processor.takes, take]
    nest_with(processor.nesting.innermost)
    try:
        yield _within
    finally:
        processor.takes = [one for one in processor.takes if one != take]
        if not processor.takes:
            nest_with(None)


def _processor() -> Any | None:  # noqa: ANN401 - the SDK is optional
    api, sdk = sys.modules.get(_API), sys.modules.get(_SDK)
    if api is None or sdk is None:
        return None
    provider: Any = api.get_tracer_provider()
    if not isinstance(provider, sdk.TracerProvider):
        return None
    found = getattr(provider, _NAME, None)
    if found is None:
        found = type("PerfBudgetProcessor", (_Processor, sdk.SpanProcessor), {})()
        found.nesting = OtelNesting(api.get_current_span)
        provider.add_span_processor(found)
        setattr(provider, _NAME, found)
    return found


class _Processor:
    """The part of a span processor that this package adds."""

    nesting: OtelNesting
    takes: Sequence[Callable[[Span], None]] = ()

    def on_start(self, span: Any, parent_context: object = None) -> None:  # noqa: ANN401 - opentelemetry.sdk.trace.Span
        """Note the place of a span among the spans of `track`."""
        if self.takes:
            self.nesting.begin(span, parent_context)

    def on_end(self, span: Any) -> None:  # noqa: ANN401 - opentelemetry.sdk.trace.ReadableSpan
        """Hand a span over."""
        takes = self.takes
        context, status = span.get_span_context(), span.status
        placed = self.nesting.end(context.span_id)
        if not takes or span.start_time is None or span.end_time is None:
            return
        parent_id = span.parent.span_id if span.parent is not None else 0
        found = span_of(
            name=span.name,
            trace_id=context.trace_id if placed is None else placed.trace_id,
            span_id=context.span_id,
            parent_id=parent_id if placed is None else placed.parent_id,
            start_ns=span.start_time,
            end_ns=span.end_time,
            attributes=dict(span.attributes or {}),
            error=(status.description or "error") if status.status_code.name == "ERROR" else "",
        )
        for take in takes:
            take(found)


@contextmanager
def _within(root: SpanContext) -> Iterator[None]:
    api, contexts = sys.modules[_API], sys.modules["opentelemetry.context"]
    flags = api.TraceFlags(api.TraceFlags.SAMPLED)
    parent = api.NonRecordingSpan(api.SpanContext(root.trace_id, root.span_id, is_remote=True, trace_flags=flags))
    token = contexts.attach(api.set_span_in_context(parent))
    try:
        yield
    finally:
        contexts.detach(token)
