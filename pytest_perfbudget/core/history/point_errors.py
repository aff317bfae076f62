"""The value of a number in the history, and its standard error, with an allowance for a busy machine.

The time in which other processes held the CPU is no time of the code, so the value is without it. But its effects stay:
a call that was interrupted goes on with cold caches, and the clock of the waits is coarse. The waits therefore count as
an error as well, of the same size in the tail, where few calls decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median
from typing import Final

from pytest_perfbudget.core.kinds import RATIO
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import QUANTILES
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.saved_times import own_error

_LEFT: Final = 1.0
"""The standard error that waits leave, as a share of the logarithm by which they raised the number."""
_LEFT_IN_THE_MIDDLE: Final = 0.1
"""The same for the median. Beside four busy processes on two CPUs, waits of 50 to 700 % left the median of calls of
20 ms within 8 %, their mean within 60 %, and their p95 within 160 %."""

_CENTRES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {"median": median, "mean": fmean}
_LEAST_NS: Final = 1e-3
_FEWEST: Final = 10
"""The fewest rounds that show an error."""


def value_and_error(measurement: Measurement, statistic: str, value: float) -> tuple[float, float | None]:
    """Return a statistic of wall time without waits, with the standard error of its logarithm; None if it is not known.

    Args:
        measurement: the measurement.
        statistic: the metric of the statistic.
        value: the statistic with waits.
    """
    if measurement.kind is RATIO or measurement.times is None:
        return value, None
    own = (measurement.without_waits or {}).get(statistic)
    if own is None:
        return value, _error_of_rounds(measurement.times, measurement.times.times_ns(), statistic) or None
    own = max(own, _LEAST_NS)
    of_rounds = _error_of_rounds(measurement.times, measurement.times.own_times_ns(), statistic)
    left = _LEFT_IN_THE_MIDDLE if statistic == "median" else _LEFT
    return own, math.hypot(of_rounds, left * math.log(measurement.statistics[statistic] / own))


def _error_of_rounds(times: RoundTimes, kept_ns: Sequence[float], statistic: str) -> float:
    """Return the standard error of a log statistic within a session by the kept times; 0 if it is not known."""
    times_ns = [max(one, _LEAST_NS) for one in kept_ns]
    if statistic in _CENTRES:
        return own_error(times_ns, _CENTRES[statistic])
    if statistic in QUANTILES and len(times_ns) >= _FEWEST:  # few of the kept rounds are in a tail, and more of all
        return _error_of_quantile(sorted(times_ns), QUANTILES[statistic]) / math.sqrt(times.every)
    return 0.0


def _error_of_quantile(ordered: Sequence[float], share: float) -> float:
    """Return the standard error of a log quantile, by the times whose ranks lie a standard error from its own."""
    count = len(ordered)
    rank, error = share * (count - 1), math.sqrt(count * share * (1 - share))
    low, high = (min(max(round(rank + one), 0), count - 1) for one in (-error, error))
    return error * math.log(ordered[high] / ordered[low]) / (high - low) if low < high else 0.0
