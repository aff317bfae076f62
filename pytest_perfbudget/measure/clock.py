"""The clocks that rounds are read from, and what a reading costs."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_READINGS = 501
_CPU_READINGS = 51


_SCHEDSTAT = "/proc/thread-self/schedstat"
_open, _read, _close = os.open, os.read, os.close
_process_ns, _thread_ns = time.process_time_ns, time.thread_time_ns


def never_waited() -> int:
    """Return 0: a thread that always has a CPU, or a system that does not tell."""
    return 0


def waited_ns() -> int:
    """Return how long this thread was ready to run and had no CPU, in ns, since it was started, for others' sake.

    On one CPU it also waits for the other threads of its own process. What these run is part of the code, and comes
    off; if they run beside it, more comes off than it waited, and the difference of two readings is below 0.

    Linux counts it (proc_pid_schedstat(5)); elsewhere, and in sandboxes that do not, it is 0. The file is
    opened each time, 10 us: a test may have closed what it does not know, or have forked.
    """
    try:
        file = _open(_SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(_read(file, 128).split()[1]) - (_process_ns() - _thread_ns())
        finally:
            _close(file)
    except (OSError, ValueError, IndexError):
        return 0


@dataclass(frozen=True)
class Clock:
    """Monotonic clocks in ns: wall-clock time, CPU time of the whole process, and time without a CPU."""

    wall_ns: Callable[[], int]
    cpu_ns: Callable[[], int]
    waited_ns: Callable[[], int] = never_waited


SYSTEM: Final = Clock(
    time.perf_counter_ns, time.process_time_ns, waited_ns if sys.platform == "linux" else never_waited
)


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
