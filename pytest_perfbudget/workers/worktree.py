"""A commit of the project, checked out beside the working tree for as long as it is needed.

A worktree of git's: it has the repository's history, which version numbers are made of, and costs no
copy of it. Nothing is fetched, no hook of the user's runs, and the index and the branches are left alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git

if TYPE_CHECKING:
    from typing_extensions import Self

PREFIX: Final = "perfbudget-base-"
_SECONDS = 600.0
_QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


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
    """Return the commit that a name means.

    Raises:
        GitError: `folder` is in no repository, or the name means no commit of it.
    """
    if not ref or ref.startswith("-") or any(character < " " for character in ref):
        message = f"{ref!r} is no revision: name a branch, a tag or a commit, such as origin/main"
        raise GitError(message)
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel"))
    except GitError as error:
        message = f"{folder} is in no git repository that could be compared with {ref}: {error}"
        raise GitError(message) from None
    try:
        commit = git(top, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except GitError:
        message = f"{ref!r} is no commit of this repository"
        if git(top, "rev-parse", "--is-shallow-repository") == "true":
            message += ", which was cloned without its history: fetch it (actions/checkout: fetch-depth: 0)"
        else:
            message += ": fetch it, or correct the name"
        raise GitError(message) from None
    return Base(top, commit, git(top, "rev-parse", "--short=9", commit), ref)


class Worktree:
    """A checkout of a base in a temporary folder; a context manager, with whose end it goes."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        self.path = self._folder / base.top.name
        self._added: list[tuple[Path, Path]] = []

    def __enter__(self) -> Self:
        """Check it out.

        Raises:
            GitError: git cannot.
        """
        try:
            self._add(self._base.top, self._base.commit, self.path)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove it."""
        self.close()

    def close(self) -> None:
        """Remove the checkout and git's record of it."""
        for repository, path in reversed(self._added):
            with contextlib.suppress(GitError):
                git(repository, "worktree", "remove", "--force", "--force", str(path), seconds=_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)
        for repository, _ in self._added:
            with contextlib.suppress(GitError):
                git(repository, "worktree", "prune")
        self._added.clear()

    def _add(self, repository: Path, commit: str, path: Path) -> None:
        self._added.append((repository, path))
        git(repository, *_QUIET, "worktree", "add", "--detach", str(path), commit, seconds=_SECONDS)
        for inner, name in _submodules(path, commit):
            # Its commits are here if the working tree has it; nothing is fetched.
            own = repository / name
            if not (own / ".git").exists():
                continue
            try:
                self._add(own, inner, path / name)
            except GitError as error:
                message = f"the submodule {name} of {commit[:9]}: {error}: fetch it with git submodule update"
                raise GitError(message) from None


def _submodules(path: Path, commit: str) -> list[tuple[str, str]]:
    """Return the commit and the folder of each submodule."""
    if not (path / ".gitmodules").exists():
        return []
    # "160000 commit <commit>\t<folder>"
    entries = [entry.partition("\t") for entry in git(path, "ls-tree", "-r", "-z", commit).split("\0")]
    return [(facts.split()[2], name) for facts, _, name in entries if facts.startswith("160000 ")]
