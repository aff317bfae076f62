"""A trend: its markers, and the metric that stands for a measurement."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_perfbudget.core.history.trend import Marker, SeriesKey, Trend, TrendPoint, main_metric
from pytest_perfbudget.core.metrics import Direction


def trend(*changed: dict[str, Any]) -> Trend:
    given: dict[str, Any] = {
        "at_s": 0.0, "commit": "c", "branch": "main", "is_dirty": False, "machine": "m", "python": "3.11", "lock": "l",
        "value": 1.0, "std_error": None, "lower": None, "upper": None, "verdict": "",
    }  # fmt: skip
    points = [TrendPoint(**{**given, **one}) for one in changed]
    return Trend(SeriesKey("t", "", "median"), "", "ns", Direction.LOWER, points)


def test_equal_circumstances_have_no_marker() -> None:
    assert trend({}, {}, {"value": 9.0}).markers == []


def test_a_marker_names_what_changed() -> None:
    found = trend({}, {"machine": "n", "python": "3.12"}, {"machine": "n", "python": "3.12", "lock": "k"}).markers
    assert found == [
        Marker(1, {"machine": ("m", "n"), "Python": ("3.11", "3.12")}),
        Marker(2, {"dependencies": ("l", "k")}),
    ]


def test_a_circumstance_that_is_not_known_has_not_changed() -> None:
    assert trend({"lock": ""}, {}, {"lock": ""}).markers == []


def test_points_of_equal_circumstances_have_equal_environments() -> None:
    first, second, third = trend({}, {}, {"lock": "k"}).environments
    assert first == second != third


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [(["p95", "median", "time"], "time"), (["p95", "median"], "median"), (["peak", "calls"], "calls")],
)
def test_the_metric_of_a_measurement_is_its_best(metrics: list[str], expected: str) -> None:
    assert main_metric(metrics) == expected
