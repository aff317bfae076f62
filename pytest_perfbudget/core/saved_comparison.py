"""The comparison of saved sessions with each other, by the evidence that their reports keep.

If two sessions were compared with the same baseline, their times are corrected for the weather, and so is their ratio.
Otherwise only rounds are left, each session's in its own weather. On a shared virtual machine the median of identical
code differs by `SPREAD` from session to session (40 recorded runs of 12 workloads: 5 to 32 %, root mean square 25 %),
so the intervals are wide. The error within a session comes from batch means (Schmeiser 1982).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median, stdev
from typing import Final

from pytest_perfbudget.core.counts import CountPair, compare_counts
from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.kinds import RATIO
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME, counts
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.slowdown import SlowdownTest

SPREAD: Final = 0.25
"""The standard deviation of a session's log time if nothing is known about the machine."""

TOLERANCE: Final = 0.05
"""The allowed slowdown of a measurement that states none."""

_BATCHES: Final = 20
_FEWEST: Final = 10
"""The fewest rounds whose batches show an error; fewer rounds have the spread of a session alone."""

_DOF: Final = 8.0
"""The degrees of freedom of a spread that was learned elsewhere."""


@dataclass(frozen=True, slots=True)
class SavedTime:
    """The time of a measurement in one session, with its standard error in log time.

    `is_corrected` tells whether the time is corrected for the weather.
    """

    time_ns: float
    std_error: float
    is_corrected: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class SavedSlowdownTest(SlowdownTest[SavedTime]):
    """The test of whether a measurement is slower in one saved session than in another; it has one look only."""

    enough = 1.0

    reference: SavedTime

    def effect(self, runs: Sequence[SavedTime]) -> Effect:
        """See `SlowdownTest.effect`; there is one run."""
        (run,) = runs
        error = math.hypot(run.std_error, self.reference.std_error)
        return Effect(math.log(run.time_ns / self.reference.time_ns), error, _DOF, 1, 0.0)

    def before_ns(self, runs: Sequence[SavedTime]) -> float:  # noqa: ARG002 - the reference's, whatever was run
        """See `SlowdownTest.before_ns`."""
        return self.reference.time_ns

    def is_suspect(self, *runs: SavedTime) -> bool:
        """See `SlowdownTest.is_suspect`."""
        return self.is_slower(self.effect(runs), self.alpha)

    def is_hopeless(self, fresh: Sequence[SavedTime]) -> bool:
        """See `SlowdownTest.is_hopeless`."""
        return not self.is_suspect(*fresh)

    def judged(self, run: SavedTime) -> RegressionResult:
        """Return the result for a session, which cannot be measured again."""
        found = replace(self.screened(run), alpha=self.alpha)
        return replace(found, verdict=RegressionVerdict.REGRESSED) if self.is_suspect(run) else found


@dataclass(frozen=True, slots=True)
class SavedChange:
    """The comparison of one number of a measurement in two sessions.

    `has_weather` tells whether the number is a time that is not corrected for the weather.
    """

    measurement: Measurement
    result: RegressionResult
    has_weather: bool = False

    @property
    def is_regressed(self) -> bool:
        """Whether the number is worse by more than is allowed, credibly."""
        return self.result.verdict is RegressionVerdict.REGRESSED

    @property
    def may_be_none(self) -> bool:
        """Whether the interval contains no change at all."""
        lower, upper = self.result.lower, self.result.upper
        return lower is not None and upper is not None and lower <= 1 <= upper


def compare_sessions(reference: RunResult, other: RunResult, spread: float = SPREAD) -> list[SavedChange]:
    """Return the changes from one session to another, for the measurements that both have, in the reference's order.

    Args:
        reference: the session before.
        other: the session after.
        spread: the standard deviation of a session's log time on this machine.
    """
    after = by_id(other)
    pairs = [(one, after[name]) for name, one in by_id(reference).items() if name in after]
    times = {one.id: _times(one, new, spread) for one, new in pairs}
    alpha = other.session.alpha / max(1, sum(found is not None for found in times.values()))
    return [found for one, new in pairs for found in _changes(one, new, times[one.id], alpha)]


