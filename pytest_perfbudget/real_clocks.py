"""The clocks of the system, taken while pytest loads its plugins, because a conftest file may freeze time.

A tuple, because freezegun replaces the functions that are attributes of modules. Every pytest session imports this
module, so it imports next to nothing.
"""

from __future__ import annotations

import time
from types import BuiltinFunctionType
from typing import Final

WALL_CPU_THREAD_NS: Final = (time.perf_counter_ns, time.process_time_ns, time.thread_time_ns)
"""The clocks of wall-clock time, of the CPU time of the process, and of the CPU time of the thread; readings in ns."""


def is_replaced() -> bool:
    """Return whether a clock had been replaced before this module was imported."""
    return not all(isinstance(clock, BuiltinFunctionType) for clock in WALL_CPU_THREAD_NS)
