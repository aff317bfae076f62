"""The distribution of a measurement over that in the baseline, both in calm weather."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.core.calm_times import calm_times, has_weather
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.side_times import SideTimes


def times_since_baseline(measurement: Measurement, known: KnownData, runs: Sequence[Recording]) -> SideTimes | None:
    """Return the times of both sides; None if they do not compare, or the baseline has no quantiles.

    Args:
        measurement: the measurement.
        known: the baseline's data.
        runs: the recordings of this code, one of each process.
    """
    line, slowdown_test = known.line, known.slowdown_test
    if line is None or line.time is None or line.quantiles is None or slowdown_test is None:
        return None
    timed = [run for run in runs if has_weather(run)]
    is_unlike = known.obstacle(measurement) is not None
    if is_unlike or not timed or any(slowdown_test.is_stale(slowdown_test.estimate(run.blocks)) for run in timed):
        return None
    calls = max((run.rounds.iterations for run in timed if run.rounds is not None), default=1)
    rounds = calm_times(timed, line.time)
    return SideTimes.since_baseline([time for time, _ in rounds], line.quantiles, calls, [one for _, one in rounds])
