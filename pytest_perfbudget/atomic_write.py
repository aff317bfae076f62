"""Atomic writing of a file: a reader sees the old content or the new content, whatever happens to the writer."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

_STREAMS: Final = ("/dev/stdout", "/dev/stderr", "/dev/fd/")
"""The beginnings of paths that stand for an open file of this process."""


def replace_text(path: Path, text: str) -> None:
    """Replace the content of a file, by way of a temporary file beside it.

    An existing file keeps its permissions. A symbolic link stays a symbolic link, and the file that it points to is
    replaced. The text goes directly into what is no regular file, such as a device or a named pipe: a file in its place
    would reach no reader.

    Raises:
        OSError: the folder cannot be written, or the disk is full. The old file is unchanged then.
    """
    if is_written_directly(path):
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(_mode(path))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def is_written_directly(path: Path) -> bool:
    """Return whether a path stands for an open file of this process, or exists and is neither a file nor a folder."""
    if path.as_posix().startswith(_STREAMS):
        return True  # even if a shell has sent it to a regular file, in which other text may stand
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _mode(path: Path) -> int:
    """Return the permissions of a file, or those of a new file if there is none; mkstemp makes its file private."""
    with contextlib.suppress(OSError):
        return path.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    """Flush a folder to disk, so that the new name survives a crash of the machine; not every system can do this."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
