"""Files of the working tree that no commit has: those that git ignores, and those of a repository within."""

from __future__ import annotations

from pathlib import Path

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git


def why_no_commit_has(top: Path, file: Path) -> str:
    """Return the reason why no commit of a repository can have a file; empty if a commit can.

    Args:
        top: the top folder of the repository's working tree.
        file: the file, which is in the working tree.
    """
    try:
        git(top, "check-ignore", "--quiet", "--", str(file))
    except GitError:  # git does not ignore the file, or git does not hold it for one of this repository
        pass
    else:
        return f"git ignores {file.name}"
    try:
        own = Path(git(file.parent, "rev-parse", "--show-toplevel"))
        if own != top and not git(file.parent, "rev-parse", "--show-superproject-working-tree"):
            return f"{file.name} belongs to the repository {own} within"
    except (GitError, OSError):
        pass
    return ""
