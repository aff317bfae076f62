"""The line of commits that led to the one checked out, by which sessions of other branches are known."""

from __future__ import annotations

from pathlib import Path

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git


def line_of(folder: Path) -> frozenset[str]:
    """Return the commits from the one checked out back along first parents, so that merged branches are left out.

    The line is empty outside git, and in a shallow clone, which does not have all of its commits.
    """
    try:
        if git(folder, "rev-parse", "--is-shallow-repository") != "false":
            return frozenset()
        return frozenset(git(folder, "rev-list", "--first-parent", "HEAD").splitlines())
    except GitError:
        return frozenset()
