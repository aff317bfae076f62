"""Spans of OpenTelemetry's SDK in this process, if the application has set the SDK up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from pytest_perfbudget.tracing import Span, SpanContext
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
    try:
        yield _within
    finally:
        processor.takes = [one for one in processor.takes if one != take]


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
        provider.add_span_processor(found)
        setattr(provider, _NAME, found)
    return found


class _Processor:
    """The part of a span processor that this package adds."""

    takes: Sequence[Callable[[Span], None]] = ()

    def on_end(self, span: Any) -> None:  # noqa: ANN401 - opentelemetry.sdk.trace.ReadableSpan
        """Hand a span over."""
        takes = self.takes
        if not takes or span.start_time is None or span.end_time is None:
            return
        context, status = span.get_span_context(), span.status
        found = span_of(
            name=span.name,
            trace_id=context.trace_id,
            span_id=context.span_id,
            parent_id=span.parent.span_id if span.parent is not None else 0,
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
