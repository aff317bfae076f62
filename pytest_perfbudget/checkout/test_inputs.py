"""Files of data outside of the folder of tests that a test may read: its input, or data of the code under test."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath

from pytest_perfbudget.checkout.named_files import WORD, is_named
from pytest_perfbudget.checkout.pytest_settings import FILES as CONFIGURATIONS
from pytest_perfbudget.core.changed_files import may_run
from pytest_perfbudget.git import grep


def inputs_among(changed: Iterable[str], words: Collection[str]) -> list[str]:
    """Return the files of data that the words of a test name, by their own names or by those of their folders.

    Args:
        changed: the changed files outside of the folder of tests, relative to pytest's root folder.
        words: the words of the test and of its helpers.
    """
    return sorted(one for one in changed if _is_data(one) and (is_named(one, words) or _has_named_folder(one, words)))


def is_of_code(root: Path, file: str, tests: Sequence[PurePosixPath]) -> bool:
    """Return whether data belongs to the code: it lies in a package, or a module outside of the tests names it.

    Args:
        root: pytest's root folder.
        file: the file, relative to the root folder.
        tests: the files and folders that belong to the tests, likewise.

    Raises:
        GitError: git cannot search.
    """
    path = PurePosixPath(file)
    if any((root / folder / "__init__.py").exists() for folder in path.parents if folder.parts):
        return True
    folder = path.parent.name
    of_folder = [f'"{folder}"', f"'{folder}'", f"{folder}/"] if folder else []
    patterns = [word for name in (path.name, *of_folder) for word in ("-e", name)]
    found = grep(root, "--untracked", "-l", "-z", "-F", *patterns, "--", "*.py")
    return any(
        not any(PurePosixPath(one).is_relative_to(folder) for folder in tests) for one in found.split("\0") if one
    )


def _is_data(file: str) -> bool:
    path = PurePosixPath(file)
    return path.suffix not in (".py", ".lock") and path.name not in CONFIGURATIONS and may_run(file)


def _has_named_folder(file: str, words: Collection[str]) -> bool:
    folders = [set(WORD.findall(folder)) for folder in PurePosixPath(file).parts[:-1]]
    return any(folder and folder.issubset(words) for folder in folders)
