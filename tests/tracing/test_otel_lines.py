"""The lines that begin spans of OpenTelemetry's SDK in a child process of a test."""

from __future__ import annotations

import random
from typing import Any

import pytest
from gathered_spans import gathered

pytest.importorskip("opentelemetry.sdk.trace")

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from pytest_perfbudget import track
from pytest_perfbudget.tracing import open_span, otel_lines
from pytest_perfbudget.tracing.exporter import SpanExporter
from pytest_perfbudget.tracing.otel_lines import LineDetector
from pytest_perfbudget.tracing.otlp import FILE, LINE, PARENT, TRACE, span_of


def provider(monkeypatch: pytest.MonkeyPatch, *, is_child: bool) -> TracerProvider:
    monkeypatch.setattr(SpanExporter, "running", object() if is_child else None)
    monkeypatch.setattr(open_span, "innermost_of", None)
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


def test_spans_of_both_kinds_nest_in_a_child_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK exports its spans itself, so the parent travels as an attribute."""
    tracer = provider(monkeypatch, is_child=True).get_tracer("shop")
    before = set(otel_lines._nesting._open)
    with gathered() as spans:
        with track("page"), tracer.start_as_current_span("query") as query, track("rows"):
            pass
        with tracer.start_as_current_span("alone") as alone, tracer.start_as_current_span("within") as within:
            pass
    rows, page = spans
    placed: Any = query
    own = placed.get_span_context()
    found = span_of(
        name="query", trace_id=own.trace_id, span_id=own.span_id, parent_id=0, start_ns=0, end_ns=1,
        attributes=dict(placed.attributes), error="",
    )  # fmt: skip
    assert (found.trace_id, found.parent_id, rows.trace_id, rows.parent_id) == (
        page.trace_id, page.span_id, page.trace_id, found.span_id,
    )  # fmt: skip
    assert not {PARENT, TRACE} & {*found.attributes}
    for one in (alone, within):
        plain: Any = one
        assert not {PARENT, TRACE} & {*plain.attributes}
    assert set(otel_lines._nesting._open) == before


def test_spans_of_the_tests_own_process_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attributes(provider(monkeypatch, is_child=False)) == {}


def test_libraries_and_code_without_a_file_are_not_the_application() -> None:
    for name in ("<string>", pytest.__file__, random.__file__, otel_lines.__file__):
        assert otel_lines._own_file(name) == ""
    assert otel_lines._own_file(__file__) == __file__
