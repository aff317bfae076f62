"""The errors of a load, grouped: the same error of a thousand requests is one entry with its count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

MOST_GROUPS: Final = 50
"""The number of groups that are kept; further errors are counted in the group `OTHER`."""

OTHER: Final = "other errors"

_VARYING: Final = re.compile(r"0x[0-9a-fA-F]{6,}|\d{4,}")
"""Addresses and long numbers, such as ports and identifiers, which differ between the messages of one error."""


def without_varying(message: str) -> str:
    """Return the first line of a message without its varying parts, so that the messages of one error are the same."""
    return _VARYING.sub(
        "*", message.partition("\n")[0]
    )  # pytest shows the values of a failed assertion in further lines


@dataclass
class ErrorGroup:
    """Errors with the same type and message.

    Attributes:
        kind: the name of the exception's class.
        message: the message of the first error.
        first_ns: the time of the first error, in ns from the beginning of the load.
        last_ns: the time of the last error.
        traceback: of the first error.
        count: the number of errors.
    """

    kind: str
    message: str
    first_ns: int
    last_ns: int
    traceback: str = ""
    count: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the group as builtins."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ErrorGroup:
        """Rebuild a group from the result of `to_dict`."""
        return cls(**data)


class ErrorGroups:
    """All errors of a load, by type and message."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], ErrorGroup] = {}

    def __iter__(self) -> Iterator[ErrorGroup]:
        """Yield the groups, the largest first."""
        return iter(sorted(self._groups.values(), key=lambda one: (-one.count, one.first_ns)))

    @property
    def count(self) -> int:
        """The number of errors."""
        return sum(one.count for one in list(self._groups.values()))  # a copy: another thread may add a group

    def add(self, kind: str, message: str, at_ns: int) -> ErrorGroup | None:
        """Count an error.

        Args:
            kind: the name of the exception's class.
            message: its message.
            at_ns: the time of the error, in ns from the beginning of the load.

        Returns:
            The group if the error is its first, so that the caller adds the traceback; else None.
        """
        key = (kind, without_varying(message))
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = (OTHER, "")
        group = self._groups.get(key)
        if group is None:
            made = self._groups[key] = ErrorGroup(*((kind, message) if key[0] != OTHER else key), at_ns, at_ns)
            return made
        group.count += 1
        group.first_ns, group.last_ns = min(group.first_ns, at_ns), max(group.last_ns, at_ns)
        return None
