"""The clock of waiting: who else used the CPUs up to now, as the thread that asks sees it.

A look takes about 5 us, most of them for the file in which Linux tells how long a thread waited for a CPU.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from pytest_perfbudget.cpu_times import ended_children_ns, running_children, waited_ns
from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS
from pytest_perfbudget.tracing.wait_sampling import Look

_wall_ns, _process_ns, _thread_ns = WALL_CPU_THREAD_NS
_IS_LINUX: Final = sys.platform == "linux"
_clock_ns: Callable[[int], int] | None = getattr(time, "clock_gettime_ns", None) if _IS_LINUX else None

_COST: Final = 50
"""The processes are looked up again after this multiple of the time which that took, that is for 2 % of the time."""


class _Processes(NamedTuple):
    """The processes that count.

    Attributes:
        own: the clocks of processes that this process has started, which count as ended children when they have ended.
        others: the clocks of further processes, with the last reading of each.
        base_ns: the CPU time to add, so that a process counts from its discovery on, and stays when it has ended.
    """

    own: frozenset[int] = frozenset()
    others: Mapping[int, int] = {}
    base_ns: int = 0


class WaitClock:
    """The clock of waiting, with the processes that this process has started.

    A process that starts after `find_processes` and has not ended counts from the next `find_processes` on.

    Args:
        family: the id of a process whose other descendants count, too, such as those of a test; None for none.
        left_out_ns: a function that returns the CPU time of threads of this process that do not count.
    """

    def __init__(self, family: int | None = None, left_out_ns: Callable[[], int] = lambda: 0) -> None:
        self._family = family
        self._left_out_ns = left_out_ns
        self._processes = _Processes()
        self._next_ns = 0

    def find_processes(self) -> None:
        """Look up the processes that run, unless that was done a short time ago."""
        if _clock_ns is None or (begin_ns := _wall_ns()) < self._next_ns:
            return
        children = {*running_children()}
        family = set() if self._family is None else {*running_children(self._family)} - children - {os.getpid()}
        own, others, base_ns = self._processes
        new_own = frozenset(map(_clock_of, children))
        new_others = {clock: _read(clock, others.get(clock, 0)) for clock in map(_clock_of, family)}
        base_ns -= sum(_read(clock) for clock in new_own - own)
        base_ns -= sum(reading for clock, reading in new_others.items() if clock not in others)
        base_ns += sum(reading for clock, reading in others.items() if clock not in new_others)
        self._processes = _Processes(new_own, new_others, base_ns)  # at once, as other threads look meanwhile
        now_ns = _wall_ns()
        self._next_ns = now_ns + _COST * (now_ns - begin_ns)

    def look(self) -> Look:
        """Return who has used the CPUs up to now."""
        begin_ns = _wall_ns()
        queue_ns = waited_ns() if _IS_LINUX else 0
        own, others, processes_ns = self._processes
        processes_ns += ended_children_ns()
        for clock in own:
            processes_ns += _read(clock)
        for clock, last_ns in others.items():
            processes_ns += _read(clock, last_ns)
        threads_ns = _process_ns() - _thread_ns() - self._left_out_ns()
        return begin_ns, _wall_ns(), (threads_ns, processes_ns, queue_ns)


def _clock_of(pid: int) -> int:
    """Return the CPU clock of another process: clock_getcpuclockid(3), posix-timers.h of Linux."""
    return (~pid << 3) | 2


def _read(clock: int, last_ns: int = 0) -> int:
    """Return the CPU time of a process; that of the last reading if the process has ended."""
    if _clock_ns is not None:
        with suppress(OSError):
            return _clock_ns(clock)
    return last_ns
