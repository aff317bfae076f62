"""The installed distributions that differ between two environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A distribution whose version differs from the other side's; a version is empty where it is not installed."""

    name: str
    before: str
    after: str


def version_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[VersionChange]:
    """Return the distributions with other versions, those that both sides have first.

    Args:
        before: the versions on the other side, by name.
        after: the versions now.
    """
    found = [
        VersionChange(name, before.get(name, ""), after.get(name, ""))
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name)
    ]
    return sorted(found, key=lambda one: not (one.before and one.after))
