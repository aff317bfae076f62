"""The anchor of a history: the commit since which drift is judged, as git knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError, HistoryError
from pytest_perfbudget.git import git

LAST_TAG: Final = "last-tag"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The commit since which drift is judged.

    Attributes:
        commit: its full name.
        name: its tag, or its name as the settings have it.
    """

    commit: str
    name: str


def find_anchor(folder: Path, name: str) -> Anchor:
    """Return the anchor of a repository.

    Args:
        folder: a folder of the repository.
        name: the setting: a name that git knows, or `last-tag` for the nearest tag at or before the working tree.

    Raises:
        HistoryError: git does not know the name, or has no tag.
    """
    try:
        found = git(folder, "describe", "--tags", "--abbrev=0") if name == LAST_TAG else name
    except GitError:
        message = f'anchor = "{name}": git has no tag at or before this commit: fetch the tags, or name a commit'
        raise HistoryError(message) from None
    try:
        return Anchor(git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{found}^{{commit}}"), found)
    except GitError:
        message = f'anchor = "{name}": git does not have this commit here: fetch it, or name another'
        raise HistoryError(message) from None
