"""The trend of a history, and the time at which the trend crosses a limit.

The growth is the median slope between all pairs of points (Theil 1950, Sen 1968), of the logarithms; of the values if a
straight line through these fits far better, as for a count that grows by the same amount each day: among logarithms its
line bends, and the bend would look like dependence. Whether there is a trend at all is a matter of Kendall's S (Mann
1945), whose variance grows with the autocorrelation of the points about the trend: neighbours that resemble each other
rise and fall together without any trend. The lag-1 autocorrelation of a few points is uncertain and comes out too
small. It is therefore corrected for its bias, and raised by its standard error. Steps that all go in the same direction
are a trend, however much neighbours resemble each other, and so are steps that are nearly the same; these two show a
growth among a few points. Where there is no trend, there is no forecast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from pytest_perfbudget.core.distributions import t_probability, t_quantile
from pytest_perfbudget.core.levels import Floats

_FEWEST: Final = 6
"""The fewest points that can show a trend, by their steps."""
_FEWEST_PAIRS: Final = 12
"""The fewest points that can show a trend by all of their pairs."""
_MOST: Final = 1000
"""The number of points that count, the newest; all pairs of them are compared."""

_FEWEST_UNSURE: Final = 8
"""The fewest points that can show an unsure trend. Of simulated series of 8 to 160 points without a trend, at most 5 %
have one, at each autocorrelation from 0 to 0.9."""
_ALPHA: Final = 0.01
"""The level of significance of a trend. Of 2,000 simulated series without a trend, for each of five lengths and each
autocorrelation from 0 to 0.9, at most 0.7 % have a trend."""
_ALPHA_OF_STEPS: Final = 0.0025
"""The same for steps that are nearly the same: several tests look for a trend, and one of them finds it."""
_CONFIDENCE: Final = 0.95
_MOST_DEPENDENT: Final = 0.95
_ROUNDING: Final = 1e-9
"""The spread about a line, as a share, below which errors of rounding decide."""
_FAR_BETTER: Final = 3.0
"""The logarithm of the likelihood ratio from which a line through the values is preferred: 20 times as likely."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A steady growth of a number, positive or negative.

    Attributes:
        rate: the growth of the logarithm in a unit of time; at the last point if the growth is linear.
        lower: the lower bound of the 95 % interval for the rate.
        upper: the upper bound of this interval.
        p_value: the two-sided p-value of the growth without a trend.
        now: the number at the last point, by the trend.
        at: the time of the last point.
        spans: the time from the first point to the last.
        is_linear: whether the number grows by the same amount in each unit of time, not by the same share.
        is_sure: whether a test calls the growth a trend; an unsure growth is no ground for a forecast.
    """

    rate: float
    lower: float
    upper: float
    p_value: float
    now: float
    at: float
    spans: float
    is_linear: bool = False
    is_sure: bool = True

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
    numbers, places = np.array(values[-_MOST:], dtype=float), np.array(times[-_MOST:], dtype=float)
    if len(numbers) < _FEWEST or places[-1] == places[0]:
        return None
    line, is_linear = _fitted(numbers, places)
    by_pairs = _by_pairs(line, numbers) if len(numbers) >= _FEWEST_PAIRS else None
    by_steps = _by_steps(line, numbers if is_linear else np.log(numbers))
    p_of_direction = _of_one_direction(numbers)
    if by_pairs is not None and min(by_pairs.p_value, p_of_direction) < _ALPHA:
        found = replace(by_pairs, p_value=min(by_pairs.p_value, p_of_direction))
    elif by_steps.p_value < _ALPHA_OF_STEPS or p_of_direction < _ALPHA:
        found = replace(by_steps, p_value=min(by_steps.p_value, p_of_direction))
    else:
        return None
    return _growth(line, found, places, is_linear=is_linear)


def find_unsure_growth(values: Sequence[float], times: Sequence[float]) -> Growth | None:
    """Return the growth of a number whose 95 % interval is clear of zero; None if it is not.

    An interval of Sen's slope may be clear of zero where `find_growth`, which asks for more, finds no trend.

    Args:
        values: the values, see `find_growth`.
        times: the time of each value.

    Raises:
        ValueError: see `find_growth`.
    """
    _check(values, times)
    numbers, places = np.array(values[-_MOST:], dtype=float), np.array(times[-_MOST:], dtype=float)
    if len(numbers) < _FEWEST_UNSURE or places[-1] == places[0]:
        return None
    line, is_linear = _fitted(numbers, places)
    found = _by_pairs(line, numbers)
    if found.lower * found.upper <= 0:
        return None
    growth = _growth(line, found, places, is_linear=is_linear)
    return None if growth is None else replace(growth, is_sure=False)


def _growth(line: _Line, found: _Slope, places: Floats, *, is_linear: bool) -> Growth | None:
    """Return the growth along a line."""
    now = line.level + line.slope * float(places[-1])
    if is_linear and now <= 0:  # a number that falls to zero has no growth of its logarithm
        return None
    p_value, unit = found.p_value, now if is_linear else 1.0
    rate, lower, upper = (one / unit for one in (line.slope, found.lower, found.upper))
    spans = float(places[-1] - places[0])
    return Growth(rate, lower, upper, p_value, now if is_linear else math.exp(now), float(places[-1]), spans, is_linear)


@dataclass(frozen=True, slots=True)
class _Slope:
    """The two-sided p-value of a slope, and the bounds of its 95 % interval."""

    p_value: float
    lower: float
    upper: float


def _by_pairs(line: _Line, numbers: Floats) -> _Slope:
    """Return what all pairs of points say of a slope (Mann and Kendall, Sen)."""
    inflation = _inflation(line.rest - line.level)
    dof = max(len(numbers) / inflation - 2, 0.0)
    score = float(np.sum(np.sign(line.slopes)))
    deviation = math.sqrt(inflation * _variance(len(numbers)))
    p_value = 2 * t_probability(dof, -max(abs(score) - 1, 0.0) / deviation) if dof >= 1 else 1.0
    half = t_quantile(max(dof, 1.0), (1 + _CONFIDENCE) / 2) * deviation
    slopes = np.sort(line.slopes)
    lower, upper = (float(slopes[_rank(len(slopes), one)]) for one in (-half, half))
    return _Slope(p_value, lower, upper)


def _by_steps(line: _Line, points: Floats) -> _Slope:
    """Return what the steps from point to point say of a slope: Student's test of their mean.

    The test is exact for a random walk, whose steps are independent. The less neighbours resemble each other, the more
    the steps of a trendless series cancel out, so that fewer of them look like a trend. Counts have few different
    steps, which may be equal by chance, so each step is uncertain by the smallest difference of two values.
    """
    unit = float(np.min(np.diff(np.unique(points)), initial=math.inf))
    rounding = unit / math.sqrt(12) if math.isfinite(unit) else 0.0
    steps = np.diff(points)
    dof = len(steps) - 1
    mean, error = float(steps.mean()), math.hypot(float(steps.std(ddof=1)), rounding) / math.sqrt(len(steps))
    error = max(error, 1e-300)
    p_value = 2 * t_probability(dof, -abs(mean) / error)
    half = abs(line.slope) * t_quantile(dof, (1 + _CONFIDENCE) / 2) * error / max(abs(mean), 1e-300)
    return _Slope(p_value, line.slope - half, line.slope + half)


@dataclass(frozen=True, slots=True)
class _Line:
    """The line of Theil and Sen through points.

    Attributes:
        slope: the slope.
        slopes: the slopes between all pairs of points.
        rest: the points less the slope.
        level: the level of the line at time zero.
    """

    slope: float
    slopes: Floats
    rest: Floats
    level: float

    @property
    def spread(self) -> float:
        """The mean distance of the points from the line."""
        return float(np.mean(np.abs(self.rest - self.level)))


def _fitted(numbers: Floats, places: Floats) -> tuple[_Line, bool]:
    """Return the line through the logarithms, or through the values if that fits far better, and whether it does.

    The spreads of the two scales are compared after Box and Cox (1964): by the geometric mean of the values.
    """
    logs = np.log(numbers)
    steady, linear = _line(logs, places), _line(numbers, places)
    mean = math.exp(float(np.mean(logs)))
    spreads = [max(one, _ROUNDING) for one in (steady.spread, linear.spread / mean)]
    is_linear = len(numbers) * math.log(spreads[0] / spreads[1]) > _FAR_BETTER
    return (linear, True) if is_linear else (steady, False)


def _line(points: Floats, places: Floats) -> _Line:
    first, second = np.triu_indices(len(points), 1)
    apart = places[second] - places[first]
    slopes = (points[second] - points[first])[apart > 0] / apart[apart > 0]
    slope = float(np.median(slopes))
    rest = points - slope * places
    return _Line(slope, slopes, rest, float(np.median(rest)))


def crossing(growth: Growth, limit: float) -> Crossing | None:
    """Return the time at which a growth crosses a limit from either side.

    There is no time if the number moves away from the limit, if a rate of the interval never reaches the limit, or if
    the limit lies further ahead than the history reaches back.

    Args:
        growth: the growth.
        limit: the limit, above zero, in the unit of the values.
    """
    room = limit / growth.now - 1 if growth.is_linear else math.log(limit / growth.now)
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


def _of_one_direction(numbers: Floats) -> float:
    """Return the two-sided p-value of steps that all rise or all fall; 1 if they do both.

    Neighbours may resemble each other to any degree: even the steps of a random walk rise and fall equally often (the
    difference-sign test of Moore and Wallis 1943, of its most extreme result only).
    """
    steps = np.sign(np.diff(numbers))
    steps = steps[steps != 0]
    return float(2.0 ** (1 - len(steps))) if len(steps) and abs(steps.sum()) == len(steps) else 1.0


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
