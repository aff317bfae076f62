"""The order of a session with `--perf-affected-first`: the files of tests that run changed code come first."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from pytest_perfbudget.baseline.call_profiles import called_functions
from pytest_perfbudget.checkout.revision import changed_paths, find_base
from pytest_perfbudget.core.affected import affected_files
from pytest_perfbudget.core.measurement import file_of
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.plugin.collection.collected import nodeid_of


def put_affected_first(items: list[pytest.Item], root: Path, ref: str, baseline: Path) -> None:
    """Sort the tests by whether their file is affected; within a file, and among files, the order stays.

    Args:
        items: the tests that will run, which are sorted in place.
        root: pytest's root folder.
        ref: the other commit.
        baseline: the baseline, whose call profiles tell which functions a test runs.
    """
    try:
        base = find_base(root, ref)
        paths = [base.top / path for path in changed_paths(root, base.commit)]
    except GitError:  # the comparison says so
        return
    inside = root.resolve()
    changed = [path.relative_to(inside).as_posix() for path in paths if path.is_relative_to(inside)]
    texts = {}
    for file in dict.fromkeys(file_of(nodeid_of(item)) for item in items):
        with suppress(OSError, UnicodeDecodeError):
            texts[file] = (root / file).read_text("utf-8")
    profiles: dict[str, list[str]] = {}
    for test, functions in called_functions(baseline):
        profiles.setdefault(file_of(test), []).extend(functions)
    affected = affected_files(changed, texts, profiles)
    items.sort(key=lambda item: file_of(nodeid_of(item)) not in affected)
