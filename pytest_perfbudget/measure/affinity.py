"""Keeps this process on one CPU for a while, where the system can."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

_THREADS = "/proc/self/task"


def pin(cpu: int) -> Callable[[], None]:
    """Let all threads of this process run on one CPU only, and return what lets them go again.

    Threads that are begun meanwhile stay on it with the one that began them. Without Linux it does nothing.
    """
    before: dict[int, set[int]] = {}
    with suppress(OSError, AttributeError):
        for thread in map(int, os.listdir(_THREADS)):  # noqa: PTH208 - names only
            with suppress(OSError):  # it has ended
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


def cpus() -> list[int]:
    """Return the CPUs that this process may use; empty where the system does not tell."""
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:
        return []
