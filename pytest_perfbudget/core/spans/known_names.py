"""The names of spans that exist, as far as a session knows: a limit on another name may be misspelt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_perfbudget.core.spans.names import covers

_MOST_NAMES: Final = 10_000


class KnownNames:
    """The names: those that the process gives to `track`, and those of spans that were recorded."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def note(self, names: Iterable[str]) -> None:
        """Note names of spans."""
        if len(self._names) < _MOST_NAMES:
            self._names.update(names)

    @property
    def names(self) -> list[str]:
        """The names in order, for another process."""
        return sorted(self._names)

    def has(self, name: str) -> bool:
        """Return whether a span of a name exists, or of a name that a pattern covers."""
        return any(covers(name, one) for one in self._names)
