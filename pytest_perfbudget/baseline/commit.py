"""Which commit the working tree is at."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git

DIRTY: Final = "+"
"""Behind a commit: with changes that are not in it."""


def current_commit(folder: Path) -> str:
    """Return the commit's abbreviated name, with `DIRTY` if tracked files differ from it; empty outside git."""
    try:
        commit = git(folder, "rev-parse", "--short=9", "HEAD")
        return commit + (DIRTY if git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except GitError:
        return ""
