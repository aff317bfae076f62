"""The comparison of saved sessions with each other, by the evidence that their reports keep (`saved_times`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from pytest_perfbudget.core.counts import CountPair, compare_counts
from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.load.differences import load_differences
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import counts
from pytest_perfbudget.core.process_spread import pooled_spread
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.saved_times import SavedTime, log_ratio_by_baseline, saved_times
from pytest_perfbudget.core.session_spread import DOF_OF_SESSIONS, SPREAD
from pytest_perfbudget.core.slowdown import SlowdownTest

TOLERANCE: Final = 0.05
"""The allowed slowdown of a measurement that states none."""

_SURE: Final = 0.975
"""The confidence of each bound of an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class SavedSlowdownTest(SlowdownTest[SavedTime]):
    """The test of whether a measurement is slower in one saved session than in another; it has one look only."""

    enough = 1.0

    reference: SavedTime

    def effect(self, runs: Sequence[SavedTime]) -> Effect:
        """See `SlowdownTest.effect`; there is one run."""
        (run,) = runs
        error = math.hypot(run.std_error, self.reference.std_error)
        dof = min(run.dof, self.reference.dof)
        return Effect(math.log(run.time_ns / self.reference.time_ns), error, dof, 1, 0.0)

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

    def smallest_found(self, run: SavedTime) -> float:
        """Return the slowdown, as a share, that an estimate would have had to show for the verdict `regressed`."""
        found = self.effect([run])
        return math.expm1(max(found.bound(1 - self.alpha) - found.log_ratio, self.limit))


@dataclass(frozen=True, slots=True)
class SavedChange:
    """The comparison of one number of a measurement in two sessions.

    Attributes:
        measurement: the measurement in the later session.
        result: the change.
        has_weather: whether the number is a time that is not corrected for the weather.
        smallest_found: the slowdown of the time, as a share, that the comparison could have found; None for a count.
        session_error: the standard error of the log ratio by what all tests of the two sessions have in common; None
            for a count.
    """

    measurement: Measurement
    result: RegressionResult
    has_weather: bool = False
    smallest_found: float | None = None
    session_error: float | None = None

    @property
    def is_regressed(self) -> bool:
        """Whether the number is worse by more than is allowed, credibly."""
        return self.result.verdict is RegressionVerdict.REGRESSED

    @property
    def looks_regressed(self) -> bool:
        """Whether a time is undecided whose estimate is slower than is allowed."""
        ratio = self.result.ratio
        is_open = self.result.verdict is RegressionVerdict.UNDECIDED
        return is_open and ratio is not None and ratio > 1 + self.result.limit

    @property
    def may_be_none(self) -> bool:
        """Whether the interval includes a change of zero."""
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
    processes = pooled_spread([found for pair in pairs if (found := log_ratio_by_baseline(*pair)) is not None])
    times = {one.id: saved_times(one, new, spread, processes) for one, new in pairs}
    alpha = other.session.alpha / max(1, sum(found is not None for found in times.values()))
    return [found for one, new in pairs for found in _changes(one, new, times[one.id], alpha)]


def hidden_by_weather(changes: Iterable[SavedChange]) -> list[SavedChange]:
    """Return the undecided times of two sessions that the weather may have hidden a slowdown of.

    Where no time of the sessions is corrected for the weather, these are all undecided times. Otherwise, they are those
    that are not corrected and look slower than is allowed.
    """
    times = [one for one in changes if one.smallest_found is not None]
    is_any_corrected = any(not one.has_weather for one in times)
    undecided = [one for one in times if one.has_weather and one.result.verdict is RegressionVerdict.UNDECIDED]
    return [one for one in undecided if one.looks_regressed or not is_any_corrected]


def allowed_slowdown(before: Measurement, after: Measurement) -> float:
    """Return the smaller of the slowdowns, as shares, that two sessions allow: neither can excuse itself."""
    known = [one.max_regression for one in (before, after) if one.max_regression is not None]
    return min(known, default=TOLERANCE)


def by_id(result: RunResult) -> Mapping[str, Measurement]:
    """Return the measurements of a session that have numbers, by id."""
    return {one.id: one for one in result.measurements if one.rounds}


def is_same_session(one: RunResult, other: RunResult) -> bool:
    """Return whether two reports are of the same session, such as a file that is compared with itself."""
    if one.session != other.session:
        return False
    numbers = [{found.id: found.statistics for found in side.measurements} for side in (one, other)]
    return numbers[0] == numbers[1]


def unlike_loads(reference: RunResult, other: RunResult) -> Iterator[tuple[str, str, str]]:
    """Yield the loads of one id with other parameters: the id, and the parameters of each session."""
    after = by_id(other)
    for name, one in by_id(reference).items():
        loads = [found.load.parameters if found.load else "" for found in (one, after.get(name, one))]
        if load_differences(*loads):
            yield name, loads[0], loads[1]


@dataclass(frozen=True, slots=True)
class MeanChange:
    """The geometric mean of the changes of several times in the same two sessions, with its 95 % interval.

    Attributes:
        ratio: the mean.
        lower: the lower bound.
        upper: the upper bound.
        number: the number of times.
    """

    ratio: float
    lower: float
    upper: float
    number: int

    @property
    def may_be_none(self) -> bool:
        """Whether the interval includes a change of zero."""
        return self.lower <= 1 <= self.upper


def mean_change(changes: Iterable[SavedChange]) -> MeanChange | None:
    """Return the mean of the changes of times in two sessions; None if there is none.

    What the tests of a session have in common, such as the weather, the frequency of the CPU or the places of the
    memory, no number of tests averages out. So the error has a part for each test, and a part for the sessions.
    """
    found = [one for one in changes if one.session_error is not None and one.result.ratio]
    if not found:
        return None
    own = math.sqrt(math.fsum((one.result.log_std_error or 0.0) ** 2 for one in found)) / len(found)
    error = math.hypot(own, fmean(one.session_error or 0.0 for one in found))
    ratio = math.exp(fmean(math.log(one.result.ratio or 1.0) for one in found))
    factor = math.exp(error * t_quantile(DOF_OF_SESSIONS, _SURE))
    return MeanChange(ratio, ratio / factor, ratio * factor, len(found))


def _changes(
    before: Measurement, after: Measurement, times: tuple[SavedTime, SavedTime] | None, alpha: float
) -> Iterator[SavedChange]:
    tolerance = allowed_slowdown(before, after)
    if times is not None:
        test = SavedSlowdownTest(tolerance, alpha, times[0])
        smallest = test.smallest_found(times[1])
        common = math.hypot(*(one.session_error for one in times))
        yield SavedChange(after, test.judged(times[1]), not times[1].is_corrected, smallest, common)
    for metric in counts():
        numbers = [_count(one, metric.name) for one in (before, after)]
        if numbers[0] is not None and numbers[1] is not None:
            yield SavedChange(after, compare_counts(metric, [CountPair(numbers[0], numbers[1])], tolerance))


def _count(measurement: Measurement, metric: str) -> int | None:
    compared = next((one.after for one in measurement.changes if one.metric == metric), None)
    found = measurement.statistics.get(metric, compared)
    return None if found is None else round(found)
