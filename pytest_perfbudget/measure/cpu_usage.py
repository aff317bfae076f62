"""The number of CPUs that measured code uses: code that uses several CPUs must not be kept on one CPU."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from pytest_perfbudget.cpu_times import ended_children_ns, running_children
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS

_PROCESSES: Final = Path("/proc")


class Used(NamedTuple):
    """The time used up to now, in ns: wall-clock time, and CPU time of this process, its children and this thread."""

    wall_ns: int
    own_ns: int
    children_ns: int
    thread_ns: int = 0


def used(clock: Clock) -> Used:
    """Return the time used up to now. Children that still run are counted on Linux only."""
    running_ns = int(1e9 * sum(_cpu_s(pid) for pid in running_children()))
    return Used(clock.wall_ns(), clock.cpu_ns(), ended_children_ns() + running_ns, WALL_CPU_THREAD_NS[2]())


def cpus_within(spans: Iterable[tuple[Used, Used]]) -> float:
    """Return the average number of CPUs in use by this process and the processes that it started.

    Args:
        spans: for each span, the time used up to its beginning and up to its end.
    """
    wall_ns = cpu_ns = 0
    for before, after in spans:
        wall_ns += after.wall_ns - before.wall_ns
        cpu_ns += after.own_ns - before.own_ns + after.children_ns - before.children_ns
    return cpu_ns / max(wall_ns, 1)


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of its children that have ended, in s."""
    with suppress(OSError, ValueError, IndexError):
        # The fields follow the name, which is in parentheses and may contain any character: proc_pid_stat(5).
        facts = (_PROCESSES / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return sum(map(int, facts[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0
