"""The clocks that time rounds, and the cost of reading them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pytest_perfbudget.cpu_times import waited_ns
from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS

_LONG_READING_NS: Final = 100_000
"""The time from which a reading of the waiting time, which takes 10 us, must have waited for a CPU itself."""

_READINGS = 501
_CPU_READINGS = 51


def never_waited() -> int:
    """Return 0, for a thread that always has a CPU or a system that does not tell the waiting time."""
    return 0


def waited_within(waited_ns: int, before_ns: int, after_ns: int) -> int:
    """Return how long a round waited for a CPU, without what the readings around the round waited.

    Args:
        waited_ns: the waiting time from the reading before the round to the reading after the round.
        before_ns: the time from the beginning of the reading before the round to the round.
        after_ns: the time from the round to the end of the reading after the round.
    """
    return waited_ns - sum(one for one in (before_ns, after_ns) if one > _LONG_READING_NS)


@dataclass(frozen=True)
class Clock:
    """The monotonic clocks, in ns: wall-clock time, CPU time of the whole process, and time spent waiting for a CPU."""

    wall_ns: Callable[[], int]
    cpu_ns: Callable[[], int]
    waited_ns: Callable[[], int] = never_waited


SYSTEM: Final = Clock(*WALL_CPU_THREAD_NS[:2], waited_ns if sys.platform == "linux" else never_waited)


@lru_cache(maxsize=8)
def overhead_ns(clock: Clock) -> float:
    """Return the median time between two wall-clock readings with nothing between them, in ns.

    This time is the cost of a round beyond its call. It is measured once per process and clock.
    """
    read = clock.wall_ns
    costs = []
    for _ in range(_READINGS):
        start = read()
        end = read()
        costs.append(end - start)
    return float(statistics.median(costs))


@lru_cache(maxsize=8)
def cpu_overhead_ns(clock: Clock) -> float:
    """Return the smallest observed step of the CPU clock, in ns.

    On Linux this step is the cost of reading the clock; on Windows it is the clock's tick, 15.6 ms, which no documented
    resolution admits.
    """
    read = clock.cpu_ns
    steps = []
    for _ in range(_CPU_READINGS):
        start = read()
        while (end := read()) == start:
            pass
        steps.append(end - start)
        if steps[-1] > 1_000_000:
            break
    return float(min(steps))
