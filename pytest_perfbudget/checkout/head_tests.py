"""The setting `tests_from = "head"`: the head's tests replace the base's tests in the checkout."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

_FOLDERS: Final = ("tests", "test", "benchmarks", "benchmark")
_OF_PERF_TESTS: Final = ("perf", "performance", "bench", "benches", "benchmarking", "perf_tests", "performance_tests")
"""Further names of folders of tests; a package of such a name may be the code under test."""
NOT_COPIED: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".git")


def lay_tests_over(
    root: Path, place: Path, files: Iterable[str], testpaths: Iterable[str], inputs: Iterable[str] = ()
) -> None:
    """Replace the base's tests with the head's.

    A folder called `tests`, `test`, `benchmarks` or `benchmark` is copied as a whole, because its helpers and data
    belong to its tests. So is a folder called `perf`, `performance`, `bench` or the like, unless it is a package, and a
    folder that `testpaths` names, unless it is a package or called `src`. Elsewhere tests lie beside the code, and only
    the test files are copied. The conftest.py files above the copied files are always copied, and so are other folders
    called `tests`, `benchmarks`, or (unless a package) `test` or `benchmark` in the root folder.

    Args:
        root: pytest's root folder in the working tree.
        place: pytest's root folder in the checkout.
        files: the test files, relative to the root folder.
        testpaths: pytest's setting of that name.
        inputs: further files that the tests read, relative to the root folder; one that is gone is removed.
    """
    testpaths, inputs = [*testpaths], [*inputs]
    for one in inputs:
        if not (root / one).exists():
            (place / one).unlink(missing_ok=True)
    sources = [*(one for file in files for one in sources_of(root, file, testpaths)), *map(PurePosixPath, inputs)]
    for source in dict.fromkeys(sources):
        target = place / source
        if (root / source).is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(root / source, target, ignore=NOT_COPIED, symlinks=True)
        elif (root / source).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / source, target)


def sources_of(root: Path, test_file: str, testpaths: Iterable[str]) -> list[PurePosixPath]:
    """Return the files and folders that belong to the tests of a file, from pytest's root folder.

    Args:
        root: pytest's root folder.
        test_file: the test file, relative to the root folder.
        testpaths: pytest's setting of that name.
    """
    # `testpaths` may also name a package or a folder of sources, which hold the code under test.
    asked = {PurePosixPath(one) for one in testpaths if PurePosixPath(one).parts}
    named = {one for one in asked if one.name != "src" and not (root / one / "__init__.py").exists()}
    file = PurePosixPath(test_file)
    above = [folder for folder in reversed(file.parents) if folder.parts]
    named |= {one for one in above if one.name in _OF_PERF_TESTS and not (root / one / "__init__.py").exists()}
    whole = next((folder for folder in above if folder.name in _FOLDERS or folder in named), None)
    conftests = [folder / "conftest.py" for folder in (PurePosixPath(), *above)]
    beside = [one for one in _further_folders(root) if whole is None or not one.is_relative_to(whole)]
    if whole is None:
        return [*conftests, file, *beside]
    return [*(one for one in conftests if whole not in one.parents), whole, *beside]


def _further_folders(root: Path) -> list[PurePosixPath]:
    """Return the folders of tests in the root folder, whose helpers the tests of any other folder may import."""
    # A package of a name in the singular may be the code under test.
    found = [one for one in _FOLDERS if one.endswith("s") or not (root / one / "__init__.py").exists()]
    return [PurePosixPath(one) for one in found if (root / one).is_dir()]
