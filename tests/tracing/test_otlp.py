"""Spans as JSON of the OpenTelemetry protocol, and what is no such JSON."""

from __future__ import annotations

import json
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.tracing import Span
from pytest_perfbudget.tracing.otlp import ACTIVE_NS, CPU_NS, PARENT, THREAD, TRACE, WAITS, from_json, to_json

TEXT = st.text(max_size=8)
TIME = st.integers(0, 2**61)
SPANS = st.builds(
    Span,
    TEXT,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    TIME,
    TIME,
    st.none() | TIME,
    st.dictionaries(
        TEXT.filter(lambda key: key not in ("statement", "")), st.booleans() | TIME | TEXT | st.floats(allow_nan=False)
    ),
    TEXT.filter(bool) | st.just(""),
    st.just(0),
    st.just(""),
    st.just(0),
    st.lists(TIME, max_size=3).map(lambda times: tuple(sorted([*times, *times]))),
    st.just(0),
    st.none() | st.tuples(TIME, TIME, TIME),
)


@given(st.lists(SPANS, max_size=3))
def test_spans_are_the_same_after_json(spans: list[Span]) -> None:
    assert from_json(to_json(spans, "shop.py")) == spans


def test_the_line_of_a_span_travels_as_attributes_of_the_conventions() -> None:
    span = Span("query", 1, 2, 0, 3, 4, None, {"statement": "SELECT 1"}, file="/shop.py", line=7)
    (read,) = from_json(to_json([span], "shop.py"))
    assert (read.file, read.line, read.attributes) == ("/shop.py", 7, {"statement": "SELECT 1"})


def test_the_thread_and_the_task_travel_and_no_thread_of_this_process_is_the_same() -> None:
    span = Span("query", 1, 2, 0, 3, 4, None, thread=9, task=5)
    (read,) = from_json(to_json([span], "shop.py"))
    assert (read.thread, read.task, read.attributes) == (-(os.getpid() << 64 | 9), 5, {})


def test_what_happened_while_a_span_waited_travels_and_is_no_attribute() -> None:
    (read,) = from_json(to_json([Span("query", 1, 2, 0, 3, 4, 1, waits=(10, -20, 30))], "shop.py"))
    assert (read.waits, read.attributes) == ((10, 0, 30), {})  # the difference of two readings may be below 0


@pytest.mark.parametrize(
    "value", ["", "1 2", "1 2 3 4", "a b c", "1 2 1e3", "1 2 \xb2", "9" * 21 + " 1 1", 5, 1.5, True]
)
@pytest.mark.parametrize("name", [WAITS, THREAD])
def test_values_of_another_program_in_the_attributes_of_this_one_are_ignored(name: str, value: object) -> None:
    (read,) = from_json(to_json([Span("query", 1, 2, 0, 3, 4, None, {name: value})], "shop.py"))
    assert (read.waits, read.thread, read.task, read.attributes) == (None, 0, 0, {})


def test_an_enormous_waiting_time_is_bounded() -> None:
    (read,) = from_json(to_json([Span("query", 1, 2, 0, 3, 4, None, {WAITS: "9" * 20 + " 1 1"})], "shop.py"))
    assert read.waits == (2**63 - 1, 1, 1)


@pytest.mark.parametrize("name", ["db.query.text", "db.statement"])
def test_the_statement_may_have_a_name_of_opentelemetry(name: str) -> None:
    (read,) = from_json(to_json([Span("query", 1, 2, 0, 3, 4, None, {name: "SELECT 1"})], "shop.py"))
    assert read.attributes["statement"] == "SELECT 1"


GOOD = {"name": "a", "traceId": "01", "spanId": "02", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}


def request(span: object) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_the_least_that_a_span_needs() -> None:
    assert from_json(request(GOOD)) == [Span("a", 1, 2, 0, 1, 1, None)]
    assert from_json(b"{}") == []


def test_the_largest_numbers_of_the_protocol_are_taken() -> None:
    largest = {"endTimeUnixNano": str((1 << 63) - 1), "traceId": "f" * 32, "spanId": "f" * 16}
    [span] = from_json(request({**GOOD, **largest}))
    assert (span.trace_id, span.span_id) == ((1 << 128) - 1, (1 << 64) - 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"resourceSpans": 7}',
        b'{"resourceSpans": [7]}',
        b"\xff",
        b"[" * 100_000,
        request(7),
        request({}),
        request({**GOOD, "traceId": "xyz"}),
        request({**GOOD, "startTimeUnixNano": "soon"}),
        request({**GOOD, "startTimeUnixNano": "-5"}),
        request({**GOOD, "endTimeUnixNano": str(1 << 63)}),
        request({**GOOD, "traceId": "f" * 33}),
        request({**GOOD, "spanId": "f" * 17}),
        request({**GOOD, "parentSpanId": "-1"}),
        request({**GOOD, "attributes": [{"key": CPU_NS, "value": {"intValue": str(10**400)}}]}),
        *(
            request({**GOOD, "attributes": [{"key": key, "value": {"stringValue": text}}]})
            for key, text in [
                (ACTIVE_NS, "0 1 2"),
                (ACTIVE_NS, "5 1"),
                (ACTIVE_NS, "-5 1"),
                (PARENT, "x"),
                (TRACE, "-1"),
            ]
        ),
        request({**GOOD, "attributes": [7]}),
        request({**GOOD, "attributes": [{"key": "a", "value": {"intValue": "x"}}]}),
    ],
)
def test_anything_else_is_one_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="no export request of OTLP: "):
        from_json(body)


@given(st.binary(max_size=40))
def test_no_body_brings_the_reader_down(body: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(from_json(body), list)
