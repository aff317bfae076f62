"""The subjects of commits, by which people know them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import log

_FULL_NAME: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def subjects_of(folder: Path, commits: Iterable[str]) -> Mapping[str, str]:
    """Return the subjects of commits by their full names; commits that git does not have here are left out."""
    # The history may come from other clones: a name that is no hash could be an option of git.
    asked = sorted({one for one in commits if _FULL_NAME.fullmatch(one)})
    try:
        listed = log(folder, ("%H", "%s"), "--no-walk", "--ignore-missing", *asked, "--") if asked else []
    except GitError:
        return {}
    return {commit: subject for commit, subject in listed if subject}
