"""The installed distributions that differ between two environments."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A distribution whose version differs from the other side's; a version is empty where it is not installed.

    `is_imported` tells whether the project's own code imports it, or what that imports needs it, so that it may have
    caused a slowdown; None if that is not known, as in older reports.
    """

    name: str
    before: str
    after: str
    is_imported: bool | None = False


def version_changes(
    before: Mapping[str, str], after: Mapping[str, str], imported: Container[str] = ()
) -> list[VersionChange]:
    """Return the distributions with other versions: the imported first, then those that both sides have.

    Args:
        before: the versions on the other side, by name.
        after: the versions now, by name.
        imported: the normalized names (PEP 503) of the distributions that the project uses.
    """
    first, second = ({_normalized(name): one for name, one in side.items()} for side in (before, after))
    found = [
        VersionChange(name, first.get(name, ""), second.get(name, ""), name in imported)
        for name in sorted({**first, **second})
        if first.get(name) != second.get(name)
    ]
    return sorted(found, key=lambda one: (not one.is_imported, not (one.before and one.after)))


def _normalized(name: str) -> str:
    """Return the normalized name of a distribution (PEP 503), also where only the standard library is installed."""
    return re.sub(r"[-_.]+", "-", name).lower()
