"""Puts the head's tests into a checkout of the base."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import Final

_FOLDERS: Final = ("tests", "test")
_LEFT: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".git")


def lay_tests_over(root: Path, place: Path, files: Iterable[str], testpaths: Iterable[str]) -> None:
    """Replace the base's tests by the head's.

    A folder called `tests` or `test`, or named in `testpaths` and no package, is taken as a whole: helpers and data
    belong to the tests in it. Elsewhere tests stand beside the code, and only they and the conftest.py above them
    are taken.

    Args:
        root: pytest's root folder.
        place: the same in the checkout.
        files: the files of the tests, from the root folder.
        testpaths: pytest's setting.
    """
    # A package or a folder of sources may be named there, too: that is the code.
    asked = {PurePosixPath(one) for one in testpaths if PurePosixPath(one).parts}
    named = {one for one in asked if one.name != "src" and not (root / one / "__init__.py").exists()}
    for source in dict.fromkeys(one for file in files for one in _sources(PurePosixPath(file), named)):
        target = place / source
        if (root / source).is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(root / source, target, ignore=_LEFT, symlinks=True)
        elif (root / source).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / source, target)


def _sources(file: PurePosixPath, named: Collection[PurePosixPath]) -> list[PurePosixPath]:
    above = [folder for folder in reversed(file.parents) if folder.parts]
    whole = next((folder for folder in above if folder.name in _FOLDERS or folder in named), None)
    conftests = [folder / "conftest.py" for folder in (PurePosixPath(), *above)]
    if whole is None:
        return [*conftests, file]
    return [*(one for one in conftests if whole not in one.parents), whole]
