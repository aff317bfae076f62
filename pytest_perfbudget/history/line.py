"""The line of commits that led to the one checked out, by which sessions of other branches are known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pytest_perfbudget.core.history.trend import Line
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git, log

_OF_REMOTE: Final = re.compile(
    r"Merge (?:branch '(?P<branch>[^']+)' of .+?|remote-tracking branch '[^'/]+/(?P<tracked>[^']+)')"
    r"(?: into (?P<into>\S+))?$"
)
"""The subjects by which git itself names the merge of another clone's branch."""
_NOT_SAID: Final = ("main", "master")
"""The branches that git leaves out of the subject of a merge into them."""
_SECONDS: Final = 60.0


def line_of(folder: Path, last: str = "HEAD") -> Line:
    """Return the commits from one back along first parents, so that merged branches are left out.

    A merge by `git pull` is of the same branch in two clones, so the line goes on along both of its parents. The line
    is empty outside git, and in a shallow clone, which does not have all of its commits.

    Args:
        folder: a folder of the repository.
        last: the last commit of the line; default: the one that is checked out.
    """
    try:
        if git(folder, "rev-parse", "--is-shallow-repository") != "false":
            return Line(is_shallow=True)
        commits: dict[str, int] = {}
        own = 0
        has_merges = False
        sides = [[last]]
        while sides:
            listed = log(folder, ("%H", "%P", "%s"), "--first-parent", *sides.pop(), "--", seconds=_SECONDS)
            for commit, parents, subject in listed:
                commits.setdefault(commit, len(commits))
                first, *others = parents.split() or [""]
                has_merges |= bool(others)
                if len(others) == 1 and _is_of_same_branch(subject):
                    sides.append([others[0], f"^{first}"])
            own = own or len(commits)  # the first listing is that of the last commit; other clones ran beside it
        branch = _branch(folder) if has_merges else ""
        merged = git(folder, "rev-list", last, seconds=_SECONDS).splitlines() if branch else []
        places = {commit: own - back for commit, back in commits.items() if back < own}
        return Line(frozenset(commits), frozenset(merged), branch, places)
    except GitError:
        return Line()


def _branch(folder: Path) -> str:
    """Return the branch that is checked out; empty for a detached head."""
    try:
        return git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    except GitError:
        return ""


def _is_of_same_branch(subject: str) -> bool:
    found = _OF_REMOTE.match(subject)
    if found is None:
        return False
    branch, into = found["branch"] or found["tracked"], found["into"]
    return branch == into if into else branch in _NOT_SAID
