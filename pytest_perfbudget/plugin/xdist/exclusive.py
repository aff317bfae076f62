"""Keeps the other xdist workers idle while a perf test runs.

Ordinary tests share a lock, a perf test holds it alone. The lock is SQLite's (through filelock): it
stays with the process and not in a file, so a killed worker leaves none behind, and a waiting
writer holds off new readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from filelock import ReadWriteLock

LOCK_INPUT: Final = "perfbudget_lock"
"""The name under which the controller tells its workers the lock's folder."""


class ExclusiveLock:
    """The lock of one session; without a folder (no xdist) it does nothing."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._lock: ReadWriteLock | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there are other workers."""
        return self._folder is not None

    @contextmanager
    def among_others(self) -> Iterator[None]:
        """Run an ordinary test: beside others, but not beside a perf test."""
        if self._folder is None:
            yield
        else:
            with self._shared(self._folder).read_lock():
                yield

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """Run a perf test: nothing else runs on any worker."""
        if self._folder is None:
            yield
        else:
            with self._shared(self._folder).write_lock():
                yield

    def _shared(self, folder: str) -> ReadWriteLock:
        if self._lock is None:
            from filelock import ReadWriteLock  # noqa: PLC0415 - 50 ms that only xdist workers need

            self._lock = ReadWriteLock(Path(folder, "alone.db"), is_singleton=False)
        return self._lock
