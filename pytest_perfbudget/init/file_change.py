"""A file before and after a change: its diff, and the writing of the change."""

from __future__ import annotations

import difflib
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
            # The file is replaced by a new file, which a folder may allow although the file is read-only.
            if self.before is not None and not self.path.stat().st_mode & _WRITABLE:
                message = f"{self.path} is read-only: make it writable, then run the command again"
                raise InitError(message)
            replace_text(self.path, self.after)
        except OSError as error:
            message = f"{self.path} cannot be written: {error.strerror}"
            raise InitError(message) from None


def read(path: Path) -> str | None:
    """Return the content of a file with its line ends; None if there is no such file.

    Raises:
        InitError: the file cannot be read, or is not in UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise InitError(message) from None
    except UnicodeDecodeError:
        message = f"{path} is not in UTF-8, so nothing was changed: save it as UTF-8"
        raise InitError(message) from None
