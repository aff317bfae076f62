"""The places where the level of a noisy series changes, beside a steady drift if that explains more than steps do.

The places are those of the least penalised loss. The loss of a point is capped, so that an outlier costs less than a
change (Fearnhead and Rigaill 2019, Changepoint Detection in the Presence of Outliers, JASA 114, 169-183). A dynamic
program over a grid of levels finds the minimum, without random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CAP: Final = 2.75
"""The residual, in standard deviations, from which a point loses no more."""
_PENALTY: Final = 12.0
"""The loss that a change must save. It is above the square of `_CAP`, so the last point alone is never a level."""
_DRIFT_PENALTY: Final = 16.0
"""The loss that a drift must save: more than a change, so that a single step is a step."""

_GRID: Final = 0.2
"""The distance of the levels that are tried, in standard deviations."""
_MOST_LEVELS: Final = 500

_PARTS: Final = 6
"""The part of a series that a first guess of the drift spans where half of the series disagrees."""
_APART: Final = 3.0
"""The growth over the whole series by which the guesses disagree, in standard deviations, beyond their noise."""
_NOISELESS: Final = 0.5
"""The spread of the steps from point to point, in standard deviations, below which they show
a drift; noise has 0.95."""

_DRIFT_ROUNDS: Final = 4
_SLOPE_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a series.

    Attributes:
        starts: the index of the first point of each level; the first is 0.
        drift: the growth from each point to the next, within all levels.
        loss: the penalised loss.
    """

    starts: tuple[int, ...]
    drift: float
    loss: float


def find_levels(values: Floats, variances: Floats) -> Levels:
    """Return the levels of a series.

    Args:
        values: the values, at least two.
        variances: the variance of each value about its level, above zero.
    """
    best = _fit(values, variances, 0.0)
    for first in _first_slopes(values, variances):
        drift = first
        for _ in range(_DRIFT_ROUNDS):
            drifting = _fit(values, variances, drift)
            if drifting.loss < best.loss:
                best = drifting
            places = np.arange(len(values), dtype=float)
            drift = common_slope(values, variances, drifting.starts, places, drifting.drift)
    return best


def without_drift(values: Floats, drift: float) -> Floats:
    """Return the values less their drift since the first of them."""
    return values - drift * np.arange(len(values))


def about_curve(values: Floats, variances: Floats, curve: Floats) -> Levels:
    """Return the levels of a series about a curve, which counts as a drift.

    Args:
        values: the values, at least two.
        variances: the variance of each value about its level, above zero.
        curve: the growth of the values since the first of them, within all levels.
    """
    found = _fit(values - curve, variances, 0.0)
    return replace(found, loss=found.loss + _DRIFT_PENALTY)


def _fit(values: Floats, variances: Floats, drift: float) -> Levels:
    """Return the levels of the least loss beside a given drift."""
    flat = without_drift(values, drift)
    levels = _tried(flat, variances)
    losses = np.minimum((flat[:, None] - levels) ** 2 / variances[:, None], _CAP**2)
    is_new = np.zeros(losses.shape, dtype=bool)
    origin = np.zeros(len(flat), dtype=int)
    total = losses[0].copy()  # the least loss up to the present point, for each level that this point may have
    for at in range(1, len(flat)):
        origin[at] = total.argmin()
        changed = total[origin[at]] + _PENALTY
        is_new[at] = total > changed
        total = np.minimum(total, changed) + losses[at]
    starts, level = [], int(total.argmin())
    for at in range(len(flat) - 1, 0, -1):
        if is_new[at, level]:
            starts.append(at)
            level = int(origin[at])
    return Levels((0, *reversed(starts)), drift, float(total.min()) + (_DRIFT_PENALTY if drift else 0.0))


def _tried(flat: Floats, variances: Floats) -> Floats:
    ordered = np.sort(flat)
    low, high = ordered[1], ordered[-2]  # the level of an outlier alone would need no place
    distance = _GRID * float(np.sqrt(np.quantile(variances, 0.1)))
    number = (high - low) / distance
    if number <= _MOST_LEVELS:
        return np.linspace(low, high, max(int(number), 1) + 1)
    # Steps of thousands of standard deviations, as counts have them: no grid would be as fine as the levels are exact.
    own = ordered[np.diff(ordered, prepend=-np.inf) > distance]
    tried: Floats = own[np.linspace(0, len(own) - 1, min(len(own), _MOST_LEVELS)).astype(int)]
    return tried


def _first_slopes(values: Floats, variances: Floats) -> Iterator[float]:
    """Yield first guesses of the drift. The fewer points a guess spans, the fewer of its slopes hold a step."""
    count = len(values)
    deviation = math.sqrt(float(np.median(variances)))
    middle = slope_over(values, count // 2)
    yield middle
    short = slope_over(values, max(count // _PARTS, 1))
    if abs(short - middle) * count > _APART * deviation:
        yield short
    steps = np.diff(values)
    usual = float(np.median(steps))
    if usual and float(np.median(np.abs(steps - usual))) < _NOISELESS * deviation:
        yield usual


def slope_over(values: Floats, span: int) -> float:
    """Return the median slope of a series between points that lie `span` points apart."""
    return float(np.median((values[span:] - values[: len(values) - span]) / span))


def common_slope(
    values: Floats, variances: Floats, starts: tuple[int, ...], places: Floats, slope: float = 0.0
) -> float:
    """Return the slope that the points have in common within their levels, without those that are outliers about it.

    Args:
        values: the values.
        variances: the variance of each value about its level, above zero.
        starts: the index of the first point of each level; the first is 0.
        places: the places over which the values rise.
        slope: the slope if the places do not differ.
    """
    piece = pieces(starts, len(values))
    weights = 1 / variances
    for _ in range(_SLOPE_ROUNDS):
        sums = np.maximum(np.bincount(piece, weights), 1e-300)  # all points of a level may be outliers
        x = places - (np.bincount(piece, weights * places) / sums)[piece]
        y = values - (np.bincount(piece, weights * values) / sums)[piece]
        squares = float(np.sum(weights * x * x))
        slope = float(np.sum(weights * x * y)) / squares if squares else 0.0
        weights = np.where((y - slope * x) ** 2 < _CAP**2 * variances, 1 / variances, 0.0)
    return slope


def pieces(starts: tuple[int, ...], count: int) -> NDArray[np.intp]:
    """Return the number of the level to which each of `count` points belongs."""
    return np.searchsorted(starts, np.arange(count), side="right") - 1
