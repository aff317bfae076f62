"""Generated modules, which git ignores and a checkout therefore lacks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.checkout.worktree import folder_of
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git
from pytest_perfbudget.paths import path_in

_LIST: Final = "carried"
"""The file beside the checkout with the names of the copied modules: several workers of xdist share a checkout."""


def carry_generated(top: Path, tree: Path, modules: Mapping[str, str]) -> None:
    """Copy modules that git ignores from the working tree into a checkout that lacks them.

    A module that is merely new is not ignored by git, and is not copied. Neither is a module of a package that is new
    or was moved since, nor a module from a folder of the search path that the checkout lacks.

    Args:
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
        modules: the files of the modules that the session has imported, by module name.
    """
    found = {name: place for name, file in modules.items() if file.endswith(".py") and (place := path_in(top, file))}
    lacking = [place for name, place in found.items() if not (tree / place).exists() and _has_root(tree, name, place)]
    for place in sorted(ignored(top, lacking)):
        folder = _first_lacking(tree, place)
        if folder is not None and not _is_ignored_as_a_whole(top, folder):
            continue
        target = tree / place
        target.parent.mkdir(parents=True, exist_ok=True)
        # The name first, and the file at once: another worker finds neither a nameless file nor half of a file.
        with (folder_of(tree) / _LIST).open("a", encoding="utf-8") as known:
            known.write(f"{place.as_posix()}\n")
        copy = target.with_name(f".{target.name}-{os.getpid()}")
        shutil.copy2(top / place, copy)
        copy.replace(target)


def carried(tree: Path) -> list[str]:
    """Return the modules that any worker has copied into a checkout, relative to the top folder."""
    with suppress(OSError):
        return sorted(set((folder_of(tree) / _LIST).read_text("utf-8").splitlines()))
    return []


def untracked_library(top: Path, tree: Path, libraries: Iterable[str]) -> str:
    """Return the first library that was built in the working tree and is not in the checkout; empty if there is none.

    A library that git tracks is the head's own change.
    """
    for file in libraries:
        place = path_in(top, file)
        if place is not None and not (tree / place).exists() and not git(top, "ls-files", "--", place.as_posix()):
            return place.as_posix()
    return ""


def _has_root(tree: Path, name: str, place: Path) -> bool:
    """Return whether a checkout has the folder of the search path from which the working tree's module comes."""
    parts = place.with_suffix("").parts
    named = tuple(name.split(".")) + (("__init__",) if parts[-1] == "__init__" else ())
    if parts[-len(named) :] != named:  # imported under another name, by its path
        return (tree / place).parent.is_dir()
    return tree.joinpath(*parts[: -len(named)]).is_dir()


def _first_lacking(tree: Path, place: Path) -> Path | None:
    """Return the highest folder of a file that a checkout lacks; None if the checkout has the file's folder."""
    above = [folder for folder in reversed(place.parents) if folder.parts]
    return next((folder for folder in above if not (tree / folder).is_dir()), None)


def _is_ignored_as_a_whole(top: Path, folder: Path) -> bool:
    return not git(top, "ls-files", "--cached", "--others", "--exclude-standard", "--", folder.as_posix())


def ignored(top: Path, places: Iterable[Path]) -> set[Path]:
    """Return those of some files that git ignores, relative to the top folder; none if git fails."""
    asked = {place.as_posix() for place in places}
    found: list[str] = []
    if asked:
        with suppress(GitError):  # git ends with exit code 1 if no file is ignored
            found = git(top, "-c", "core.quotePath=false", "check-ignore", "--", *sorted(asked)).splitlines()
    return {Path(one) for one in found if one in asked}
