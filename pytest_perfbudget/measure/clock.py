"""The clocks that rounds are read from, and what a reading costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_READINGS = 501
_CPU_READINGS = 51


@dataclass(frozen=True)
class Clock:
    """Two monotonic clocks in ns: wall-clock time, and CPU time of the whole process."""

    wall_ns: Callable[[], int]
    cpu_ns: Callable[[], int]


SYSTEM: Final = Clock(time.perf_counter_ns, time.process_time_ns)


@lru_cache(maxsize=8)
def overhead_ns(clock: Clock) -> float:
    """Return the median time between two wall-clock readings with nothing between them, in ns.

    It is what a round costs beyond its call. Measured once per process and clock.
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
    """Return the smallest step the CPU clock is seen to take, in ns.

    On Linux that is the cost of reading it; on Windows its tick, 15.6 ms, which no documented
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
