"""A file before and after a change: its diff, and the writing of the change."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.errors import InitError

_WRITABLE: Final = 0o222


@dataclass(frozen=True, slots=True)
class FileChange:
    """A change of a file.

    Attributes:
        path: the file.
        before: its content; None if there is no such file.
        after: the content that it shall have.
        replaces: the reason why somebody has to agree to the change, such as "has a table already"; empty if the change
            only adds to the file.
    """

    path: Path
    before: str | None
    after: str
    replaces: str = ""

    @property
    def is_needed(self) -> bool:
        """Whether the file does not have the content yet."""
        return self.before != self.after

    def diff(self, top: Path) -> str:
        """Return the unified diff, with paths from `top` on, and with plain line ends."""
        name = self.path.relative_to(top).as_posix()
        lines = difflib.unified_diff(
            (self.before or "").splitlines(),
            self.after.splitlines(),
            "/dev/null" if self.before is None else f"a/{name}",
            f"b/{name}",
            lineterm="",
        )
        return "".join(f"{line}\n" for line in lines)

    def write(self) -> None:
        """Write the file.

        Raises:
            InitError: the file or its folder cannot be written.
        """
        try:
            replace_text(self.path, self.after)
        except OSError as error:
            message = f"{self.path} cannot be written: {error.strerror}"
            raise InitError(message) from None


def check_writable(path: Path) -> None:
    """Check that a file can be written, or made with its folders, before somebody reads what would be written.

    Raises:
        InitError: the file or the folder is read-only.
    """
    try:
        _check_writable(path)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise InitError(message) from None


def _check_writable(path: Path) -> None:
    folder = next(one for one in path.parents if one.exists())
    # A file is replaced by a new file, so both have to allow it. The superuser may write all, and is stopped as well.
    for one in (folder, *([path] if path.exists() else [])):
        if not (one.stat().st_mode & _WRITABLE and os.access(one, os.W_OK)):
            message = f"{one} is read-only: make it writable, then run the command again"
            raise InitError(message)


def read(path: Path) -> str | None:
    """Return the content of a file with its line ends; None if there is no such file.

    Raises:
        InitError: the file cannot be read, or is not in UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        file = next(one for one in path.parents if one.is_file())
        message = f"{path} needs a folder where {file} is a file: move the file, then run the command again"
        raise InitError(message) from None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise InitError(message) from None
    except UnicodeDecodeError:
        message = f"{path} is not in UTF-8, so nothing was changed: save it as UTF-8"
        raise InitError(message) from None
