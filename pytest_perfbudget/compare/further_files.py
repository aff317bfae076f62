"""The test files of the base that may have perf tests of which the session knows nothing."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pytest_perfbudget.checkout.revision import Base, changed_since
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.core.measurement import file_of


def further_files(context: ComparisonContext, base: Base, base_root: Path) -> list[str]:
    """Return the test files of the base that may have perf tests of which the session knows nothing.

    These are files that only the base has, and files that have changed or that the session has skipped, in the
    folders that the session collects.

    Args:
        context: the session.
        base: the commit.
        base_root: pytest's root folder in the checkout of the base.
    """
    root = context.root.resolve()
    folders = [(context.invocation.folder / file_of(one)).resolve() for one in context.invocation.arguments]
    found = []
    for path in changed_since(base):
        file = base.top / path
        is_asked = file.is_relative_to(root) and any(file.is_relative_to(folder) for folder in folders)
        if is_asked and any(PurePosixPath(path).match(one) for one in context.invocation.file_patterns):
            found.append(file.relative_to(root).as_posix())
    skipped = [one for one in context.skipped_files() if one not in found]
    return [one for one in (*found, *skipped) if not (root / one).exists() or _may_measure(base_root / one)]


def _may_measure(file: Path) -> bool:
    """Return whether a test file may have perf tests, so that the file is worth its import."""
    try:
        text = file.read_bytes()
    except OSError:
        return False
    return b"perf" in text or b"benchmark" in text
