"""Two modes: whether times fall into a fast and a slow group with few times between them.

The times are divided where the variance between the groups is largest (Otsu, 1979), on the logarithmic scale and
with at least a twentieth of the times in each group. The groups are modes if their medians lie at least `_DISTANCE`
times as far apart as the first and the last decile within both groups together. Of times with one mode (normal,
log-normal, exponential, uniform, gamma, Pareto, or with a tail of a tenth), fewer than 2 % have two; of 100 times in
two groups that lie 1.5 times apart and have a spread of 3 %, at least 90 % do if a tenth or more is in each group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from pytest_perfbudget.core.samples import quantile

_FEWEST: Final = 40
_FEWEST_OF_GROUP: Final = 5
_LEAST_SHARE: Final = 0.05
_EDGE: Final = 0.1
_DISTANCE: Final = 2.0
_LEAST_RATIO: Final = 1.2
"""Groups whose medians differ by less are no two modes for a reader, and may be two ticks of the clock."""


@dataclass(frozen=True, slots=True)
class Modes:
    """The two modes of times.

    Attributes:
        fast: the median of the fast group, in the unit of the times.
        slow: the median of the slow group.
        slow_share: the share of the times in the slow group.
    """

    fast: float
    slow: float
    slow_share: float


def modes_of(times: Sequence[float]) -> Modes | None:
    """Return the two modes of times; None if there is one mode, or too few times to tell.

    Args:
        times: positive times, in any order.
    """
    number = len(times)
    if number < _FEWEST:
        return None
    logs = [math.log(max(one, 1e-9)) for one in sorted(times)]
    cut = _cut(logs, max(_FEWEST_OF_GROUP, math.ceil(_LEAST_SHARE * number)))
    fast, slow = logs[:cut], logs[cut:]
    distance = median(slow) - median(fast)
    within = _spread(fast) + _spread(slow)
    if distance < math.log(_LEAST_RATIO) or distance < _DISTANCE * within:
        return None
    return Modes(math.exp(median(fast)), math.exp(median(slow)), len(slow) / number)


def _cut(ordered: Sequence[float], fewest: int) -> int:
    """Return the place at which sorted values are divided best, with at least so many values on each side."""
    total, number = math.fsum(ordered), len(ordered)
    best, place, below = -1.0, fewest, 0.0
    for at, value in enumerate(ordered, start=1):
        below += value
        if fewest <= at <= number - fewest:
            between = at * (number - at) * ((total - below) / (number - at) - below / at) ** 2
            if between > best:
                best, place = between, at
    return place


def _spread(ordered: Sequence[float]) -> float:
    """Return the distance of the last decile from the first."""
    return quantile(ordered, 1 - _EDGE) - quantile(ordered, _EDGE)
