"""The clock of the monitor: the time since 1970, which no setting of the machine's clock moves."""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_clock() -> Callable[[], int]:
    """Return a clock that shows the present time now, in ns since 1970, and from now on never goes back or jumps.

    A clock that is set back by an hour would hide an hour of requests from all windows, and clear the alerts. The time
    in which the machine is suspended counts where the system tells (Linux, whose monotonic clock stops meanwhile).
    """
    boot: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if boot is not None:
        read_ns = time.clock_gettime_ns
        offset_ns = time.time_ns() - read_ns(boot)
        return lambda: read_ns(boot) + offset_ns
    monotonic_ns = time.monotonic_ns
    offset_ns = time.time_ns() - monotonic_ns()
    return lambda: monotonic_ns() + offset_ns
