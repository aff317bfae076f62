"""Generated modules, which git ignores and a checkout therefore lacks."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git
from pytest_perfbudget.paths import path_in


def carry_generated(top: Path, tree: Path, files: Iterable[str]) -> list[str]:
    """Copy modules that git ignores from the working tree into a checkout, and return them.

    A module is copied if the checkout has its folder and lacks the module. A module that is merely new is not ignored
    by git, and is not copied.

    Args:
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
        files: the files of the modules that the session has imported.

    Returns:
        The copied modules, relative to the top folder.
    """
    places = [place for file in files if file.endswith(".py") and (place := path_in(top, file)) is not None]
    lacking = [one.as_posix() for one in places if (tree / one).parent.is_dir() and not (tree / one).exists()]
    ignored: list[str] = []
    if lacking:
        with suppress(GitError):  # git ends with exit code 1 if no file is ignored
            ignored = git(top, "-c", "core.quotePath=false", "check-ignore", "--", *lacking).splitlines()
    carried = sorted(one for one in ignored if one in lacking)
    for one in carried:
        shutil.copy2(top / one, tree / one)
    return carried
