"""The threads of this process that run while other processes measure, such as a thread that an earlier test has left.

They make times longer: here by taking the CPU, and in each process that has run the same tests by holding the
interpreter. Known on Linux only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.real_clocks import WALL_CPU_THREAD_NS

_BUSY: Final = 0.1
"""The share of a CPU from which a thread counts: a thread that waits, or asks ten times a second, uses far less."""

_LEAST_NS: Final = 200_000_000
"""The time from which the share is known: the CPU times come with the ticks of the system."""


class BusyThreads:
    """The busy threads of a session, each with the test in which it was seen first.

    Args:
        wall_ns: the clock.
        cpu_ns: a function that returns the CPU time in ns of a thread, by its native id; None if that is not known.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = WALL_CPU_THREAD_NS[0], cpu_ns: Callable[[int], int | None] | None = None
    ) -> None:
        self._wall_ns = wall_ns
        self._cpu_ns = cpu_ns or _of_thread
        self._seen_in: dict[tuple[int, str], str] = {}

    def note(self, nodeid: str) -> None:
        """Note the threads that have begun in a test, and forget those that have ended."""
        self._seen_in = {thread: self._seen_in.get(thread, nodeid) for thread in _others()}

    @contextmanager
    def watched(self, nodeid: str) -> Iterator[dict[str, str]]:
        """Find the busy threads while this thread waits within the block.

        Args:
            nodeid: the test that has run.

        Yields:
            their names, each with its test; filled at the end of the block.
        """
        found: dict[str, str] = {}
        self.note(nodeid)
        before, began_ns = self._readings(), self._wall_ns()
        try:
            yield found
        finally:
            elapsed_ns = self._wall_ns() - began_ns
            if elapsed_ns >= _LEAST_NS:
                after = self._readings()
                busy = [one for one in before if after.get(one, 0) - before[one] >= _BUSY * elapsed_ns]
                found.update((one[1], self._seen_in.get(one, nodeid)) for one in busy)

    def _readings(self) -> dict[tuple[int, str], int]:
        """Return the CPU times of the other threads in ns, by their native ids and names."""
        found = {thread: self._cpu_ns(thread[0]) for thread in _others()}
        return {thread: cpu_ns for thread, cpu_ns in found.items() if cpu_ns is not None}


def _others() -> list[tuple[int, str]]:
    """Return the native ids and the names of the other threads; a thread may be of a class with other ideas of both."""
    own = threading.get_native_id()
    found = []
    with suppress(Exception):
        for one in threading.enumerate():
            with suppress(Exception):
                if one.native_id is not None and one.native_id != own:
                    found.append((int(one.native_id), str(one.name)))
    return found


def _of_thread(native_id: int) -> int | None:
    """Return the CPU time of a thread of this process, in ns; None if the system does not tell."""
    with suppress(Exception):  # a test may have patched any function
        return int(Path(f"/proc/self/task/{native_id}/schedstat").read_text("ascii").split()[0])
    return None
