"""The choice of one CPU for code whose threads take turns.

The scheduler wakes a thread on the CPU of the thread that hands over to it, or on another CPU, and keeps to its choice
for seconds or for as long as the process lives. On a virtual machine with 2 CPUs a handover between threads takes 8 us
on one CPU and 70 us between two. No canary feels this difference, and a process measures the luck of its threads. On
one CPU all processes have the same handover. Threads that work at the same time need their CPUs, and keep them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pytest_perfbudget.measure.affinity import cpus, current_cpu, pin
from pytest_perfbudget.measure.cpu_usage import Used, cpus_within

PARALLEL: Final = 1.2
"""The number of CPUs in use above which code is not kept on one CPU. A server in a thread and its client use 1.1."""

_OTHERS: Final = 0.05
"""The share of the process's CPU time that other threads take, from which threads hand over to each other. Threads that
only look after the process, such as a monitor of timeouts, take less."""


def has_threads() -> bool:
    """Return whether this process has threads of Python besides this one."""
    return threading.active_count() > 1


def take_turns(spans: Sequence[tuple[Used, Used]]) -> bool:
    """Return whether several threads of the process have worked in turn, so that one CPU is enough for them.

    Args:
        spans: for each span, the time used up to its beginning and up to its end.
    """
    own_ns = sum(after.own_ns - before.own_ns for before, after in spans)
    thread_ns = sum(after.thread_ns - before.thread_ns for before, after in spans)
    return own_ns > 0 and own_ns - thread_ns >= _OTHERS * own_ns and cpus_within(spans) <= PARALLEL


@contextmanager
def on_one_cpu() -> Iterator[None]:
    """Keep all threads of this process on the CPU on which this thread runs, where the system supports it."""
    usable = cpus()
    cpu = current_cpu()
    release = pin(cpu if cpu in usable else usable[0]) if usable else _nothing
    try:
        yield
    finally:
        release()


def _nothing() -> None:
    """Do nothing, where there is nothing to undo."""