def by_id(result: RunResult) -> Mapping[str, Measurement]:
    """Return the measurements of a session that have numbers, by id."""
    return {one.id: one for one in result.measurements if one.rounds}


def unlike_loads(reference: RunResult, other: RunResult) -> Iterator[tuple[str, str, str]]:
    """Yield the loads of one id with other parameters: the id, and the parameters of each session."""
    after = by_id(other)
    for name, one in by_id(reference).items():
        loads = [found.load.parameters if found.load else "" for found in (one, after.get(name, one))]
        if loads[0] != loads[1]:
            yield name, loads[0], loads[1]


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the geometric mean of ratios, at least one."""
    return math.exp(fmean(map(math.log, ratios)))


def _changes(
    before: Measurement, after: Measurement, times: tuple[SavedTime, SavedTime] | None, alpha: float
) -> Iterator[SavedChange]:
    tolerance = TOLERANCE if after.max_regression is None else after.max_regression
    if times is not None:
        result = SavedSlowdownTest(tolerance, alpha, times[0]).judged(times[1])
        yield SavedChange(after, result, has_weather=not times[1].is_corrected)
    for metric in counts():
        numbers = [_count(one, metric.name) for one in (before, after)]
        if numbers[0] is not None and numbers[1] is not None:
            yield SavedChange(after, compare_counts(metric, [CountPair(numbers[0], numbers[1])], tolerance))


def _times(before: Measurement, after: Measurement, spread: float) -> tuple[SavedTime, SavedTime] | None:
    """Return the times of both sessions; None if a session keeps none."""
    corrected = [_compared_time(one) for one in (before, after)]
    first, second = corrected
    if first is not None and second is not None and _reference_of(before) == _reference_of(after):
        return first, second
    rounds = [_rounds_time(one, spread) for one in (before, after)]
    return None if rounds[0] is None or rounds[1] is None else (rounds[0], rounds[1])


def _time_change(measurement: Measurement) -> RegressionResult | None:
    return next((one for one in measurement.changes if one.metric == TIME.name and not one.against), None)


def _reference_of(measurement: Measurement) -> tuple[float | None, str, str]:
    """Return what identifies the baseline's number with which a measurement was compared."""
    change = _time_change(measurement)
    return (None, "", "") if change is None else (change.before, change.commit, change.date)


def _compared_time(measurement: Measurement) -> SavedTime | None:
    """Return the time that the comparison with the baseline corrected for the weather; None if there is none."""
    change = _time_change(measurement)
    if change is None or not change.after or not change.log_std_error:
        return None
    return SavedTime(change.after, change.log_std_error, is_corrected=True)


def _rounds_time(measurement: Measurement, spread: float) -> SavedTime | None:
    """Return the median of the rounds that a report keeps; None if it keeps none."""
    if measurement.times is None or measurement.kind is RATIO:
        return None
    times_ns = [max(one, 1e-3) for one in measurement.times.times_ns()]
    return SavedTime(median(times_ns), math.hypot(spread, _own_error(times_ns)))


def _own_error(times_ns: Sequence[float]) -> float:
    """Return the standard error of the log median within a session, by the medians of successive batches."""
    if len(times_ns) < _FEWEST:
        return 0.0
    number = min(_BATCHES, len(times_ns) // 2)
    size = len(times_ns) / number
    batches = [times_ns[round(at * size) : round((at + 1) * size)] for at in range(number)]
    return stdev(math.log(median(one)) for one in batches) / math.sqrt(number)


def _count(measurement: Measurement, metric: str) -> int | None:
    compared = next((one.after for one in measurement.changes if one.metric == metric), None)
    found = measurement.statistics.get(metric, compared)
    return None if found is None else round(found)
