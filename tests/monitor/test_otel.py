"""Spans of OpenTelemetry, by a processor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Status, StatusCode, Tracer

from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.monitor.otel import MonitorSpanProcessor


@pytest.fixture
def monitor(make_monitor: Callable[..., Monitor]) -> Monitor:
    return make_monitor()


@pytest.fixture
def tracer(monitor: Monitor) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(MonitorSpanProcessor(monitor))
    return provider.get_tracer("test")


def test_a_span_is_observed_with_its_duration(monitor: Monitor, tracer: Tracer) -> None:
    tracer.start_span("gateway", start_time=1_000_000_000).end(1_040_000_000)
    numbers = monitor.summary()["components"]["gateway"]["windows"]["1m"]
    assert (numbers["count"], numbers["max_ms"], numbers["errors"]) == (1, 40, 0)


def test_an_exception_has_its_place_and_its_parent(monitor: Monitor, tracer: Tracer) -> None:
    with pytest.raises(KeyError), tracer.start_as_current_span("gateway"), tracer.start_as_current_span("query"):
        raise KeyError("agent")  # noqa: EM101
    (query,) = (one for one in monitor.summary()["errors"] if one["component"] == "query")
    assert (query["kind"], query["message"], query["parent"]) == ("KeyError", "'agent'", "gateway")
    assert "test_otel.py:" in query["place"]


def test_a_status_of_error_without_an_exception_counts(monitor: Monitor, tracer: Tracer) -> None:
    for description in ("no agent", None):
        span = tracer.start_span("gateway")
        span.set_status(Status(StatusCode.ERROR, description))
        span.end()
    assert {one["message"] for one in monitor.summary()["errors"]} == {"no agent", "error"}
