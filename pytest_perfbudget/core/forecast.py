"""The trend of a history, and the time at which the trend crosses a limit.

The growth is the median slope between all pairs of points (Theil 1950, Sen 1968), of the logarithms. Whether there is a
trend at all is a matter of Kendall's S (Mann 1945), whose variance grows with the autocorrelation of the points about
the trend: neighbours that resemble each other rise and fall together without any trend. The lag-1 autocorrelation of a
few points is uncertain and comes out too small. It is therefore corrected for its bias, and raised by its standard
error. Where there is no trend, there is no forecast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from pytest_perfbudget.core.distributions import t_probability, t_quantile
from pytest_perfbudget.core.levels import Floats

_FEWEST: Final = 12
"""The fewest points that can show a trend."""
_MOST: Final = 1000
"""The number of points that count, the newest; all pairs of them are compared."""

_ALPHA: Final = 0.01
"""The level of significance of a trend. Of 2,000 simulated series without a trend, for each of five lengths and each
autocorrelation from 0 to 0.7, at most 0.7 % have a trend."""
_CONFIDENCE: Final = 0.95
_MOST_DEPENDENT: Final = 0.95


@dataclass(frozen=True, slots=True)
class Growth:
    """A steady growth of a number, positive or negative.

    Attributes:
        rate: the growth of the logarithm in a unit of time.
        lower: the lower bound of the 95 % interval for the rate.
        upper: the upper bound of this interval.
        p_value: the two-sided p-value of the growth without a trend.
        now: the number at the last point, by the trend.
        at: the time of the last point.
        spans: the time from the first point to the last.
    """

    rate: float
    lower: float
    upper: float
    p_value: float
    now: float
    at: float
    spans: float

    def to_dict(self) -> dict[str, Any]:
        """Return the growth as builtins."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Crossing:
    """The time at which a trend crosses a limit.

    Attributes:
        at: the time.
        earliest: the time by the steepest growth of the interval.
        latest: the time by the flattest growth of the interval.
    """

    at: float
    earliest: float
    latest: float


def find_growth(values: Sequence[float], times: Sequence[float]) -> Growth | None:
    """Return the growth of a number; None if there is no trend.

    A step would look like a trend: give the points since the last change point only, and those of one machine.

    Args:
        values: the values, above zero.
        times: the time of each value, in any unit, not falling.

    Raises:
        ValueError: the sequences differ in length, a value is not above zero, or the times fall.
    """
    _check(values, times)
    logs, places = np.log(values[-_MOST:]), np.array(times[-_MOST:], dtype=float)
    if len(logs) < _FEWEST or places[-1] == places[0]:
        return None
    first, second = np.triu_indices(len(logs), 1)
    apart = places[second] - places[first]
    rises = (logs[second] - logs[first])[apart > 0]
    slopes = np.sort(rises / apart[apart > 0])
    rate = float(np.median(slopes))
    rest = logs - rate * places
    inflation = _inflation(rest - np.median(rest))
    dof = len(logs) / inflation - 2
    score = float(np.sum(np.sign(rises)))
    deviation = math.sqrt(inflation * _variance(len(logs)))
    if dof < 1:
        return None
    p_value = 2 * t_probability(dof, -max(abs(score) - 1, 0.0) / deviation)
    if p_value >= _ALPHA:
        return None
    half = t_quantile(dof, (1 + _CONFIDENCE) / 2) * deviation
    lower, upper = (slopes[_rank(len(slopes), one)] for one in (-half, half))
    now = math.exp(float(np.median(rest)) + rate * places[-1])
    return Growth(rate, float(lower), float(upper), p_value, now, float(places[-1]), float(places[-1] - places[0]))


def crossing(growth: Growth, limit: float) -> Crossing | None:
    """Return the time at which a growth crosses a limit from either side.

    There is no time if the number moves away from the limit, if a rate of the interval never reaches the limit, or if
    the limit lies further ahead than the history reaches back.

    Args:
        growth: the growth.
        limit: the limit, above zero, in the unit of the values.
    """
    room = math.log(limit / growth.now)
    if any(rate * room <= 0 for rate in (growth.lower, growth.rate, growth.upper)):
        return None
    early, middle, late = sorted(growth.at + room / rate for rate in (growth.lower, growth.rate, growth.upper))
    return Crossing(middle, early, late) if middle - growth.at <= growth.spans else None


def _check(values: Sequence[float], times: Sequence[float]) -> None:
    if len(values) != len(times):
        raise ValueError(f"values and times must be equally many, found {len(values)} and {len(times)}")
    for index, value in enumerate(values):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"value {index} must be a number above zero, found {value!r}")
    for index, (before, after) in enumerate(pairwise(times), 1):
        if not before <= after:
            raise ValueError(f"time {index} must not be before time {index - 1}, found {after!r} after {before!r}")


def _inflation(rest: Floats) -> float:
    """Return the factor by which dependence raises the variance of a trend: at least 1."""
    count = len(rest)
    squares = float(np.sum(rest**2))
    plain = float(np.sum(rest[1:] * rest[:-1])) / squares if squares else 0.0
    corrected = (plain * count + 2) / (count - 4)  # its bias about a line is near -(2 + 4 x autocorrelation) / count
    error = math.sqrt(max(1 - corrected**2, 0.0) / count)
    dependent = min(max(corrected + error, 0.0), _MOST_DEPENDENT)
    return (1 + dependent) / (1 - dependent)


def _variance(count: int) -> float:
    """Return the variance of Kendall's S among independent values."""
    return count * (count - 1) * (2 * count + 5) / 18


def _rank(count: int, shift: float) -> int:
    """Return the rank of a bound of Sen's interval among the sorted slopes."""
    return int(min(max(round((count + shift) / 2), 0), count - 1))
