"""The table of an alert: what it holds, and the one line for each mistake."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_perfbudget.config import parse_settings
from pytest_perfbudget.core.alerts import WINDOWS, AlertRule
from pytest_perfbudget.errors import ConfigError

PLACE = 'pyproject.toml [tool.perfbudget.alerts."slow"]'
GOOD = {"metric": "p95_ms", "component": "gateway", "limit": 50}


def alert(**changed: Any) -> AlertRule:
    (rule,) = parse_settings({"alerts": {"slow": {**GOOD, **changed}}}, "pyproject.toml").alerts
    return rule


def test_an_alert_has_defaults() -> None:
    assert alert() == AlertRule("slow", "p95_ms", 50, "gateway", "5m", 0, PLACE)


@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_can_be_watched(window: str) -> None:
    assert alert(window=window).window == window


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("2m", 120), ("1 h", 3600), ("0s", 0)])
def test_the_time_may_be_in_seconds_minutes_and_hours(text: str, seconds: int) -> None:
    assert alert(**{"for": text}).for_ns == seconds * 10**9


@pytest.mark.parametrize("metric", ["health_score", "apdex"])
def test_some_numbers_are_those_of_the_whole_service(metric: str) -> None:
    table = {"alerts": {"slow": {"metric": metric, "limit": 1}}}
    assert parse_settings(table, "pyproject.toml").alerts[0].component == ""


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"metric": "p95_m"}, "metric 'p95_m' is unknown (did you mean 'p95_ms'?): use error_rate, errors, rps, health_score, apdex, or a statistic with its unit such as p95_ms"),
        ({"metric": "peak_mb"}, "metric 'peak_mb' is unknown: use error_rate, errors, rps, health_score, apdex, or a statistic with its unit such as p95_ms"),
        ({"metric": "p95"}, "metric 'p95' is unknown (did you mean 'p95_ms'?): use error_rate, errors, rps, health_score, apdex, or a statistic with its unit such as p95_ms"),
        ({"metric": "error_rate", "limit": 5}, "limit of error_rate must be from 0 to below 1, such as 0.05 for 5 %, found 5"),
        ({"metric": "error_rate", "limit": 1}, "limit of error_rate must be from 0 to below 1, such as 0.05 for 5 %, found 1"),
        ({"metric": "apdex", "limit": 1.5}, "limit of apdex must be above 0, at most 1, found 1.5"),
        ({"metric": "health_score", "limit": 101}, "limit of health_score must be above 0, at most 100, found 101"),
        ({"metric": "rps", "limit": 0}, "limit of rps must be above 0, found 0"),
        ({"metric": 5}, "metric 5 is unknown: use error_rate, errors, rps, health_score, apdex, or a statistic with its unit such as p95_ms"),
        ({"limit": "50"}, "limit must be a number from zero up, found '50'"),
        ({"limit": -1}, "limit must be a number from zero up, found -1"),
        ({"limit": float("nan")}, "limit must be a number from zero up, found nan"),
        ({"limit": True}, "limit must be a number from zero up, found True"),
        ({"window": "2m"}, "window must be '1m' or '5m' or '15m' or '1h' or '24h', found '2m'"),
        ({"for": "2"}, "for must be a time such as '30s', '2m' or '1h', found '2'"),
        ({"for": 2}, "for must be a time such as '30s', '2m' or '1h', found 2"),
        ({"component": ""}, "component must be a name such as 'security.jwt', found ''"),
        ({"windo": "1m"}, "unknown key 'windo' (did you mean 'window'?)"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{PLACE}: {message}')}$"):
        alert(**changed)


@pytest.mark.parametrize(
    ("metric", "limit"),
    [
        ("error_rate", 0),
        ("error_rate", 0.99),
        ("errors", 5),
        ("apdex", 1),
        ("health_score", 100),
        ("rps", 5000),
        ("p95_ms", 0),
    ],
)
def test_a_limit_that_the_number_can_cross_is_taken(metric: str, limit: float) -> None:
    assert alert(metric=metric, limit=limit).limit == limit


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"limit": 50}, f"{PLACE}: metric is missing"),
        ({"metric": "apdex"}, f"{PLACE}: limit is missing"),
        ({"metric": "p95_ms", "limit": 5}, f"{PLACE}: p95_ms is a number of a component: name the component"),
        (5, f"{PLACE}: must be a table, such as {{ p95_ms = 50 }}, found 5"),
    ],
)
def test_a_table_that_lacks_something_is_one_line(table: object, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        parse_settings({"alerts": {"slow": table}}, "pyproject.toml")
