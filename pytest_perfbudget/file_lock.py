"""File locks without filelock's log lines, which a project that logs at DEBUG level would show in its sessions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

WAIT: Final = -1.0
"""The time limit of a process that waits for a lock as long as it takes."""


@contextmanager
def file_lock(path: Path, *, timeout_s: float = WAIT, is_removed: bool = False) -> Iterator[None]:
    """Hold the lock of a file within the block.

    Args:
        path: the file; the first process creates it, for all users.
        timeout_s: the time in s to wait for another process.
        is_removed: whether the file is removed at the end of the block. A process that waits for a removed file finds
            that, and locks a new one.

    Raises:
        filelock.Timeout: another process holds the lock.
        OSError: the file cannot be locked.
    """
    from filelock import FileLock  # noqa: PLC0415 - the import takes 50 ms, and few sessions need it

    with held(FileLock(path, timeout=timeout_s, mode=0o666, is_singleton=False)):
        try:
            yield
        finally:
            if is_removed:
                with suppress(OSError):  # Windows removes no open file, and another user's file may stay
                    path.unlink()


@contextmanager
def held(lock: AbstractContextManager[object]) -> Iterator[None]:
    """Hold a lock of filelock within the block."""
    with ExitStack() as undo:
        with _unlogged():
            undo.enter_context(lock)
        try:
            yield
        finally:
            with _unlogged():
                undo.close()


@contextmanager
def _unlogged() -> Iterator[None]:
    """Leave out what filelock logs in this thread; a changed level would stay if two threads' blocks overlap."""
    logger, ours = logging.getLogger("filelock"), threading.get_ident()

    def is_of_another(_: logging.LogRecord) -> bool:
        return threading.get_ident() != ours

    logger.addFilter(is_of_another)
    try:
        yield
    finally:
        logger.removeFilter(is_of_another)
