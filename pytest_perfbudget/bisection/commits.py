"""The commits between good and bad in a row, in which each commit is a child of the commit before it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.core.bisection_result import Commit
from pytest_perfbudget.errors import BisectionError, GitError
from pytest_perfbudget.git import git, log

_FIELDS: Final = ("%H", "%h", "%as", "%P", "%s")
_SECONDS: Final = 600.0


def commits_between(good: Base, bad: Base) -> list[Commit]:
    """Return good, the commits after it, and bad, from the first to the last.

    The row follows the first parent of each commit, from bad to good. A commit whose first parent does not descend
    from good is followed by its next parent. So a merge stands for all commits that it merges.

    Raises:
        BisectionError: the two are one commit, or good is no ancestor of bad.
        GitError: git cannot list the commits.
    """
    top = bad.top
    if good.commit == bad.commit:
        message = f"good {good.ref} and bad {bad.ref} are the same commit {good.short}: there is nothing to search"
        raise BisectionError(message)
    _check_ancestor(good, bad)
    between = f"{good.commit}..{bad.commit}"
    listed = log(top, _FIELDS, "--abbrev=9", "--ancestry-path", between, "--", seconds=_SECONDS)
    known = {one.commit: one for one in map(_commit, listed)}
    first = _commit(log(top, _FIELDS, "-1", "--abbrev=9", good.commit, "--")[0])
    known[first.commit] = first
    row = [known[bad.commit]]
    while row[-1] is not first:
        row.append(next(known[one] for one in row[-1].parents if one in known))
    return row[::-1]


def changed_files(top: Path, before: Commit, after: Commit) -> list[str]:
    """Return the files that differ between two commits, from the top of the repository.

    Raises:
        GitError: git cannot compare the two.
    """
    found = git(top, "diff", "--name-only", "--no-renames", "-z", before.commit, after.commit, "--")
    return [name for name in found.split("\0") if name]


def merge_base(top: Path, merge: Commit) -> str:
    """Return the commit at which the branch departed that a commit merges; empty if the commit merges no branch."""
    if len(merge.parents) < 2:
        return ""
    with suppress(GitError):  # unrelated histories
        return git(top, "rev-parse", "--short=9", git(top, "merge-base", *merge.parents[:2]))
    return ""


def _check_ancestor(good: Base, bad: Base) -> None:
    parted = ""
    with suppress(GitError):
        parted = git(bad.top, "merge-base", good.commit, bad.commit)
    if parted == good.commit:
        return
    message = f"good {good.label} is no ancestor of bad {bad.label}, so no row of commits "
    message += "leads from good to bad: "
    if parted == bad.commit:
        message += "bad is an ancestor of good; exchange the two to search for a slowdown"
    elif parted:
        message += f"name the commit at which they parted, --good {parted[:9]}"
    else:
        message += "they have no commit in common, or the clone lacks it (git fetch --unshallow)"
    raise BisectionError(message)


def _commit(fields: Sequence[str]) -> Commit:
    commit, short, date, parents, subject = fields
    return Commit(commit, short, date, subject, _words(parents))


def _words(text: str) -> Sequence[str]:
    return tuple(text.split())
