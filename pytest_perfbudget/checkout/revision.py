"""The commit that a session is compared with, and its relation to the working tree."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git

# A submodule with `ignore = all` in .gitmodules, a file of the pull request, would hide its changes.
_NAMES: Final = ("--name-only", "--no-renames", "--ignore-submodules=none")
_LINK: Final = "120000 "
"""The mode of a symbolic link in git's index."""


@dataclass(frozen=True, slots=True)
class Base:
    """A commit to compare with.

    Attributes:
        top: the top folder of the repository's working tree.
        commit: the full hash of the commit.
        short: the abbreviated hash, for messages.
        ref: the name under which the user asked for the commit.
    """

    top: Path
    commit: str
    short: str
    ref: str

    @property
    def label(self) -> str:
        """The name under which the user asked for the commit with the abbreviated hash, unless the name is a hash."""
        return self.ref if self.commit.startswith(self.ref) else f"{self.ref} ({self.short})"


def find_base(folder: Path, ref: str) -> Base:
    """Return the commit that a name means.

    `REF...` means the commit at which HEAD and REF parted, as in `git diff REF...`.

    Raises:
        GitError: `folder` is in no repository, or the name means no commit of the repository.
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


def changed_since(base: Base) -> list[str]:
    """Return the files that a base has and that the working tree lacks or has changed, relative to the top folder.

    Raises:
        GitError: git cannot compare the two.
    """
    found = git(base.top, "diff", *_NAMES, "--diff-filter=DMT", "-z", base.commit, "--")
    return [name for name in found.split("\0") if name]


def changed_paths(folder: Path, commit: str) -> list[str]:
    """Return the files in which the working tree differs from a commit, from the top of the repository.

    Files that are new and neither committed nor ignored are among them.

    Raises:
        GitError: git cannot compare the two.
    """
    top = Path(git(folder, "rev-parse", "--show-toplevel"))
    changed = git(top, "diff", *_NAMES, "-z", commit, "--")
    new = git(top, "ls-files", "--others", "--exclude-standard", "-z")
    return sorted({name for name in f"{changed}\0{new}".split("\0") if name})


def text_of(base: Base, path: str) -> str | None:
    """Return the text of a file of a base, by its path from the top of the repository; None if there is no file."""
    with suppress(GitError):
        return git(base.top, "show", f"{base.commit}:{path}")
    return None


def linked_paths(folder: Path) -> dict[str, str]:
    """Return the target of each tracked symbolic link, both from the top of the repository.

    A link that leads out of the repository has no target there, and is left out.

    Raises:
        GitError: `folder` is in no repository.
    """
    top = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
    entries = [one for one in git(top, "ls-files", "--stage", "-z").split("\0") if one.startswith(_LINK)]
    links = [entry.partition("\t")[2] for entry in entries]
    targets = {link: (top / link).resolve() for link in links}
    return {link: one.relative_to(top).as_posix() for link, one in targets.items() if one.is_relative_to(top)}


def is_head(base: Base) -> bool:
    """Return whether the base is the commit that is checked out."""
    try:
        return git(base.top, "rev-parse", "HEAD") == base.commit
    except GitError:  # HEAD has no commit yet
        return False


def has_changes(base: Base) -> bool:
    """Return whether the working tree has changed files, or new modules; True if git cannot tell.

    Untracked files such as reports are no change of the code, but an untracked module may be.
    """
    try:
        changes = [one for one in git(base.top, "status", "--porcelain").splitlines() if one[:2] != "??"]
        return bool(changes or git(base.top, "ls-files", "--others", "--exclude-standard", "--", "*.py"))
    except GitError:
        return True


def remark(base: Base) -> str:
    """Return a note about the base's relation to the working tree; empty if the relation is the usual one.

    A reader should know if a commit was compared with itself, or if the base has commits that HEAD lacks.
    """
    if is_head(base):
        same = "no tracked file is changed: a commit was compared with itself."
        return "" if has_changes(base) else f"{base.ref} is what is checked out here, and {same}"
    try:
        if git(base.top, "rev-parse", "--is-shallow-repository") == "true":  # the order of commits is unknown
            return ""
        ahead = int(git(base.top, "rev-list", "--count", base.commit, "^HEAD"))
    except GitError:  # HEAD has no commit yet
        return ""
    if not ahead:
        return ""
    commits = "a commit that is" if ahead == 1 else f"{ahead} commits that are"
    return (
        f"{base.ref} has {commits} not in HEAD: what became faster there looks slower here. "
        f"--perf-against={base.ref}... compares with where the two parted."
    )
