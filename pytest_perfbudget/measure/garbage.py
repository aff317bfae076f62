"""The garbage that earlier tests left in reference cycles, which Python would collect late."""

from __future__ import annotations

import gc
import sys

from pytest_perfbudget.measure.clock import SYSTEM, Clock

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

_PAUSE = 20
"""The time between two collections, as a multiple of the time that the last one took."""

_SMALL = 32 << 20
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""The growth of the process's peak memory up to which garbage does not matter, and the unit of the peak, in bytes."""


class Garbage:
    """The garbage of a process, which is collected before each measurement if tests have let the process grow.

    The objects that `isolation.quiet` has frozen are old afterwards, and Python seldom collects old objects: the data
    of tests would pile up. A collection takes 15 ms and more, because pytest holds so many objects: a process that has
    stayed small is spared, and in others collections take a small part of the time. Memory that is free again is used
    again, so whether garbage is left cannot be seen later.
    """

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._first_peak: int | None = None
        self._next_ns = clock.wall_ns()

    def collect(self) -> None:
        """Collect all garbage if the process has grown since the first call, or if the system does not tell that."""
        peak = None if resource is None else _PEAK_UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if self._first_peak is None:
            self._first_peak = peak
        is_small = peak is not None and self._first_peak is not None and peak - self._first_peak <= _SMALL
        start_ns = self._clock.wall_ns()
        if not is_small and start_ns >= self._next_ns:
            gc.collect()
            end_ns = self._clock.wall_ns()
            self._next_ns = end_ns + _PAUSE * (end_ns - start_ns)


GARBAGE = Garbage()
"""The garbage of this process."""
