"""A lock that keeps the other xdist workers idle while a perf test runs.

Ordinary tests share the lock; a perf test holds it alone. The lock is a lock of SQLite (through filelock). It belongs
to the process and not to a file, so a killed worker leaves no lock behind. A waiting writer holds off new readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_perfbudget.file_lock import held

if TYPE_CHECKING:
    from filelock import ReadWriteLock


class ExclusiveLock:
    """The lock of one session; without a folder (no xdist) it does nothing."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock: ReadWriteLock | None = None

    @property
    def is_needed(self) -> bool:
        """Whether other xdist workers may run tests at the same time."""
        return bool(self._folder)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock for an ordinary test, which may run beside other ordinary tests but not beside a perf test."""
        if not self._folder:
            yield
        else:
            with held(self._lock_in(self._folder).read_lock()):
                yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock for a perf test, while no test runs on any other worker."""
        if not self._folder:
            yield
        else:
            with held(self._lock_in(self._folder).write_lock()):
                yield

    def _lock_in(self, folder: str) -> ReadWriteLock:
        if self._lock is None:
            from filelock import ReadWriteLock  # noqa: PLC0415 - the import takes 50 ms, and only xdist workers need it

            self._lock = ReadWriteLock(Path(folder, "alone.db"), is_singleton=False)
        return self._lock
