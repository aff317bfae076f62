"""A temporary checkout of a commit beside the working tree.

The checkout is a git worktree: it has the repository's history, from which version numbers are made, and needs no
copy of that history. The user's hooks do not run, and the index and the branches do not change. git fetches the
objects that a partial clone lacks; nothing else is fetched.
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
from pytest_perfbudget.file_lock import file_lock
from pytest_perfbudget.git import git
from pytest_perfbudget.processes.remover import removed_with_session
from pytest_perfbudget.processes.scratch import CHECKOUT_PREFIX

_LOCK: Final = "in-use"
_UNFILTERED: Final = "unfiltered"
_SECONDS = 600.0
_QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


@contextmanager
def checked_out(base: Base) -> Iterator[Path]:
    """Check a base out into a temporary folder and yield the checkout; remove both at the end of the context.

    If this process is told to end (SIGTERM) or killed, another process removes both; if that one is killed, too, the
    next comparison in this repository does.

    Raises:
        GitError: git cannot check the base out.
    """
    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix=CHECKOUT_PREFIX)).resolve()
        undo.enter_context(removed_with_session(folder))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        # Held until this process ends: if the lock of a checkout is free, its session was killed.
        undo.enter_context(file_lock(folder / _LOCK))
        tree = folder.joinpath(*_padding(base.top, folder), base.top.name)
        tree.parent.mkdir(parents=True, exist_ok=True)
        _add(undo, base.top, base.commit, tree)
        yield tree


def folder_of(tree: Path) -> Path:
    """Return the temporary folder of a checkout, in which facts about the checkout lie beside it."""
    return next((one for one in tree.parents if one.name.startswith(CHECKOUT_PREFIX)), tree.parent)


def _padding(top: Path, folder: Path) -> list[str]:
    """Return folder names that put a checkout as deep as the working tree.

    Code that walks up its own path takes longer in a deeper folder.
    """
    names = top.parts[len(folder.parts) : -1]
    return ["x" * len(name) for name in names]


def _sweep(repository: Path) -> None:
    """Remove the checkouts of sessions that were killed."""
    with suppress(GitError, OSError):
        records = repository / git(repository, "rev-parse", "--git-common-dir") / "worktrees"
        for record in list(records.iterdir()) if records.is_dir() else []:
            path = Path((record / "gitdir").read_text("utf-8").strip()).parent
            ours = next((one for one in path.parents if one.name.startswith(CHECKOUT_PREFIX)), None)
            if ours is not None and _is_left(ours):
                _remove(repository, path)
                if not any(one.is_file() and one.parent != ours for one in ours.rglob("*")):
                    shutil.rmtree(ours, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Return whether no session uses a checkout's temporary folder any more."""
    from filelock import Timeout  # noqa: PLC0415 - the import takes 50 ms, and few sessions need it

    if not folder.exists():
        return True
    if not (folder / _LOCK).exists():  # another session is creating the folder
        return False
    try:
        with file_lock(folder / _LOCK, timeout_s=0):
            return True
    except (Timeout, OSError):
        return False


def _add(undo: ExitStack, repository: Path, commit: str, path: Path) -> None:
    _sweep(repository)
    undo.callback(_remove, repository, path)
    _check_out(repository, commit, path)
    for inner, name in _submodules(path, commit):
        # The submodule's commits are here if the working tree has the submodule; nothing is fetched.
        own = repository / _place_now(repository, path, name)
        if not (own / ".git").exists():
            continue
        try:
            _add(undo, own, inner, path / name)
        except GitError as error:
            message = f"the submodule {name} of {commit[:9]}: {error}: fetch it with git submodule update"
            raise GitError(message) from None


def _check_out(repository: Path, commit: str, path: Path) -> None:
    """Check a commit out; if a filter such as git-lfs or git-crypt cannot run, check out without any filter."""
    command = ("worktree", "add", "--detach", str(path), commit)
    try:
        git(repository, *_QUIET, *command, seconds=_SECONDS)
    except GitError as error:
        filters = _filters(repository)
        if not filters or "filter" not in str(error):
            raise
        _remove(repository, path)
        without = [f"filter.{name}.{key}" for name in filters for key in ("smudge=", "process=", "required=false")]
        git(repository, *_QUIET, *(part for one in without for part in ("-c", one)), *command, seconds=_SECONDS)
        (folder_of(path) / _UNFILTERED).write_text(", ".join(filters), "utf-8")


def unfiltered(tree: Path) -> str:
    """Return the names of the filters that could not run when a checkout was made; empty if all of them ran."""
    with suppress(OSError):
        return (folder_of(tree) / _UNFILTERED).read_text("utf-8")
    return ""


def _filters(repository: Path) -> list[str]:
    """Return the names of the filters that the user's git knows."""
    with suppress(GitError):
        keys = git(repository, "config", "--name-only", "-z", "--get-regexp", r"^filter\..*\.(smudge|process)$")
        return sorted({key.split(".", 1)[1].rpartition(".")[0] for key in keys.split("\0") if key})
    return []


def _remove(repository: Path, path: Path) -> None:
    """Remove a complete or partial checkout, and git's record of it.

    `git worktree prune` would also forget the user's own worktrees if their disk is not mounted at the moment.
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
    """Return the folder of a checkout's submodule in the working tree, where it may have been moved since."""
    called = {place: title for title, place in _titles(path).items()}
    return _titles(repository).get(called.get(name, ""), name)


def _titles(folder: Path) -> dict[str, str]:
    """Return the folders of submodules, by the names that git has for them."""
    try:
        entries = git(folder, "config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    except GitError:  # there are no submodules
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
