"""The clock of waiting: who else used the CPUs up to now, as the thread that asks sees it.

A look takes about 5 us, most of them for the file in which Linux tells how long a thread waited for a CPU.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.cpu_usage import ended_children_ns, running_children
from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS
from pytest_perfbudget.tracing.wait_sampling import Look

_wall_ns, _process_ns, _thread_ns = WALL_CPU_THREAD_NS
_clock_ns: Callable[[int], int] | None = getattr(time, "clock_gettime_ns", None) if sys.platform == "linux" else None

_COST: Final = 50
"""The processes are looked up again after this multiple of the time which that took, that is for 2 % of the time."""


class WaitClock:
    """The clock of waiting, with the processes that this process has started.

    A process that starts after `find_processes` and has not ended counts from the next `find_processes` on.
    """

    def __init__(self) -> None:
        self._clocks: Sequence[int] = ()
        self._next_ns = 0

    def find_processes(self) -> None:
        """Look up the processes that run, unless that was done a short time ago."""
        if _clock_ns is None or (begin_ns := _wall_ns()) < self._next_ns:
            return
        # The id of the CPU clock of another process: clock_getcpuclockid(3), posix-timers.h of Linux.
        self._clocks = [(~pid << 3) | 2 for pid in running_children()]
        now_ns = _wall_ns()
        self._next_ns = now_ns + _COST * (now_ns - begin_ns)

    def look(self) -> Look:
        """Return who has used the CPUs up to now."""
        begin_ns = _wall_ns()
        queue_ns = SYSTEM.waited_ns()
        processes_ns = ended_children_ns()
        if _clock_ns is not None:
            for one in self._clocks:
                try:
                    processes_ns += _clock_ns(one)
                except OSError:  # the process has ended
                    continue
        threads_ns = _process_ns() - _thread_ns()
        return begin_ns, _wall_ns(), (threads_ns, processes_ns, queue_ns)
