"""The levels of a history among the logarithms of its values, or about a line that its values follow.

A number that grows by the same share from point to point is straight among the logarithms. A count that grows by the
same amount is straight among the values, and among the logarithms its bend would look like steps. A step of such a
count adds an amount, or multiplies the whole line: both are tried. A number that was steady and then grows from
commit to commit, or the reverse, follows a line with a bend. The logarithms without a bend stay unless another scale or
a bend is far better.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import numpy as np

from pytest_perfbudget.core.levels import (
    Floats,
    about_curve,
    common_slope,
    find_levels,
    slope_over,
    without_drift,
)

_FAR_BETTER: Final = 6.0
"""The loss that another scale than the logarithms must save: 20 times the likelihood."""

_ROUNDS: Final = 3

_MOST_BENDS: Final = 50
"""The places of a bend at which a curve is compared with the points, for each direction."""
_BENDS: Final = 3
"""The best of these places, for which the levels are searched."""
_LEAST_PART: Final = 4
"""The fewest points on either side of a bend."""
_BEND_PENALTY: Final = 8.0
"""The loss that the place of a bend must save, beside that of a drift."""

_BESIDE: Final = 3
"""The points on either side of a change that have to show the change."""
_LEAST_SHOWN: Final = 0.5
"""The least part of a change that they show; noise and the growth have the rest."""

_MOST_LOSS: Final = 7.5
"""The largest loss of a point when the places of a bend are ordered."""

_LARGE: Final = 2.0
"""The loss of a point from which levels do not fit; noise has 1."""


@dataclass(frozen=True, slots=True)
class ScaledLevels:
    """The levels of a history on the scale that suits it best.

    Attributes:
        starts: the index of the first point of each level; the first is 0.
        flat: the points on the scale, less their growth within the levels.
        growth: this growth since the first point.
        variances: the variance of each point about its level.
        unit: the value of 1 on the scale; None on the scale of logarithms.
        bend: the index of the point at which the growth begins or ends; None if there is no such point.
    """

    starts: tuple[int, ...]
    flat: Floats
    growth: Floats
    variances: Floats
    unit: float | None = None
    bend: int | None = None

    def value(self, level: float) -> float:
        """Return the value of a point on the scale, at least zero."""
        return math.exp(level) if self.unit is None else max(self.unit * level, 0.0)


def find_scaled_levels(logs: Floats, variances: Floats) -> ScaledLevels:
    """Return the levels of a history.

    Args:
        logs: the logarithms of the values, at least two.
        variances: the variance of each logarithm about its level, above zero.
    """
    found = find_levels(logs, variances)
    is_steady = not found.drift and len(found.starts) == 1 and found.loss < _LARGE * len(logs)
    flat = without_drift(logs, found.drift)
    best = ScaledLevels(found.starts, flat, logs - flat, variances)
    least = found.loss - _FAR_BETTER
    others = (_multiplied, _added, _bent)
    for scaled, loss in () if is_steady else chain.from_iterable(one(logs, variances) for one in others):
        if loss < least:
            best, least = scaled, loss
    return best


def _multiplied(logs: Floats, variances: Floats) -> Iterator[tuple[ScaledLevels, float]]:
    """Yield levels among the logarithms less those of a line, and their loss."""
    places = np.arange(len(logs), dtype=float)
    for first in _relative_slopes(np.exp(logs - np.median(logs))):
        slope = first
        for _ in range(_ROUNDS):
            line = 1 + slope * places
            if line.min() <= 0:
                break
            curve = np.log(line)
            levels = about_curve(logs, variances, curve)
            yield ScaledLevels(levels.starts, logs - curve, curve, variances), levels.loss
            # The logarithm of the line rises by its place / the line where the slope rises.
            slope += common_slope(logs - curve, variances, levels.starts, places / line)


def _relative_slopes(values: Floats) -> Iterator[float]:
    """Yield the slopes of lines whose parts may be multiplied by steps, as shares of the first value.

    A value / the growth to the next, less the index of the value, is the same number on all parts of such a line.
    """
    slope = slope_over(values, len(values) // 2)
    first = float(np.median(values - slope * np.arange(len(values))))
    growth = np.diff(values)
    is_moving = growth != 0
    ratios = values[:-1][is_moving] / growth[is_moving] - np.flatnonzero(is_moving)
    for part, whole in ((slope, first), (1.0, float(np.median(ratios)) if len(ratios) else 0.0)):
        if whole and part:
            yield part / whole


def _added(logs: Floats, variances: Floats) -> Iterator[tuple[ScaledLevels, float]]:
    """Yield levels among the values, and their loss."""
    middle = float(np.median(logs))
    values = np.exp(logs - middle)
    of_values = variances * values**2
    levels = find_levels(values, of_values)
    if levels.drift:
        flat = without_drift(values, levels.drift)
        yield ScaledLevels(levels.starts, flat, values - flat, of_values, math.exp(middle)), levels.loss


def _bent(logs: Floats, variances: Floats) -> Iterator[tuple[ScaledLevels, float]]:
    """Yield levels about lines that are level up to a bend or from a bend on, and their loss.

    The lines are straight among the logarithms or among the values. Levels that differ where the points do not are a
    sign of another curve than the line.
    """
    middle = float(np.median(logs))
    values = np.exp(logs - middle)
    for points, of_points, unit in ((logs, variances, None), (values, variances * values**2, math.exp(middle))):
        for found, loss in _bent_on(points, of_points):
            yield replace(found, unit=unit), loss + _BEND_PENALTY


def _bent_on(points: Floats, variances: Floats) -> Iterator[tuple[ScaledLevels, float]]:
    """Yield levels about lines with a bend, as far as the points show these levels, and their loss."""
    places = np.arange(len(points), dtype=float)
    room = len(points) - 2 * _LEAST_PART
    bends = _LEAST_PART + places[: max(room, 0) : max(room // _MOST_BENDS, 1), None]
    for shapes in (np.maximum(places - bends, 0.0), np.minimum(places, bends)):
        for shape in shapes[np.argsort(_left(points, variances, shapes), kind="stable")[:_BENDS]]:
            yield from (one for one in _about(points, variances, shape) if _shows(points, one[0]))


def _about(points: Floats, variances: Floats, shape: Floats) -> Iterator[tuple[ScaledLevels, float]]:
    """Yield levels about a curve of a given shape, its slope fitted beside the levels."""
    bend = int(np.abs(np.diff(shape, 2)).argmax()) + 1
    starts: tuple[int, ...] = (0,)
    for _ in range(_ROUNDS):
        curve = common_slope(points, variances, starts, shape) * shape
        levels = about_curve(points, variances, curve)
        yield ScaledLevels(levels.starts, points - curve, curve, variances, bend=bend), levels.loss
        if levels.starts == starts:
            break
        starts = levels.starts


def _shows(points: Floats, found: ScaledLevels) -> bool:
    """Return whether the points themselves differ at each change of the level, by a good part of the change."""
    ends = (*found.starts[1:], len(points))
    levels = [float(np.median(found.flat[start:end])) for start, end in zip(found.starts, ends, strict=True)]
    for which, start in enumerate(found.starts[1:], 1):
        step = levels[which] - levels[which - 1]
        seen = float(np.median(points[start : start + _BESIDE]) - np.median(points[max(start - _BESIDE, 0) : start]))
        if seen * step < _LEAST_SHOWN * step * step:
            return False
    return True


def _left(logs: Floats, variances: Floats, shapes: Floats) -> Floats:
    """Return the loss that a curve of each shape leaves, with the slope of the points that are no outliers about it."""
    weights = np.broadcast_to(1 / variances, shapes.shape)
    for _ in range(_ROUNDS):
        sums = np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
        x = shapes - (weights * shapes).sum(axis=1, keepdims=True) / sums
        y = logs - (weights * logs).sum(axis=1, keepdims=True) / sums
        squares = np.maximum((weights * x * x).sum(axis=1, keepdims=True), 1e-300)
        loss: Floats = (y - (weights * x * y).sum(axis=1, keepdims=True) / squares * x) ** 2 / variances
        weights = np.where(loss < _MOST_LOSS, 1 / variances, 0.0)
    total: Floats = np.minimum(loss, _MOST_LOSS).sum(axis=1)
    return total
