"""Names and texts from outside, made fit for a single line of output."""

from __future__ import annotations


def printable(name: str, *, unicode: bool) -> str:
    """Return a name for a single line; line breaks and characters that the output cannot show are escaped."""
    if not name.isprintable():
        name = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return name if unicode else name.encode("ascii", "backslashreplace").decode()
