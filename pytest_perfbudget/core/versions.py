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
        after: the versions now.
        imported: the normalized names of the distributions that the project uses.
    """
    found = [
        VersionChange(name, before.get(name, ""), after.get(name, ""), normalized(name) in imported)
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name)
    ]
    return sorted(found, key=lambda one: (not one.is_imported, not (one.before and one.after)))


def normalized(name: str) -> str:
    """Return the name of a distribution in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
