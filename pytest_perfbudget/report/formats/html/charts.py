"""The data of charts: places on an axis, reference lines and labelled ticks, which the page's script draws.

Every number in a label is formatted here, so that charts and texts have the same rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pytest_perfbudget.core.kinds import RATIO
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS, QUANTILES, TIME, Direction
from pytest_perfbudget.core.results import BudgetResult, RegressionResult
from pytest_perfbudget.core.samples import quantile
from pytest_perfbudget.report.budgets import wall_budgets
from pytest_perfbudget.report.modes import modes_text
from pytest_perfbudget.report.numbers import percent, quantity
from pytest_perfbudget.report.regressions import side_name

_SHARES: Final = {"min": 0.0, **QUANTILES, "max": 1.0}
_FEWEST_ROUNDS: Final = 5
"""The fewest rounds that are drawn as a distribution or in their order."""

_EVEN_SHARES: Final = 20
HEIGHT: Final = 500
"""The highest place on a vertical axis: two places for each pixel of a chart on a usual screen."""
_ROOM: Final = 1.15
"""The factor between the extremes and the ends of the axis."""

_LIMIT_AT: Final = 0.6
"""The place of the limit on a bar, which leaves room for numbers of up to 1.67 times the limit."""

_MOST_POINTS: Final = 50
_FEWEST_TICKS: Final = 3
_MOST_TICKS: Final = 6
_CHANGES: Final = (0.01, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 1, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 5, 10, 100, 1000)

Point = tuple[float, float]


def change_ticks() -> list[tuple[float, str]]:
    """Return the ticks for ratios, each with its label, from which the script picks those within its range."""
    return [(ratio, "no change" if ratio == 1 else percent(ratio)) for ratio in _CHANGES]


def time_ticks(low_ns: float, high_ns: float) -> list[tuple[float, str]]:
    """Return the ticks of a logarithmic axis of times, each with its label."""
    ticks = _decades(low_ns, high_ns, (1, 2, 5)) if high_ns >= 10 * low_ns else even_ticks(low_ns, high_ns)
    if len(ticks) > _MOST_TICKS:
        ticks = _decades(low_ns, high_ns, (1,))
    labels = {quantity(one, "ns"): one for one in reversed(ticks)}  # in a narrow range, rounding makes some alike
    return [(value, label) for label, value in reversed(labels.items())]


def _decades(low: float, high: float, digits: Sequence[int]) -> list[float]:
    """Return the numbers between two numbers that are one of the digits times a power of ten."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = (digit * 10.0**exponent for exponent in exponents for digit in digits)
    return [one for one in found if low <= one <= high]


def even_ticks(low: float, high: float) -> list[float]:
    """Return numbers with even distances between two numbers, as many as have room."""
    least = (high - low) / (_MOST_TICKS - 1)
    exponent = math.floor(math.log10(least))
    step = next(step for digit in (1, 2, 5, 10) if (step := digit * 10.0**exponent) >= least)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def distribution(measurement: Measurement) -> dict[str, Any] | None:
    """Return the chart of a measurement's distribution; None if there is no distribution to draw.

    The horizontal axis is the share of rounds, the vertical axis is their time. Limits on the time are lines, and so is
    the time on the other side of a comparison.
    """
    source, points = _curve(measurement)
    if len(points) < _FEWEST_TICKS:
        return None
    return {
        "source": source,
        "shares": [round(share, 5) for share, _ in points],
        **vertical([value for _, value in points], list(time_lines(measurement))),
        "modes": [] if measurement.times is None else [modes_text(measurement.times, measurement.kind.sample)],
        "note": f"from {quantity(points[0][1], 'ns')} to {quantity(points[-1][1], 'ns')}",
    }


def course(measurement: Measurement) -> dict[str, Any] | None:
    """Return the chart of a measurement's rounds in the order of time; None if no rounds are kept.

    A point stands for neighbouring rounds and has the time of the slowest.
    """
    values = _rounds(measurement)
    if len(values) < _FEWEST_ROUNDS:
        return None
    noun, number = measurement.kind.sample, len(values)
    every = math.ceil(number / _MOST_POINTS)
    values = [max(values[at : at + every]) for at in range(0, number, every)]
    return {
        "source": f"{noun}s in their order" + (f", the slowest of each {every}" if every > 1 else ""),
        **vertical(values, list(time_lines(measurement))),
        "note": f"{number:,} {noun}s, {quantity(min(values), 'ns')} to {quantity(max(values), 'ns')}",
    }


def vertical(values: Sequence[float], lines: Sequence[dict[str, Any]], others: Sequence[float] = ()) -> dict[str, Any]:
    """Return times, reference lines and ticks as places on a vertical logarithmic axis, from 0 to `HEIGHT`.

    Args:
        values: the times of a curve, in ns.
        lines: the reference lines, each with its time.
        others: the times of a second curve.
    """
    shown = [*values, *others, *(one["at"] for one in lines)]
    low, high = min(shown) / _ROOM, max(shown) * _ROOM

    def place(value: float) -> int:
        return round(HEIGHT * math.log(value / low) / math.log(high / low))

    return {
        "places": [place(value) for value in values],
        **({"others": [place(value) for value in others]} if others else {}),
        "lines": [{**one, "at": place(one["at"])} for one in lines],
        "ticks": [(place(value), label) for value, label in time_ticks(low, high)],
    }


