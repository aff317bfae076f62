"""Names of spans in limits: a name, or a pattern for names that another library chooses, such as `SELECT *`."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable


def covers(pattern: str, name: str) -> bool:
    """Return whether a limit's name covers the name of a span; `*` stands for any text."""
    if "*" not in pattern:
        return pattern == name
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))


class Coverage:
    """The limits' names that cover the name of a span, looked up once for each name.

    Args:
        patterns: the names in limits.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = tuple(dict.fromkeys(patterns))
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        """Return the limits' names that cover a name."""
        found = self._known.get(name)
        if found is None:
            found = tuple(one for one in self._patterns if covers(one, name))
            if len(self._known) < _MOST_KNOWN:
                self._known[name] = found
        return found


_MOST_KNOWN = 10_000
