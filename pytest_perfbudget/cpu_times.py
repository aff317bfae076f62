"""CPU times that the operating system tells: of waiting for a CPU, and of the processes that this process has started.

Child processes of a test import this module with `tracing`, so it imports next to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_SCHEDSTAT = "/proc/thread-self/schedstat"
_PROCESSES: Final = Path("/proc")
_OURS: Final[set[int]] = set()
_open, _read, _close = os.open, os.read, os.close
_process_ns, _thread_ns = WALL_CPU_THREAD_NS[1:]


def waited_ns() -> int:
    """Return how long (ns) this thread has been runnable but waiting for a CPU that another process held.

    On one CPU a thread also waits for the other threads of its own process. Their work is part of the measured code, so
    their CPU time is subtracted. If they run beside this thread, on other CPUs, more is subtracted than this thread
    waited, and the difference between two readings is below 0.

    Linux counts the waiting time from the start of the thread (proc_pid_schedstat(5)). Elsewhere, and in sandboxes that
    do not count it, the result is 0. The file is opened each time, which takes 10 us, because a test may have closed
    files that it does not know, or may have forked.
    """
    try:
        file = _open(_SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(_read(file, 128).split()[1]) - (_process_ns() - _thread_ns())
        finally:
            _close(file)
    except (OSError, ValueError, IndexError):
        return 0


def ended_children_ns() -> int:
    """Return the CPU time of the child processes that have ended, in ns; 0 if the system does not tell."""
    if resource is None:
        return 0
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int(1e9 * (children.ru_utime + children.ru_stime))


def leave_out(pid: int) -> None:
    """Leave a child process out of the count, because the child does not belong to the measured code."""
    _OURS.add(pid)


def running_children(pid: int | None = None) -> list[int]:
    """Return the ids of the processes that a process and its children have started, and that run; on Linux only.

    Args:
        pid: the id of the process; None for this process.
    """
    return list(_descendants(os.getpid() if pid is None else pid))


def _descendants(pid: int) -> Iterator[int]:
    with suppress(OSError, ValueError):
        for thread in (_PROCESSES / str(pid) / "task").iterdir():
            for child in map(int, (thread / "children").read_text("ascii").split()):
                if child not in _OURS:
                    yield child
                    yield from _descendants(child)
