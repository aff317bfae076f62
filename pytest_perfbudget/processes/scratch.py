"""Temporary folders that the next session removes if their own session was killed."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

if sys.platform != "win32":
    import fcntl

PREFIX: Final = "perfbudget-run-"
CHECKOUT_PREFIX: Final = "perfbudget-base-"
"""The beginning of the name of a folder with a checkout of another commit; see `checkout.worktree`."""
_NEW_S: Final = 60.0
"""The age in s below which a folder may not have its lock yet."""
_LOCK: Final = "in-use"


class Scratch:
    """A temporary folder, locked as long as this process lives; `close` removes the folder.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self) -> None:
        _sweep(tempfile.gettempdir())
        self._folder = TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        self.name = self._folder.name
        self._lock: Any = None
        if sys.platform != "win32":
            made = Path(self.name, f"{_LOCK}-soon")
            self._lock = made.open("w", encoding="utf-8")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            made.rename(Path(self.name, _LOCK))  # another session sees the file only when it is locked

    def close(self) -> None:
        """Remove the folder."""
        if self._lock is not None:
            self._lock.close()
        self._folder.cleanup()


@cache
def _sweep(folder: str) -> None:
    """Remove the folders of sessions that were killed, once in a process."""
    if sys.platform == "win32":
        return
    checkouts = (one for one in Path(folder).glob(f"{CHECKOUT_PREFIX}*") if _is_old(one))
    for one in (*Path(folder).glob(f"{PREFIX}*"), *checkouts):
        with suppress(OSError):  # in use, or of another user
            with Path(one, _LOCK).open("r+", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(one, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > _NEW_S
    return False
