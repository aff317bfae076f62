"""The commit that a session is compared with, and how it stands to the working tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git


@dataclass(frozen=True, slots=True)
class Base:
    """A commit to compare with.

    Attributes:
        top: the top folder of the repository's working tree.
        commit: its full name.
        short: its abbreviated one, for people.
        ref: how it was asked for.
    """

    top: Path
    commit: str
    short: str
    ref: str


def find_base(folder: Path, ref: str) -> Base:
    """Return the commit that a name means; `REF...` is where HEAD and REF parted, as in `git diff REF...`.

    Raises:
        GitError: `folder` is in no repository, or the name means no commit of it.
    """
    if not ref or ref.startswith(("-", "^")) or any(character < " " for character in ref):
        message = f"{ref!r} is no revision: name a branch, a tag or a commit, such as origin/main"
        raise GitError(message)
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel"))
    except GitError as error:
        message = f"{folder} is in no git repository that could be compared with {ref}: {error}"
        raise GitError(message) from None
    name = ref.removesuffix("...")
    commit = ""
    try:
        commit = git(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if ref.endswith("..."):
            commit = git(top, "merge-base", commit, "HEAD")
    except GitError:
        message = f"where HEAD and {name} parted is" if commit else f"{name!r} is"
        message += " no commit of this repository"
        if git(top, "rev-parse", "--is-shallow-repository") == "true":
            message += ", which was cloned without its history: fetch it (actions/checkout: fetch-depth: 0)"
        else:
            message += ": fetch it, or correct the name"
        raise GitError(message) from None
    return Base(top, commit, git(top, "rev-parse", "--short=9", commit), ref)


def deleted_since(base: Base) -> list[str]:
    """Return the files that a base has and the working tree has not, from the top folder.

    Raises:
        GitError: git cannot tell.
    """
    found = git(base.top, "diff", "--name-only", "--no-renames", "--diff-filter=D", "-z", base.commit, "--")
    return [name for name in found.split("\0") if name]


def remark(base: Base) -> str:
    """Return what a reader should know of how a base stands to the working tree; empty if there is nothing to say."""
    try:
        if git(base.top, "rev-parse", "HEAD") == base.commit:
            # Reports and the like are no change of the code; a new module may be one.
            changes = [one for one in git(base.top, "status", "--porcelain").splitlines() if one[:2] != "??"]
            new = git(base.top, "ls-files", "--others", "--exclude-standard", "--", "*.py")
            if changes or new:
                return ""
            return f"{base.ref} is what is checked out here, and nothing is changed: a commit was compared with itself."
        if git(base.top, "rev-parse", "--is-shallow-repository") == "true":  # what came before what, is not known
            return ""
        ahead = int(git(base.top, "rev-list", "--count", base.commit, "^HEAD"))
    except GitError:  # HEAD is no commit yet
        return ""
    if not ahead:
        return ""
    commits = "a commit that is" if ahead == 1 else f"{ahead} commits that are"
    return (
        f"{base.ref} has {commits} not in HEAD: what became faster there looks slower here. "
        f"--perf-against={base.ref}... compares with where the two parted."
    )
