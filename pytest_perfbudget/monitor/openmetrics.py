"""The numbers of a service as OpenMetrics 1.0, for Prometheus and its kin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_perfbudget.core.alerts import WINDOWS
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.monitor.summary import JudgedService

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SHARES: Final = (0.5, 0.95, 0.99)
_S: Final = NS_PER["s"]


def render(service: JudgedService, alerts: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a scrape."""
    lines = [*_requests(service), *_windows(service), *_verdicts(service, alerts), "# EOF", ""]
    return "\n".join(lines)


def _requests(service: JudgedService) -> Iterator[str]:
    yield from _family("perfbudget_requests", "counter", "Requests and spans that have ended.")
    for name, one in service.components.items():
        yield _sample("perfbudget_requests_total", {"component": name}, one.history.total.count)
    yield from _family("perfbudget_errors", "counter", "Requests and spans that ended with an error.")
    for name, one in service.components.items():
        yield _sample("perfbudget_errors_total", {"component": name}, one.history.total.errors)
    yield from _family("perfbudget_duration_seconds", "histogram", "Durations since the start.", "seconds")
    for name, one in service.components.items():
        total = one.history.total.cumulated()
        for bound_s in _BOUNDS_S:
            labels = {"component": name, "le": str(bound_s)}
            yield _sample("perfbudget_duration_seconds_bucket", labels, total.at_most(bound_s * _S))
        yield _sample("perfbudget_duration_seconds_bucket", {"component": name, "le": "+Inf"}, total.tally.count)
        yield _sample("perfbudget_duration_seconds_count", {"component": name}, total.tally.count)
        yield _sample("perfbudget_duration_seconds_sum", {"component": name}, total.tally.total_ns / _S)


def _windows(service: JudgedService) -> Iterator[str]:
    yield from _family(
        "perfbudget_window_duration_seconds", "gauge", "Percentiles of durations over a window.", "seconds"
    )
    found = {
        (name, window): one.history.window(window, service.now_ns)
        for name, one in service.components.items()
        for window in WINDOWS
    }
    for (name, window), one in found.items():
        requests = one.tally.cumulated()
        for share in _SHARES if one.tally.count else ():
            labels = {"component": name, "window": window, "quantile": f"{share:g}"}
            yield _sample("perfbudget_window_duration_seconds", labels, requests.quantile_ns(share) / _S)
    yield from _family("perfbudget_window_requests_per_second", "gauge", "Throughput over a window.")
    for (name, window), one in found.items():
        yield _sample("perfbudget_window_requests_per_second", {"component": name, "window": window}, one.per_second)


def _verdicts(service: JudgedService, alerts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from _family("perfbudget_health_score", "gauge", "Health from 0 to 100; without a component, of the service.")
    if service.health is not None:
        yield _sample("perfbudget_health_score", {}, service.health.score)
        for name, score in service.scores().items():
            yield _sample("perfbudget_health_score", {"component": name}, score)
    yield from _family("perfbudget_budget_used_ratio", "gauge", "Share of a budget's limit that is used.", "ratio")
    for name, one in service.components.items():
        for result in one.results:
            if result.used is not None:
                labels = {"component": name, "budget": result.keyword}
                yield _sample("perfbudget_budget_used_ratio", labels, result.used)
    yield from _family("perfbudget_alert_firing", "gauge", "1 while an alert is on.")
    for alert in alerts:
        labels = {"alert": alert["alert"], "component": alert["component"]}
        yield _sample("perfbudget_alert_firing", labels, int(alert["state"] == "firing"))
    yield from _family("perfbudget_processes", "gauge", "Worker processes whose numbers are shown.")
    yield _sample("perfbudget_processes", {}, service.snapshot.processes)


def _family(name: str, kind: str, meaning: str, unit: str = "") -> Iterable[str]:
    units = [f"# UNIT {name} {unit}"] if unit else []
    return [f"# TYPE {name} {kind}", *units, f"# HELP {name} {meaning}"]


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    written = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{written}}} {value}" if written else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
