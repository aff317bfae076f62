"""The use of the measuring thread: its CPU time, and what it waited for, as far as the system tells.

The CPU time of the thread and that of the process are known everywhere. Linux also tells how long the thread waited for
a CPU; elsewhere this time is part of the rest.
"""

from __future__ import annotations

from typing import NamedTuple

from pytest_perfbudget.core.spans.batches import ThreadUse
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS


class ThreadReading(NamedTuple):
    """The times up to now, in ns: wall-clock, CPU of the thread, CPU of the process, and waiting for a CPU."""

    wall_ns: int
    thread_ns: int
    process_ns: int
    waited_ns: int


def read_thread(clock: Clock) -> ThreadReading:
    """Return the times of this thread up to now."""
    return ThreadReading(clock.wall_ns(), WALL_CPU_THREAD_NS[2](), clock.cpu_ns(), clock.waited_ns())


def use_between(before: ThreadReading, after: ThreadReading, executions: int) -> ThreadUse:
    """Return the use between two readings, in the mean of some executions."""
    wall, own, process, waited = (late - early for early, late in zip(before, after, strict=True))
    waiting = max(wall - own, 0)
    queue = min(max(waited, 0), waiting)
    others = min(max(process - own, 0), waiting - queue)
    number = max(executions, 1)
    return ThreadUse(own / number, queue / number, others / number, (waiting - queue - others) / number)
