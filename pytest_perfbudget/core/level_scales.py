"""The levels of a history among the logarithms of its values, or about a straight line that its values follow.

A number that grows by the same share from point to point is straight among the logarithms. A count that grows by the
same amount is straight among the values, and among the logarithms its bend would look like steps. A step of such a
count adds an amount, or multiplies the whole line: both are tried. The logarithms stay unless another scale is far
better.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from pytest_perfbudget.core.levels import Floats, about_curve, common_slope, find_levels, slope_over, without_drift

_FAR_BETTER: Final = 6.0
"""The loss that another scale than the logarithms must save: 20 times the likelihood."""

_ROUNDS: Final = 3

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
    """

    starts: tuple[int, ...]
    flat: Floats
    growth: Floats
    variances: Floats
    unit: float | None = None

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
    for scaled, loss in () if is_steady else (*_multiplied(logs, variances), *_added(logs, variances)):
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
