"""The errors of a load, grouped: the same error of a thousand requests is one entry with its count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

MOST_GROUPS: Final = 50
"""The number of groups that are kept; further errors are counted in the group `OTHER`."""

OTHER: Final = "other errors"

MOST_ALIKE: Final = 5
"""The number of groups of one type whose messages differ in short numbers only. With one more, such as that of a sixth
order, the numbers are identifiers and all are one group; a few numbers, such as 404 and 503, say what failed."""

_VARYING: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|0x[0-9a-fA-F]{6,}|\d{4,}")
"""UUIDs, addresses and long numbers, such as ports and identifiers, which differ between the messages of one error."""

_SHORT: Final = re.compile(r"\d+")


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

    def absorb(self, other: ErrorGroup) -> None:
        """Count the errors of another group as errors of this group."""
        self.count += other.count
        self.first_ns, self.last_ns = min(self.first_ns, other.first_ns), max(self.last_ns, other.last_ns)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ErrorGroup:
        """Rebuild a group from the result of `to_dict`."""
        return cls(**data)


class ErrorGroups:
    """All errors of a load, by type and message."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], ErrorGroup] = {}
        self._alike: dict[tuple[str, str], list[tuple[str, str]]] = {}
        """The keys of groups by type and message without any number."""

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
        group = self.join(ErrorGroup(kind, message, at_ns, at_ns))
        return group if group.count == 1 else None

    def join(self, further: ErrorGroup) -> ErrorGroup:
        """Count the errors of a group, and return the group to which they belong now."""
        key = self._key(further.kind, further.message)
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = (OTHER, "")
            further = replace(further, kind=OTHER, message="")
        group = self._groups.setdefault(key, further)
        if group is not further:
            group.absorb(further)
        return group

    def _key(self, kind: str, message: str) -> tuple[str, str]:
        key = (kind, without_varying(message))
        if key in self._groups:
            return key
        numberless = (kind, _SHORT.sub("#", key[1]))
        alike = self._alike.setdefault(numberless, [])
        if alike == [numberless] or numberless == key:
            return numberless
        if len(alike) < MOST_ALIKE:
            alike.append(key)
            return key
        found = [self._groups.pop(one) for one in alike if one in self._groups]
        alike[:] = [numberless]
        for one in found:
            if (group := self._groups.setdefault(numberless, one)) is not one:
                group.absorb(one)
        return numberless
