"""CPU affinity: this process is kept on one CPU for a while, where the system supports it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_THREADS = "/proc/self/task"


def pin(cpu: int) -> Callable[[], None]:
    """Restrict all threads of this process to one CPU, and return a function that lifts the restriction.

    Threads that are started meanwhile stay on the CPU of the thread that started them. Only Linux supports this;
    elsewhere both functions do nothing.
    """
    before: dict[int, set[int]] = {}
    with suppress(OSError, AttributeError):
        for thread in map(int, os.listdir(_THREADS)):  # noqa: PTH208 - names only
            with suppress(OSError):  # the thread has ended
                allowed = os.sched_getaffinity(thread)
                os.sched_setaffinity(thread, {cpu})
                before[thread] = allowed

    def release() -> None:
        usual = next(iter(before.values()), None)
        if usual is None:
            return
        with suppress(OSError):
            for thread in map(int, os.listdir(_THREADS)):  # noqa: PTH208
                with suppress(OSError):
                    os.sched_setaffinity(thread, before.get(thread, usual))

    return release


def current_cpu() -> int | None:
    """Return the CPU on which this thread ran last; None where the system does not tell it."""
    with suppress(OSError, ValueError, IndexError):
        # The fields follow the name, which is in parentheses and may contain any character: proc_pid_stat(5).
        facts = Path("/proc/thread-self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return int(facts[36])
    return None


def cpus() -> list[int]:
    """Return the CPUs that this process may use; empty where the system does not tell them."""
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:
        return []
