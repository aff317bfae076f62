"""The documents and pictures of a repository that its code or its tests name, and may read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_perfbudget.core.changed_files import names_in_code, names_in_tests
from pytest_perfbudget.git import git, grep

# A build reads the README for its metadata, and the configuration of the documentation names pages.
_CODE: Final = ("*.py", ":(exclude)*setup.py", ":(exclude)docs", ":(exclude)doc", ":(exclude)noxfile.py")
_TESTS: Final = (":(glob)**/test_*.py", ":(glob)**/*_test.py", ":(glob)**/conftest.py", ":(glob)**/test*/**/*.py")


def named_documents(folder: Path, documents: Collection[str]) -> set[str]:
    """Return the documents whose name, folder or suffix stands in a tracked file of Python as a text.

    Args:
        folder: a folder of the repository.
        documents: the paths of the documents from the top of the repository.

    Raises:
        GitError: git cannot search.
    """
    if not documents:
        return set()
    top = Path(git(folder, "rev-parse", "--show-toplevel"))
    found = set()
    for names_of, places in ((names_in_code, _CODE), (names_in_tests, _TESTS)):
        names = {path: names_of(path) for path in documents}
        there = _written(top, names, places)
        found |= {path for path, own in names.items() if not there.isdisjoint(own)}
    return found


def _written(top: Path, names: Mapping[str, Iterable[str]], places: Sequence[str]) -> set[str]:
    """Return the names that stand in tracked files.

    Raises:
        GitError: git cannot search.
    """
    wanted = sorted({name for own in names.values() for name in own})
    if not wanted:
        return set()
    patterns = [word for name in wanted for word in ("-e", name)]
    # An attribute of git may call a module binary.
    lines = grep(top, "-h", "--text", "--fixed-strings", *patterns, "--", *places)
    return {name for name in wanted if name in lines}