def _rounds(measurement: Measurement) -> list[float]:
    """Return the times of the rounds that are kept, in their order."""
    found = [] if measurement.times is None else measurement.times.times_ns()
    return [max(one, 1.0) for one in found]


def _curve(measurement: Measurement) -> tuple[str, list[Point]]:
    """Return the name of what is distributed, and its quantiles by share."""
    if measurement.load is not None and measurement.load.quantiles:
        rows = _thinned([(row.share, max(row.value_ns, 1.0)) for row in measurement.load.quantiles])
        return f"latency of {measurement.load.requests:,} requests", rows
    noun = measurement.kind.sample
    if len(ordered := sorted(_rounds(measurement))) >= _FEWEST_ROUNDS:
        return _source(measurement), quantile_curve(ordered)
    statistics = measurement.statistics
    if measurement.iterations == 1 and measurement.kind is not RATIO:
        points = [(share, statistics[name]) for name, share in _SHARES.items() if statistics.get(name, 0) > 0]
        if len(points) >= _FEWEST_TICKS:
            return f"time of {measurement.rounds:,} {noun}s", points
    return "", []


def quantile_curve(ordered: Sequence[float]) -> list[Point]:
    """Return the quantiles of sorted values by share, more of them towards the slow end."""
    points = [(share, quantile(ordered, share)) for share in _shares_up_to(len(ordered) - 1)]
    return [*points, (1.0, ordered[-1])]


def _source(measurement: Measurement) -> str:
    noun, each = measurement.kind.sample, measurement.iterations
    return f"time of {measurement.rounds:,} {noun}s" + (f" of {each:,} calls" if each > 1 else "")


def _shares_up_to(number: int) -> Iterator[float]:
    """Yield the shares at which a distribution of so many numbers is drawn: denser towards the slow end."""
    yield from (at / _EVEN_SHARES for at in range(_EVEN_SHARES))
    below = 1 / _EVEN_SHARES / 2
    while below * number >= 1:
        yield 1 - below
        below /= 1.5


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return at most about `_MOST_POINTS` points, always the first and the last."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    every = math.ceil(len(points) / _MOST_POINTS)
    return [*points[:-1:every], points[-1]]


def time_lines(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """Yield the limits on the time of a round, and the time on the other side."""
    for budget in wall_budgets(measurement.budgets):
        if budget.limit > 0:
            yield {
                "kind": "limit",
                "at": budget.limit,
                "share": _SHARES.get(METRICS[budget.metric].statistic),
                "label": f"{budget.metric} limit {quantity(budget.limit, budget.unit)}",
                "source": budget.source,
            }
    for change in measurement.changes:
        if change.metric == TIME.name and change.before:
            yield {
                "kind": "before",
                "at": change.before,
                "share": None,
                "label": f"{side_name(change)} {quantity(change.before, change.unit)}",
                "source": "the typical call of the other side",
            }


def bar(budget: BudgetResult) -> Mapping[str, float] | None:
    """Return the positions of a budget's numbers on a bar, as shares of its length; None without a number.

    The bar shows the share of the limit that is used. The limit has the same place on every bar, so that bars below
    each other compare. A number for which the bar is too short lies at its end, and `is_beyond` says so.
    """
    if budget.estimate is None or budget.estimate == budget.limit == 0:
        return None
    numbers = {"at": budget.estimate, "low": budget.lower, "high": budget.upper}
    used = {name: _used(budget, value) for name, value in numbers.items() if value is not None}
    found = {name: round(min(max(_LIMIT_AT * share, 0), 1), 4) for name, share in used.items()}
    return {**found, "limit": _LIMIT_AT, **({"is_beyond": True} if _LIMIT_AT * used["at"] > 1 else {})}


def _used(budget: BudgetResult, value: float) -> float:
    used = replace(budget, estimate=value).used
    return math.inf if used is None else used


def forest(change: RegressionResult) -> Mapping[str, float] | None:
    """Return the ratio of a change with its interval and its limit, for a forest plot; None without a ratio."""
    ratio = change.ratio
    if ratio is None or ratio <= 0 or not math.isfinite(ratio):
        return None
    found = {"at": ratio}
    if change.lower is not None and change.upper is not None and change.lower > 0 and math.isfinite(change.upper):
        found |= {"low": change.lower, "high": change.upper}
    if (limit := _allowed(change)) > 0:
        found["limit"] = limit
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def _allowed(change: RegressionResult) -> float:
    """Return the ratio from which a change is worse than its limit allows."""
    metric = METRICS.get(change.metric)
    if metric is not None and change.before:
        return metric.allowed(change.before, change.limit) / change.before
    return 1 + change.limit if change.direction is Direction.LOWER else 1 - change.limit
