"""The robust centre of a few values, Huber's M-estimator, and their robust scale, Rousseeuw and Croux's Qn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median_high
from typing import Final

from pytest_perfbudget.core.weather import weighted_median

MAD: Final = 1.4826
"""The standard deviation of normal values divided by their median absolute deviation."""

_STEPS = 20

_QN: Final = 2.2219
_MOST_FOR_QN: Final = 300
"""The most values whose differences are all looked at; of more values, so many at even distances."""


@dataclass(frozen=True, slots=True)
class Centre:
    """A robust centre of values.

    Attributes:
        value: the centre itself.
        huber_weights: the weight of each value, from 0 to 1; 1 for values near the centre.
        squares: the weighted sum of the values' squared distances from the centre, where each distance is first
            multiplied by its Huber weight.
    """

    value: float
    huber_weights: list[float]
    squares: float


def huber_centre(values: Sequence[float], weights: Sequence[float], *, tuning: float, least_scale: float) -> Centre:
    """Return the robust centre of values, in which an outlier counts as much as a value at the edge (Huber 1964).

    Args:
        values: the values, at least one.
        weights: the precision of each value.
        tuning: the distance of the edge from the centre, in robust standard deviations.
        least_scale: the smallest standard deviation that is assumed, however small that of the values is.
    """
    huber_weights = [1.0] * len(values)
    centre = weighted_median(values, weights)
    for _ in range(_STEPS):
        residuals = [abs(value - centre) * math.sqrt(weight) for value, weight in zip(values, weights, strict=True)]
        scale = max(MAD * median_high(residuals), least_scale)
        huber_weights = [min(1.0, tuning * scale / max(residual, 1e-12)) for residual in residuals]
        parts = [weight * part for weight, part in zip(weights, huber_weights, strict=True)]
        centre = sum(part * value for part, value in zip(parts, values, strict=True)) / sum(parts)
    rows = zip(values, weights, huber_weights, strict=True)
    squares = math.fsum(weight * (part * (value - centre)) ** 2 for value, weight, part in rows)
    return Centre(centre, huber_weights, squares)


def qn_scale(values: Sequence[float]) -> float:
    """Return the robust standard deviation of at least two values, Qn of Rousseeuw and Croux (1993).

    The scale is a low quantile of the distances between any two values, so it needs no centre, and up to half of the
    values may lie anywhere, also together in a place of their own.
    """
    kept = values[:: -(-len(values) // _MOST_FOR_QN)]
    number = len(kept)
    distances = sorted(abs(one - other) for one, other in combinations(kept, 2))
    half = number // 2 + 1
    correction = number / (number + (1.4 if number % 2 else 3.8))
    return _QN * correction * distances[half * (half - 1) // 2 - 1]
