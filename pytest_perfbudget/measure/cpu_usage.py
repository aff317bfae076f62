"""The number of CPUs that measured code uses: code that uses several CPUs must not be kept on one CPU."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_PROCESSES = Path("/proc")
_OURS: set[int] = set()


def leave_out(pid: int) -> None:
    """Leave a child process out of the count, because the child does not belong to the measured code."""
    _OURS.add(pid)


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


def ended_children_ns() -> int:
    """Return the CPU time of the child processes that have ended, in ns; 0 if the system does not tell."""
    if resource is None:
        return 0
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int(1e9 * (children.ru_utime + children.ru_stime))


def running_children() -> list[int]:
    """Return the ids of the processes that this process and its children have started, and that run; on Linux only."""
    return list(_descendants(os.getpid()))


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


def _descendants(pid: int) -> Iterator[int]:
    with suppress(OSError, ValueError):
        for thread in (_PROCESSES / str(pid) / "task").iterdir():
            for child in map(int, (thread / "children").read_text("ascii").split()):
                if child not in _OURS:
                    yield child
                    yield from _descendants(child)


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of its children that have ended, in s."""
    with suppress(OSError, ValueError, IndexError):
        # The fields follow the name, which is in parentheses and may contain any character: proc_pid_stat(5).
        facts = (_PROCESSES / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return sum(map(int, facts[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0
