"""The commit and the branch of the working tree."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git

COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
"""The abbreviated hash of a commit; a branch would move on, and with it the code that the numbers are of."""

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


def is_dirty(folder: Path) -> bool:
    """Return whether tracked files differ from the commit that is checked out; false outside git."""
    try:
        return bool(_changed(folder))
    except GitError:
        return False


def commit_of(folder: Path, besides: Collection[Path] = (), modules: Collection[Path] = ()) -> str:
    """Return the commit for the baseline, with `DIRTY` if it may not have the code; empty outside git.

    In a repository without a commit, that is `DIRTY` alone.

    Args:
        folder: a folder of the working tree.
        besides: files whose changes do not count, such as the baseline itself.
        modules: the project's modules, which may be new files that git does not track.
    """
    commit = current_commit(folder)
    if not commit:
        return DIRTY if _is_in_git(folder) else ""
    try:
        is_uncommitted = not _changed(folder) <= {one.resolve() for one in besides} or _has_new(folder, modules)
    except GitError:
        is_uncommitted = True
    return f"{commit}{DIRTY if is_uncommitted else ''}"


def _is_in_git(folder: Path) -> bool:
    try:
        return git(folder, "rev-parse", "--is-inside-work-tree") == "true"
    except GitError:
        return False


def missing_commits(folder: Path, commits: Collection[str]) -> set[str]:
    """Return those commits of a baseline whose code git does not have: unknown, or made with further changes."""
    asked = [one for one in commits if COMMIT.fullmatch(one)]
    try:
        found = git(folder, "cat-file", "--batch-check", text="".join(f"{one}^{{commit}}\n" for one in asked))
    except GitError:
        return set(commits)
    there = {one for one, line in zip(asked, found.splitlines(), strict=False) if " commit " in line}
    return set(commits) - there


def _changed(folder: Path) -> set[Path]:
    """Return the tracked files that differ from the commit that is checked out.

    Raises:
        GitError: git cannot tell.
    """
    top = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
    changed = git(top, "-c", "status.renames=false", "status", "--porcelain", "-z", "--untracked-files=no")
    return {top / entry[3:] for entry in changed.split("\0") if entry}


def _has_new(folder: Path, modules: Collection[Path]) -> bool:
    """Return whether git neither tracks nor ignores one of some files.

    Raises:
        GitError: git cannot tell.
    """
    top = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
    new = git(top, "ls-files", "--others", "--exclude-standard", "-z")
    return not {top / one for one in new.split("\0") if one}.isdisjoint(one.resolve() for one in modules)
