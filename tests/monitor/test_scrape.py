"""The scrape of a service, read by the parser of prometheus_client."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pytest_perfbudget.monitor import Monitor

Make = Callable[..., Monitor]


def samples(monitor: Monitor) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(monitor.openmetrics())  # type: ignore[no-untyped-call]
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(monitor: Monitor, name: str, **labels: str) -> float:
    return samples(monitor)[name, frozenset(labels.items())]


@pytest.fixture
def monitor(make_monitor: Make, wall: Any) -> Monitor:
    alert = {"metric": "errors", "component": "gateway", "limit": 0}
    made = make_monitor({"components": {"gateway": {"p95_ms": 50}}, "alerts": {"any": alert}})
    for number in range(100):
        made.observe("gateway", 0.004 if number < 90 else 0.2, "KeyError: 'x'" if number == 0 else None)
    wall.advance(10)
    return made


def test_a_service_without_requests_is_valid(make_monitor: Make) -> None:
    assert value(make_monitor(), "perfbudget_processes") == 1


def test_requests_and_errors_are_counted(monitor: Monitor) -> None:
    assert value(monitor, "perfbudget_requests_total", component="gateway") == 100
    assert value(monitor, "perfbudget_errors_total", component="gateway") == 1


def test_the_histogram_counts_up_to_each_bound(monitor: Monitor) -> None:
    name = "perfbudget_duration_seconds"
    found = {
        bound: value(monitor, f"{name}_bucket", component="gateway", le=bound)
        for bound in ("0.0025", "0.005", "0.25", "10.0", "+Inf")
    }
    assert found == {"0.0025": 0, "0.005": 90, "0.25": 100, "10.0": 100, "+Inf": 100}
    assert value(monitor, f"{name}_count", component="gateway") == 100
    assert value(monitor, f"{name}_sum", component="gateway") == pytest.approx(2.36)


def test_windows_have_percentiles_and_throughput(monitor: Monitor) -> None:
    name = "perfbudget_window_duration_seconds"
    assert value(monitor, name, component="gateway", window="1m", quantile="0.95") == pytest.approx(0.2, rel=0.02)
    assert value(monitor, "perfbudget_window_requests_per_second", component="gateway", window="24h") == 10


def test_verdicts_and_alerts_are_gauges(monitor: Monitor) -> None:
    assert value(monitor, "perfbudget_health_score") == value(monitor, "perfbudget_health_score", component="gateway")
    assert value(monitor, "perfbudget_budget_used_ratio", component="gateway", budget="p95_ms") == pytest.approx(
        4, rel=0.02
    )
    assert value(monitor, "perfbudget_alert_firing", alert="any", component="gateway") == 1


def test_the_bounds_of_the_histogram_are_written_as_prometheus_reads_them(monitor: Monitor) -> None:
    bounds = re.findall(r'le="([^"]+)"', monitor.openmetrics())
    assert all(bound in ("+Inf", str(float(bound))) for bound in bounds)
    assert "2.5" in bounds


def test_a_name_that_is_no_utf_8_is_escaped(make_monitor: Make) -> None:
    monitor = make_monitor()
    monitor.observe("a\ud800", 0.01)
    monitor.openmetrics().encode()
    assert value(monitor, "perfbudget_requests_total", component="a\\ud800") == 1


def test_odd_names_are_escaped(make_monitor: Make) -> None:
    monitor = make_monitor()
    name = 'a "b" \\ c\nd'
    monitor.observe(name, 0.01)
    assert value(monitor, "perfbudget_requests_total", component=name) == 1
