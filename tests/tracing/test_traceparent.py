"""The header `traceparent` carries a span's identity from process to process, as W3C Trace Context says."""

from __future__ import annotations

import pytest
from gathered_spans import gathered
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.tracing import SpanContext, continued, current, from_traceparent, to_traceparent, track

CONTEXTS = st.builds(SpanContext, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))


@given(CONTEXTS)
def test_a_context_survives_the_header(context: SpanContext) -> None:
    assert from_traceparent(to_traceparent(context)) == context


def test_the_header_of_the_standard_s_example() -> None:
    value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    context = from_traceparent(value)
    assert context == SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)
    assert to_traceparent(context) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        "00-0-0-00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
    ],
)
def test_a_malformed_header_is_no_context(value: str) -> None:
    assert from_traceparent(value) is None


@given(st.text())
def test_any_text_is_read_without_an_error(value: str) -> None:
    from_traceparent(value)


@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-0-0-00"}])
def test_without_such_a_header_the_enclosing_span_stays_the_parent(headers: dict[str, str]) -> None:
    with gathered() as spans, track("client"), continued(headers), track("server"):
        pass
    server, client = spans
    assert server.parent_id == client.span_id


def test_with_the_header_the_enclosing_span_is_not_the_parent() -> None:
    headers = {"Traceparent": to_traceparent(SpanContext(1, 2))}
    with gathered() as spans, track("client"), continued(headers), track("server"):
        pass
    assert (spans[0].trace_id, spans[0].parent_id) == (1, 2)


def test_no_context_is_no_parent() -> None:
    with gathered() as spans, track("client"), continued(None), track("server"):
        pass
    assert spans[0].parent_id == 0


def test_the_context_of_the_caller_is_the_parent() -> None:
    context = SpanContext(1, 2)
    with continued(context):
        assert current() == context
    assert current() is None
