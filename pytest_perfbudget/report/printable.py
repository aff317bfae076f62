"""Names and texts from outside, made fit for a single line of output."""

from __future__ import annotations

import re
from typing import Final

_COMMAND: Final = re.compile(r"^((?:\033\[[0-9;]*m|[^\S\n])*):(?=:)|##(?=\[)", re.MULTILINE)
"""The beginning of a line, or the part of a line, that the log of GitHub takes for a command of the workflow."""


def printable(name: str, *, unicode: bool) -> str:
    """Return a name for a single line; line breaks and characters that the output cannot show are escaped."""
    if not name.isprintable():
        name = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return name if unicode else name.encode("ascii", "backslashreplace").decode()


def without_commands(text: str) -> str:
    """Return lines for a log of CI, in which nothing that a report says is a command, such as `::error::`."""
    return _COMMAND.sub(lambda found: "#\\x23" if found[1] is None else f"{found[1]}\\x3a", text)
