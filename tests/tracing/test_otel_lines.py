"""The lines that begin spans of OpenTelemetry's SDK in a child process of a test."""

from __future__ import annotations

import random
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk.trace")

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from pytest_perfbudget.tracing import otel_lines
from pytest_perfbudget.tracing.exporter import SpanExporter
from pytest_perfbudget.tracing.otel_lines import LineDetector
from pytest_perfbudget.tracing.otlp import FILE, LINE


def provider(monkeypatch: pytest.MonkeyPatch, *, is_child: bool) -> TracerProvider:
    monkeypatch.setattr(SpanExporter, "running", object() if is_child else None)
    monkeypatch.setattr(TracerProvider, "add_span_processor", TracerProvider.add_span_processor)
    assert dict(LineDetector().detect().attributes) == {}
    made = TracerProvider()
    made.add_span_processor(SpanProcessor())
    made.add_span_processor(SpanProcessor())
    return made


def attributes(provider: TracerProvider, **given: Any) -> dict[str, Any]:
    span: Any = provider.get_tracer("shop").start_span("query", **given)
    return dict(span.attributes)


def test_a_span_of_a_child_process_has_the_applications_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attributes(provider(monkeypatch, is_child=True)) == {
        FILE: __file__,
        LINE: attributes.__code__.co_firstlineno + 1,
    }


def test_a_span_that_has_a_line_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {FILE: "/app/shop.py", LINE: 7}
    assert attributes(provider(monkeypatch, is_child=True), attributes=given) == given


def test_spans_of_the_tests_own_process_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attributes(provider(monkeypatch, is_child=False)) == {}


def test_libraries_and_code_without_a_file_are_not_the_application() -> None:
    for name in ("<string>", pytest.__file__, random.__file__, otel_lines.__file__):
        assert otel_lines._own_file(name) == ""
    assert otel_lines._own_file(__file__) == __file__
