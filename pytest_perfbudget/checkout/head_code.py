"""The head's code over the base's own tests, in a checkout of the base."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pytest_perfbudget.checkout.head_tests import NOT_COPIED
from pytest_perfbudget.checkout.revision import Base, changed_paths
from pytest_perfbudget.paths import path_in


def lay_code_over(base: Base, tree: Path, tests: Sequence[PurePosixPath]) -> None:
    """Give a checkout of a base each file of the working tree that differs, apart from the files of the tests.

    Files that are new and not committed are among them, and files that git ignores are not.

    Args:
        base: the commit.
        tree: the top folder of the checkout.
        tests: the folders and files that belong to the tests, relative to the top folder; see `sources_of`.

    Raises:
        GitError: git cannot compare the base with the working tree.
        OSError: a file cannot be copied.
    """
    changed = map(PurePosixPath, changed_paths(base.top, base.commit))
    code = [
        one
        for one in changed
        # A Python environment that git does not ignore is no code of the project, and large.
        if path_in(base.top, str(base.top / one)) and not any(one.is_relative_to(folder) for folder in tests)
    ]
    for path in code:  # all of them first, because a file may stand in the place of a folder
        _remove(tree / path)
    for path in code:
        _copy(base.top / path, tree / path)


def _remove(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, a link, or the folder of a repository within this one; there may be nothing to copy."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, ignore=NOT_COPIED, symlinks=True)
    elif source.is_file() or source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
