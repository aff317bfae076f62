"""The states of an alert, on a clock that moves only here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.alerts import Alert, AlertRule, AlertState, alert_metrics

S = 10**9
SLOW = AlertRule("slow", "p95_ms", 100, "gateway", for_ns=10 * S)


def events(alert: Alert, *values: float | None) -> list[str]:
    """Return the events of values that arrive every five seconds, each with its second."""
    found = ((5 * number, alert.update(value, 5 * number * S)) for number, value in enumerate(values))
    return [f"{event.state.value} {second}" for second, event in found if event is not None]


def test_an_alert_fires_once_when_its_time_is_over() -> None:
    assert events(Alert(SLOW), 150, 150, 150, 150, 150) == ["firing 10"]


def test_a_short_peak_does_not_fire() -> None:
    assert events(Alert(SLOW), 150, 150, 50, 150, 150, 50) == []


def test_without_a_time_it_fires_at_once() -> None:
    assert events(Alert(AlertRule("slow", "p95_ms", 100, "gateway")), 150) == ["firing 0"]


def test_it_clears_once_after_the_same_time() -> None:
    assert events(Alert(SLOW), *[150] * 3, *[50] * 5) == ["firing 10", "clear 25"]


def test_a_number_just_below_the_limit_does_not_clear() -> None:
    alert = Alert(SLOW)
    assert events(alert, *[150] * 3, *[95] * 50) == ["firing 10"]
    assert alert.state is AlertState.FIRING


def test_a_number_that_wavers_makes_two_events_at_most() -> None:
    assert events(Alert(SLOW), *[150, 150, 150, 95, 150, 50, 150, 50, 95, 50]) == ["firing 10"]


def test_no_requests_clear_an_alert() -> None:
    assert events(Alert(SLOW), *[150] * 3, None, None, None) == ["firing 10", "clear 25"]


def test_an_alert_fires_again_after_it_has_cleared() -> None:
    assert events(Alert(SLOW), *[150] * 3, *[50] * 3, *[150] * 3) == ["firing 10", "clear 25", "firing 40"]


@pytest.mark.parametrize(
    ("metric", "limit", "bad", "close", "good"),
    [("health_score", 80, 79, 82, 90), ("apdex", 0.9, 0.8, 0.94, 0.96), ("rps", 10, 5, 10.5, 12)],
)
def test_a_number_that_should_be_high_fires_below_its_limit(
    metric: str, limit: float, bad: float, close: float, good: float
) -> None:
    rule = AlertRule("low", metric, limit, "gateway")
    assert events(Alert(rule), good, limit, bad, close, good) == ["firing 10", "clear 20"]


def test_a_limit_of_no_errors_clears_without_errors() -> None:
    assert events(Alert(AlertRule("any", "errors", 0, "gateway")), 0, 1, 0) == ["firing 5", "clear 10"]


def test_the_state_says_since_when() -> None:
    alert = Alert(SLOW)
    events(alert, 50, 150, 150, 150)
    assert alert.to_dict() == {
        "alert": "slow", "state": "firing", "metric": "p95_ms", "component": "gateway", "window": "5m",
        "limit": 100, "value": 150, "at_ns": 0, "since_ns": 5 * S,
    }  # fmt: skip


@given(st.lists(st.none() | st.floats(0, 300), max_size=80), st.integers(0, 30))
def test_firing_and_clearing_always_alternate(values: list[float | None], seconds: int) -> None:
    rule = AlertRule("slow", "p95_ms", 100, "gateway", for_ns=seconds * S)
    states = [one.partition(" ")[0] for one in events(Alert(rule), *values)]
    assert states == [("firing", "clear")[at % 2] for at in range(len(states))]


def test_every_metric_has_a_value_that_clears_it() -> None:
    for metric in alert_metrics().values():
        assert metric.clears_at(0.5) != 0.5
