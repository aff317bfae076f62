"""The garbage that earlier tests left in reference cycles, which Python would collect late."""

from __future__ import annotations

import gc
import sys

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

_SMALL = 32 << 20
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""The growth of the process's peak memory up to which garbage does not matter, and the unit of the peak, in bytes."""


class Garbage:
    """The garbage of a process, which is collected before each measurement if tests have let the process grow.

    The objects that `isolation.quiet` has frozen are old afterwards, and Python seldom collects old objects: the data
    of tests would pile up. A collection takes 15 ms, because pytest holds so many objects, so a process that has stayed
    small is spared. Memory that is free again is used again, so whether garbage is left cannot be seen later.
    """

    def __init__(self) -> None:
        self._first_peak: int | None = None

    def collect(self) -> None:
        """Collect all garbage if the process has grown since the first call, or if the system does not tell that."""
        peak = None if resource is None else _PEAK_UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if self._first_peak is None:
            self._first_peak = peak
        if peak is None or self._first_peak is None or peak - self._first_peak > _SMALL:
            gc.collect()


GARBAGE = Garbage()
"""The garbage of this process."""
