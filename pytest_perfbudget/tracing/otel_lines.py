"""The lines and the parents of OpenTelemetry's spans in child processes of a test.

OpenTelemetry's instrumentations do not say which line made a query, and do not know the spans of `track`. The SDK loads
the class `LineDetector` as a detector of resources, because the test names the detector in the environment. So the
application needs no change.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource, ResourceDetector
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import get_current_span

from pytest_perfbudget.tracing.exporter import SpanExporter
from pytest_perfbudget.tracing.open_span import nest_with
from pytest_perfbudget.tracing.otel_nesting import OtelNesting
from pytest_perfbudget.tracing.otlp import FILE, LINE, PARENT, TRACE

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_ELSEWHERE: Final = tuple(
    f"{os.path.realpath(folder)}{os.sep}"
    for folder in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), Path(__file__).parent.parent)
)
"""The folders of the standard library and of this package."""

_add_processor: Final = TracerProvider.add_span_processor
_nesting: Final = OtelNesting(get_current_span)
_NAME: Final = "_perfbudget_lines"


class LineDetector(ResourceDetector):
    """A detector that finds no resource, and lets each provider of this process note lines.

    In the test's own process nothing changes: the plugin finds the lines there, and tests may look at the attributes of
    their spans.
    """

    def __init__(self) -> None:
        super().__init__()
        if SpanExporter.running is not None:
            TracerProvider.add_span_processor = _add_with_lines  # type: ignore[assignment,method-assign]

    def detect(self) -> Resource:
        """Return an empty resource."""
        return Resource.get_empty()


class LineProcessor(SpanProcessor):
    """The processor that gives each span the file and the line of the application's code, unless the span has them.

    A span within a span of `track` has its parent as an attribute.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note the parent and the line of a span that begins."""
        if not span.is_recording():
            return
        placed, parent = _nesting.begin(span, parent_context), span.parent
        if placed.parent_id != (0 if parent is None else parent.span_id):
            span.set_attributes({PARENT: f"{placed.parent_id:016x}"})
        if placed.trace_id != span.get_span_context().trace_id:
            span.set_attributes({TRACE: f"{placed.trace_id:032x}"})
        if FILE in (span.attributes or {}):
            return
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - `inspect.stack` takes milliseconds
        while frame is not None:
            file = _own_file(frame.f_code.co_filename)
            if file:
                span.set_attributes({FILE: file, LINE: frame.f_lineno})
                return
            frame = frame.f_back

    def on_end(self, span: ReadableSpan) -> None:
        """Forget a span that has ended."""
        context = span.get_span_context()
        if context is not None:
            _nesting.end(context.span_id)


def _add_with_lines(provider: TracerProvider, span_processor: Any) -> None:  # noqa: ANN401 - any processor
    """Add a processor to a provider, the first one after a processor for lines."""
    if not hasattr(provider, _NAME):
        setattr(provider, _NAME, True)
        _add_processor(provider, LineProcessor())
        nest_with(_nesting.innermost)
    _add_processor(provider, span_processor)


@cache
def _own_file(name: str) -> str:
    """Return the absolute path of a file of the application; empty for a library and for code without a file."""
    if name.startswith("<"):
        return ""
    path = os.path.realpath(name)
    is_library = path.startswith(_ELSEWHERE) or not _INSTALLED.isdisjoint(Path(path).parts)
    return "" if is_library else path
