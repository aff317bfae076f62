"""The charts of a load over time: latency, rate, errors and users, each with its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pytest_perfbudget.core.load.over_time import TimeWindow
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import ERROR_RATE, RPS, SUCCESS_RATE, Metric
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.report.formats.html.charts import HEIGHT, even_ticks, time_lines, vertical
from pytest_perfbudget.report.numbers import quantity

_ROOM: Final = 1.15
_FEWEST: Final = 3
"""The fewest windows that make a course."""

Curve = tuple[str, Sequence[float | None]]


def load_charts(measurement: Measurement) -> dict[str, Any] | None:
    """Return the charts of a load over time; None without its windows."""
    load = measurement.load
    if load is None or len(load.over_time) < _FEWEST:
        return None
    windows = load.over_time
    whole_ns = max(windows[-1].offset_ns + windows[-1].length_ns, 1)
    return {
        "at": [round((one.offset_ns + one.length_ns / 2) / whole_ns, 4) for one in windows],
        "ends": ["0 s", quantity(whole_ns, "ns")],
        "charts": [one for one in (_latency(measurement, windows), *_others(measurement, windows)) if one is not None],
    }


def _latency(measurement: Measurement, windows: Sequence[TimeWindow]) -> dict[str, Any] | None:
    curves: list[Curve] = [("median", [one.median_ns for one in windows]), ("p95", [one.p95_ns for one in windows])]
    known = [max(value, 1.0) for _, values in curves for value in values if value is not None]
    if not known:
        return None
    drawn = vertical(known, list(time_lines(measurement)))
    places = iter(drawn.pop("places"))
    return {
        "title": "Latency",
        "note": f"{quantity(min(known), 'ns')} to {quantity(max(known), 'ns')}",
        **drawn,
        "curves": [(name, [None if value is None else next(places) for value in values]) for name, values in curves],
    }


def _others(measurement: Measurement, windows: Sequence[TimeWindow]) -> list[dict[str, Any] | None]:
    errors = [100 * one.errors / one.requests if one.requests else 0.0 for one in windows]
    return [
        _linear("Rate", "rps", [("successful requests", [one.rps for one in windows])], _limits(measurement, RPS)),
        _linear("Errors", "%", [("share of the requests", errors)], _limits(measurement, ERROR_RATE, SUCCESS_RATE)),
        _linear("Users", "users", [("users at a time", [one.users for one in windows])], []),
    ]


def _limits(measurement: Measurement, *metrics: Metric) -> list[tuple[BudgetResult, float]]:
    """Return the limits on some metrics, each with its place in a chart; a success rate leaves room for errors."""
    names = [one.name for one in metrics]
    found = [one for one in measurement.budgets if one.metric in names and not one.span]
    return [(one, 100 - one.limit if one.metric == SUCCESS_RATE.name else one.limit) for one in found]


def _linear(
    title: str, unit: str, curves: Sequence[Curve], limits: Sequence[tuple[BudgetResult, float]]
) -> dict[str, Any] | None:
    """Return a chart whose axis begins at zero, with limits at their places; None without numbers."""
    known = [value for _, values in curves for value in values if value is not None]
    if not known:
        return None
    most = max(*known, *(at for _, at in limits), 0.0) * _ROOM or 1.0

    def place(value: float) -> int:
        return round(HEIGHT * value / most)

    def label(value: float) -> str:
        return f"{value:,.0f}" if unit == "users" else quantity(value, unit)

    lines = [
        {"kind": "limit", "at": place(at), "share": None, "source": one.source}
        | {"label": f"{one.metric} limit {quantity(one.limit, one.unit)}"}
        for one, at in limits
    ]
    ticks = [value for value in even_ticks(0.0, most) if unit != "users" or value == int(value)]
    return {
        "title": title,
        "note": f"{label(min(known))} to {label(max(known))}",
        "lines": lines,
        "ticks": [(place(value), label(value)) for value in ticks],
        "curves": [(name, [None if one is None else place(one) for one in values]) for name, values in curves],
    }
