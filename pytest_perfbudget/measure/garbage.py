"""The garbage that tests leave in reference cycles, and the objects that collections need not examine."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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

_FROZEN_BY_OTHERS = 1_000
"""A limit for the frozen objects of Python itself: Python 3.12 starts with a few hundred; an application freezes many
more."""

_CAN_FREEZE = hasattr(gc, "freeze")

_FEW = 2_000
"""The number of objects that a collection between two blocks may examine, which takes 0.2 to 0.4 ms."""


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
        self._witness: list[object] | None = None

    def freeze_left(self) -> None:
        """Freeze the objects that a collection of all garbage has left, so that no further collection examines them.

        For a process of this plugin, between two tests, while no fixture is set up: pytest and its plugins hold
        hundreds of thousands of objects, which would be examined before each run of a test, and when the process ends.
        """
        if _CAN_FREEZE and not self._is_frozen_by_others():
            gc.freeze()
            self._witness = []  # counting the frozen objects would take as long as to examine them

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep what the process holds from the collections of a measurement, which examine what its rounds make.

        Objects that the application has frozen stay frozen, and `gc.unfreeze` does not tell them from others.
        """
        is_little = self._witness is not None and len(gc.get_objects()) <= _FEW
        if is_little or not _CAN_FREEZE or self._is_frozen_by_others():
            yield
            return
        gc.freeze()
        try:
            yield
        finally:
            self._unfreeze()

    def _is_frozen_by_others(self) -> bool:
        """Return whether the application has frozen objects; after `freeze_left`, whether it has done so since."""
        if self._witness is None:
            return gc.get_freeze_count() >= _FROZEN_BY_OTHERS
        return all(one is not self._witness for one in gc.get_objects())

    def _unfreeze(self) -> None:
        gc.unfreeze()
        self._witness = None

    def collect(self) -> None:
        """Collect all garbage if the process has grown since the first call, or if the system does not tell that."""
        peak = None if resource is None else _PEAK_UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if self._first_peak is None:
            self._first_peak = peak
        is_small = peak is not None and self._first_peak is not None and peak - self._first_peak <= _SMALL
        start_ns = self._clock.wall_ns()
        if not is_small and start_ns >= self._next_ns:
            # What `freeze_left` has frozen may be garbage by now. Nothing is frozen again while fixtures are set up.
            if self._witness is not None and not self._is_frozen_by_others():
                self._unfreeze()
            gc.collect()
            end_ns = self._clock.wall_ns()
            self._next_ns = end_ns + _PAUSE * (end_ns - start_ns)


GARBAGE = Garbage()
"""The garbage of this process."""
