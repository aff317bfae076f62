"""A processor of OpenTelemetry that hands each span to a monitor; needs the package opentelemetry-sdk."""

from __future__ import annotations

import re
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import StatusCode

from pytest_perfbudget.monitor.monitor import Monitor
from pytest_perfbudget.tracing import Span

_EXCEPTION: Final = "exception"
_FRAME: Final = re.compile(r'^  File "(.+)", line (\d+)', re.MULTILINE)


class MonitorSpanProcessor(SpanProcessor):
    """The processor: `provider.add_span_processor(MonitorSpanProcessor(monitor))`."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Do nothing: a span is observed when it has ended."""

    def on_end(self, span: ReadableSpan) -> None:
        """Observe a span that has ended."""
        context = span.get_span_context()
        if context is None or span.start_time is None or span.end_time is None:
            return
        self._monitor.take_span(
            Span(
                span.name,
                context.trace_id,
                context.span_id,
                span.parent.span_id if span.parent else 0,
                span.start_time,
                span.end_time - span.start_time,
                None,
                span.attributes or {},
                *_error(span),
            )
        )

    def shutdown(self) -> None:
        """Do nothing: the monitor outlives the tracer."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the name is the interface's
        """Return that nothing waits: each span is observed as it ends."""
        return True


def _error(span: ReadableSpan) -> tuple[str, int, str, int]:
    """Return the error of a span, its thread (which is not known), and the file and line that raised the error."""
    if span.status.status_code is not StatusCode.ERROR:
        return "", 0, "", 0
    for one in reversed(span.events):
        if one.name == _EXCEPTION and one.attributes:
            frames = _FRAME.findall(str(one.attributes.get("exception.stacktrace", "")))
            file, line = frames[-1] if frames else ("", "0")
            words = f"{one.attributes.get('exception.type')}: {one.attributes.get('exception.message')}"
            return words, 0, file, int(line)
    return span.status.description or "error", 0, "", 0
