"""A commit of the project, checked out beside the working tree for as long as it is needed.

A worktree of git's: it has the repository's history, which version numbers are made of, and costs no
copy of it. No hook of the user's runs, and the index and the branches are left alone. git fetches what a partial
clone lacks, and nothing else is fetched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git

PREFIX: Final = "perfbudget-base-"
_LOCK: Final = "in-use"
_SECONDS = 600.0
_QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


@contextmanager
def checked_out(base: Base) -> Iterator[Path]:
    """Check a base out in a temporary folder, which goes with the end of the context, and yield its place.

    Raises:
        GitError: git cannot.
    """
    from filelock import FileLock  # noqa: PLC0415 - 50 ms, only to compare with a commit

    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        # Held for as long as we live: a checkout whose lock is free is one whose session was killed.
        undo.enter_context(FileLock(folder / _LOCK, is_singleton=False))
        tree = folder.joinpath(*_padding(base.top, folder), base.top.name)
        tree.parent.mkdir(parents=True, exist_ok=True)
        _add(undo, base.top, base.commit, tree)
        yield tree


def _padding(top: Path, folder: Path) -> list[str]:
    """Return folders that put a checkout as deep as the working tree: code walking up its path takes longer there."""
    names = top.parts[len(folder.parts) : -1]
    return ["x" * len(name) for name in names]


def _sweep(repository: Path) -> None:
    """Remove the checkouts of sessions that were killed."""
    with suppress(GitError, OSError):
        records = repository / git(repository, "rev-parse", "--git-common-dir") / "worktrees"
        for record in list(records.iterdir()) if records.is_dir() else []:
            path = Path((record / "gitdir").read_text("utf-8").strip()).parent
            ours = next((one for one in path.parents if one.name.startswith(PREFIX)), None)
            if ours is not None and _is_left(ours):
                _remove(repository, path)
                if not any(one.is_file() and one.name != _LOCK for one in ours.rglob("*")):
                    shutil.rmtree(ours, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Return whether nobody uses a folder of ours any more."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - as above

    if not folder.exists():
        return True
    if not (folder / _LOCK).exists():  # it is just being made
        return False
    try:
        with FileLock(folder / _LOCK, timeout=0, is_singleton=False):
            return True
    except (Timeout, OSError):
        return False


def _add(undo: ExitStack, repository: Path, commit: str, path: Path) -> None:
    _sweep(repository)
    undo.callback(_remove, repository, path)
    git(repository, *_QUIET, "worktree", "add", "--detach", str(path), commit, seconds=_SECONDS)
    for inner, name in _submodules(path, commit):
        # Its commits are here if the working tree has it; nothing is fetched.
        own = repository / _place_now(repository, path, name)
        if not (own / ".git").exists():
            continue
        try:
            _add(undo, own, inner, path / name)
        except GitError as error:
            message = f"the submodule {name} of {commit[:9]}: {error}: fetch it with git submodule update"
            raise GitError(message) from None


def _remove(repository: Path, path: Path) -> None:
    """Remove a checkout, whole or half made, and git's record of it.

    `git worktree prune` would forget the user's own ones as well whose disk is not there at the moment.
    """
    with suppress(GitError):
        git(repository, "worktree", "remove", "--force", "--force", str(path), seconds=_SECONDS)
    shutil.rmtree(path, ignore_errors=True)
    with suppress(GitError, OSError):
        common = repository / git(repository, "rev-parse", "--git-common-dir")
        for record in (common / "worktrees").iterdir():
            if (record / "gitdir").read_text("utf-8").strip() == str(path / ".git"):
                shutil.rmtree(record, ignore_errors=True)


def _place_now(repository: Path, path: Path, name: str) -> str:
    """Return where the working tree has a submodule of the checkout; it may have been moved since."""
    called = {place: title for title, place in _titles(path).items()}
    return _titles(repository).get(called.get(name, ""), name)


def _titles(folder: Path) -> dict[str, str]:
    """Return the folders of submodules by the name that git calls them."""
    try:
        entries = git(folder, "config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    except GitError:  # there are none
        return {}
    # "submodule.<name>.path\n<folder>"
    pairs = [entry.partition("\n") for entry in entries.split("\0") if entry]
    return {key.removeprefix("submodule.").removesuffix(".path"): place for key, _, place in pairs}


def _submodules(path: Path, commit: str) -> list[tuple[str, str]]:
    """Return the commit and the folder of each submodule."""
    if not (path / ".gitmodules").exists():
        return []
    # "160000 commit <commit>\t<folder>"
    entries = [entry.partition("\t") for entry in git(path, "ls-tree", "-r", "-z", commit).split("\0")]
    return [(facts.split()[2], name) for facts, _, name in entries if facts.startswith("160000 ")]
