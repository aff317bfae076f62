"""The times of one measurement in two saved sessions, each with its standard error, by the best evidence of both.

1. Both sessions were compared with the same baseline: their times are corrected for the weather by its references.
2. Both keep blocks between canaries: one model of the weather is fitted to the blocks of both sessions, as for a
   baseline. The times of a test in recorded sessions of identical code then differ by less; what all tests of a
   session have in common stays.
3. Otherwise only rounds are left, each session's in its own weather: the median of identical code differs by `SPREAD`
   from session to session.

`session_spread` has the constants, with their sources.

A session is as a rule one process, which can differ from the next process of the same code for as long as it lives.
In 1 and 2 the error allows for that; a time that several fresh processes have confirmed has the error of their mean.
In 1 the tests of both sessions show how far processes differ. In 2 they do not: some processes differ from the others
by 40 %, and with a baseline fresh processes would have replaced these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, stdev
from typing import Final

from pytest_perfbudget.core.kinds import RATIO
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.process_spread import RECORDED, ProcessSpread
from pytest_perfbudget.core.results import RegressionResult
from pytest_perfbudget.core.run_pair import FEWEST_BLOCKS, run_pair
from pytest_perfbudget.core.session_spread import (
    DOF_OF_PROCESSES,
    SESSION_ERROR_OF_BASELINE,
    SESSION_ERROR_OF_BLOCKS,
    SPREAD,
)

_BATCHES: Final = 20
_FEWEST: Final = 10
"""The fewest rounds whose batches show an error; fewer rounds have the spread of a session alone."""

_DOF: Final = 8.0
"""The degrees of freedom of a spread that was learned elsewhere."""

_SEVERAL: Final = 3
"""The fewest fresh processes whose mean does without the spread from process to process."""


@dataclass(frozen=True, slots=True)
class SavedTime:
    """The time of a measurement in one session, with its standard error in log time.

    Attributes:
        time_ns: the time of one call.
        std_error: the standard error of its logarithm.
        is_corrected: whether the time is corrected for the weather.
        dof: the degrees of freedom of the standard error.
        weight: the weight of the session, the same for all.
        session_error: the standard deviation of what all tests of the session have in common.
    """

    time_ns: float
    std_error: float
    is_corrected: bool = False
    dof: float = _DOF
    weight: float = 1.0
    session_error: float = 0.0


def saved_times(
    before: Measurement, after: Measurement, spread: float = SPREAD, processes: ProcessSpread = RECORDED
) -> tuple[SavedTime, SavedTime] | None:
    """Return the times of both sessions; None if a session keeps none.

    Args:
        before: the measurement in the reference.
        after: the measurement in the other session.
        spread: the standard deviation of a session's log time on this machine.
        processes: the spread from process to process of sessions that were compared with the same baseline.

    Raises:
        ValueError: the rounds or the blocks of a session are damaged.
    """
    return _by_baseline(before, after, processes) or _by_blocks(before, after) or _by_rounds(before, after, spread)


def log_ratio_by_baseline(before: Measurement, after: Measurement) -> float | None:
    """Return the log ratio of the times in two sessions that were compared with the same baseline; None for others."""
    found = _by_baseline(before, after, RECORDED)
    return None if found is None else math.log(found[1].time_ns / found[0].time_ns)


def _by_baseline(
    before: Measurement, after: Measurement, processes: ProcessSpread
) -> tuple[SavedTime, SavedTime] | None:
    """Return the times that the comparison with the same baseline corrected for the weather."""
    if _reference_of(before) != _reference_of(after):
        return None
    first, second = _compared_time(before, processes), _compared_time(after, processes)
    return None if first is None or second is None else (first, second)


def _time_change(measurement: Measurement) -> RegressionResult | None:
    return next((one for one in measurement.changes if one.metric == TIME.name and not one.against), None)


def _reference_of(measurement: Measurement) -> tuple[float | None, str, str]:
    """Return what identifies the baseline's number with which a measurement was compared."""
    change = _time_change(measurement)
    return (None, "", "") if change is None else (change.before, change.commit, change.date)


def _compared_time(measurement: Measurement, processes: ProcessSpread) -> SavedTime | None:
    """Return the time that the comparison with the baseline corrected for the weather; None if there is none."""
    change = _time_change(measurement)
    if change is None or not change.after or not change.log_std_error:
        return None
    if change.runs >= _SEVERAL:
        return SavedTime(change.after, change.log_std_error, is_corrected=True, session_error=SESSION_ERROR_OF_BASELINE)
    # The tests do not show what they have in common: `pooled_spread` leaves it out, because it can be a change.
    error = math.hypot(change.log_std_error, processes.std, SESSION_ERROR_OF_BASELINE)
    return SavedTime(change.after, error, is_corrected=True, dof=processes.dof, session_error=SESSION_ERROR_OF_BASELINE)


def _by_blocks(before: Measurement, after: Measurement) -> tuple[SavedTime, SavedTime] | None:
    """Return the times of both sessions in calm weather; None if a session has too few blocks, or of another kind."""
    if before.blocks is None or after.blocks is None:
        return None
    kinds = [(one.canaries, one.one_cpu) for one in (before.blocks, after.blocks)]
    if kinds[0] != kinds[1]:
        return None
    runs = before.blocks.blocks(), after.blocks.blocks()
    if min(map(len, runs)) < FEWEST_BLOCKS:
        return None
    found = run_pair(*runs)
    first, second = (
        SavedTime(
            math.exp(one),
            found.std_error / math.sqrt(2),
            is_corrected=True,
            dof=DOF_OF_PROCESSES,
            session_error=SESSION_ERROR_OF_BLOCKS,
        )
        for one in (found.before, found.after)
    )
    return first, second


def _by_rounds(before: Measurement, after: Measurement, spread: float) -> tuple[SavedTime, SavedTime] | None:
    first, second = _rounds_time(before, spread), _rounds_time(after, spread)
    return None if first is None or second is None else (first, second)


def _rounds_time(measurement: Measurement, spread: float) -> SavedTime | None:
    """Return the median of the rounds that a report keeps; None if it keeps none."""
    if measurement.times is None or measurement.kind is RATIO:
        return None
    times_ns = [max(one, 1e-3) for one in measurement.times.times_ns()]
    return SavedTime(median(times_ns), math.hypot(spread, own_error(times_ns)), session_error=spread)


def own_error(times_ns: Sequence[float], centre: Callable[[Sequence[float]], float] = median) -> float:
    """Return the standard error of the log centre within a session, by batch means (Schmeiser 1982)."""
    if len(times_ns) < _FEWEST:
        return 0.0
    number = min(_BATCHES, len(times_ns) // 2)
    size = len(times_ns) / number
    batches = [times_ns[round(at * size) : round((at + 1) * size)] for at in range(number)]
    return stdev(math.log(centre(one)) for one in batches) / math.sqrt(number)
