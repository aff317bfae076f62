"""The storage of the baseline: the file is read whole, changed under a lock, and written whole."""

from __future__ import annotations

import errno
import gc
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.baseline.reader import parse
from pytest_perfbudget.baseline.schema import Baseline, render
from pytest_perfbudget.errors import BaselineError
from pytest_perfbudget.file_lock import file_lock

LARGEST: Final = 200_000_000
"""The largest size of a file: a larger file was not written by this package, and reading it could take the machine's
memory."""

_LOCK_S = 60

Beside = Callable[[Baseline], None]
"""A function that is given the new baseline and writes a file beside it; it raises an OSError if it cannot write."""


def read(path: Path) -> Baseline | None:
    """Return the baseline; None if there is no file.

    Raises:
        BaselineError: the file cannot be read, or violates the schema.
    """
    try:
        if path.stat().st_size > LARGEST:
            message = f"{path.name}: is larger than {LARGEST // 1_000_000} MB, that is no baseline: restore it from git"
            raise BaselineError(message)
        content = path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            message = f"{path.name}: is a link to {path.readlink()}, which is not there: mend or remove it"
            raise BaselineError(message) from None
        return None
    except OSError as error:
        message = f"{path.name}: cannot be read: {error.strerror}"
        raise BaselineError(message) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path.name}: is no UTF-8 text (byte {error.start}): restore it from git"
        raise BaselineError(message) from error
    # Everything that is read is kept, so repeated garbage collection is useless and takes a sixth of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return parse(text, path.name)
    finally:
        if collects:
            gc.enable()


def change(path: Path, edit: Callable[[Baseline], Baseline], beside: Beside) -> None:
    """Replace the baseline by the result of `edit`; nothing that another process adds is lost.

    Args:
        path: the file of the baseline.
        edit: a function that is given the present baseline and returns the new baseline.
        beside: a function that writes the file beside the baseline, before the baseline is written and under the same
            lock.

    Raises:
        BaselineError: the file cannot be read or written. The baseline is unchanged then.
    """
    with _locked(path):
        before = read(path) or Baseline()
        after = edit(before)
        try:
            beside(after)
            text = render(after)
            if text != render(before):
                _check_writable(path)
                replace_text(path, text)
        except UnicodeEncodeError as error:  # a name that contains half of a surrogate pair
            message = (
                f"{path.name}: cannot hold {error.object[max(error.start - 20, 0) : error.end]!a}: rename the test"
            )
            raise BaselineError(message) from None
        except OSError as error:
            message = f"{path.name}: cannot be written: {error.strerror}: the baseline is unchanged"
            raise BaselineError(message) from error


def _check_writable(path: Path) -> None:
    """Refuse to replace a file that its owner has made read-only: replacing needs the folder's permission only."""
    if path.exists() and not path.stat().st_mode & stat.S_IWUSR:
        raise PermissionError(errno.EACCES, "it is read-only", str(path))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import Timeout  # noqa: PLC0415 - 50 ms, only to write

    # The lock file is not beside the baseline: a killed process leaves the file, which would stand in the way of git.
    name = hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:16]
    with ExitStack() as undo:
        try:
            file = Path(tempfile.gettempdir(), f"perfbudget-{name}.lock")
            undo.enter_context(file_lock(file, timeout_s=_LOCK_S, is_removed=True))
        except Timeout:
            message = f"{path.name}: another process has been updating it for {_LOCK_S} s: try again when it has ended"
            raise BaselineError(message) from None
        except OSError as error:
            message = f"{path.name}: cannot be locked: {error}: the baseline is unchanged"
            raise BaselineError(message) from error
        yield
