"""The commit and the branch of the working tree."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git

DIRTY: Final = "+"
"""The suffix of a commit if the working tree has changes that are not in the commit."""


def current_commit(folder: Path) -> str:
    """Return the abbreviated name of the commit that is checked out; empty outside git."""
    try:
        return git(folder, "rev-parse", "--short=9", "HEAD")
    except GitError:
        return ""


def full_commit(folder: Path) -> str:
    """Return the full name of the commit that is checked out; empty outside git."""
    try:
        return git(folder, "rev-parse", "HEAD")
    except GitError:
        return ""


def current_branch(folder: Path) -> str:
    """Return the branch that is checked out; empty for a detached head, and outside git."""
    try:
        return git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    except GitError:
        return ""


def folder_in_repository(folder: Path) -> str:
    """Return the path from the top of the repository to a folder; empty for the top, and outside git."""
    try:
        return git(folder, "rev-parse", "--show-prefix").rstrip("/")
    except GitError:
        return ""


def is_dirty(folder: Path, besides: Collection[Path] = ()) -> bool:
    """Return whether tracked files differ from the commit that is checked out; false outside git.

    Args:
        folder: a folder of the working tree.
        besides: files whose changes do not count.
    """
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel"))
        changed = git(top, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=no")
    except GitError:
        return False
    files = {top.resolve() / entry[3:] for entry in changed.split("\0") if entry}
    return not files <= {one.resolve() for one in besides}


def commit_of(folder: Path, besides: Collection[Path] = ()) -> str:
    """Return the commit for the baseline, with `DIRTY` if tracked files differ from the commit; empty outside git.

    Args:
        folder: a folder of the working tree.
        besides: files whose changes do not count, such as the baseline itself.
    """
    commit = current_commit(folder)
    return f"{commit}{DIRTY if is_dirty(folder, besides) else ''}" if commit else ""
