"""The CPU time of a process within a load."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.load.cpu_times import CpuTimes

S = 1_000_000_000
MS = 1_000_000

TIMES = CpuTimes([10 * S, 18 * S, 20 * S, 22 * S], [5.0, 5.0, 7.0, 7.5])
"""A process that was idle for 8 seconds, then busy, then used a quarter of a CPU."""


@pytest.mark.parametrize(
    ("from_s", "to_s", "per_cent"),
    [
        (18, 20, 100),  # the load alone, without what came before and after
        (10, 18, 0),
        (10, 20, 20),
        (19, 21, 62.5),  # readings in between
        (18.5, 19, 100),
        (0, 99, 100 * 2.5 / 12),  # not before the first reading or after the last
        (20, 20, 100 * 2.5 / 12),  # no time at all
    ],
)
def test_the_cpu_time_between_two_times_counts(from_s: float, to_s: float, per_cent: float) -> None:
    assert TIMES.per_cent(round(from_s * S), round(to_s * S)) == pytest.approx(per_cent)


def test_a_single_reading_tells_nothing() -> None:
    assert CpuTimes([S], [3.0]).per_cent(S, 2 * S) == 0


@pytest.mark.parametrize(("ended_ms", "per_cent"), [(1, 100), (300, 100), (600, 100)])
def test_a_reading_that_waited_for_the_clock_does_not_delay_the_cpu_time(ended_ms: int, per_cent: float) -> None:
    """A process is busy from the begin on; the CPU time is read after 0 ms, and the thread goes on only later."""
    times = CpuTimes()
    times.add(0, 0, 0.0)
    times.add(0, ended_ms * MS, 0.0)
    times.add(1_000 * MS, 1_000 * MS, 1.0, is_last=True)
    assert times.per_cent(0, 500 * MS) == pytest.approx(per_cent, rel=0.01)


def test_the_last_reading_counts_however_long_it_took() -> None:
    times = CpuTimes()
    times.add(0, 0, 0.0)
    times.add(900 * MS, 1_100 * MS, 1.0, is_last=True)
    assert times.per_cent(0, 1_000 * MS) == 100
