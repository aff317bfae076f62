"""The dependencies of sessions as texts."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.history.dependencies import (
    changed_dependencies,
    dependencies_text,
    told_dependencies,
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("numpy 1.26.4", "numpy 1.26.5", ("numpy 1.26.4", "numpy 1.26.5")),
        ("numpy 1.26.4, rich 13.7", "numpy 1.26.5, rich 13.7", ("numpy 1.26.4", "numpy 1.26.5")),
        ("numpy 1.26.4, rich 13.7", "numpy 1.26.4", None),
        ("numpy 1.26.4", "numpy 1.26.4, rich 13.7", None),
        ("9f8e7d6c", "00000000", ("9f8e7d6c", "00000000")),
        ("9f8e7d6c", "numpy 1.26.4", None),
        ("", "numpy 1.26.4", None),
    ],
    ids=["version", "one of two", "removed", "installed", "lock file", "versions after a digest", "not known"],
)
def test_dependencies_differ_by_what_both_have(before: str, after: str, expected: tuple[str, str] | None) -> None:
    assert changed_dependencies(before, after) == expected


def test_a_part_of_the_tests_changes_nothing_and_hides_nothing() -> None:
    every, part = dependencies_text({"scipy": "1.11", "numpy": "1.26"}), dependencies_text({"scipy": "1.11"})
    newer = dependencies_text({"numpy": "2.0", "scipy": "1.11"})
    assert told_dependencies([every, part, every]) == ["", "", ""]
    assert told_dependencies([every, part, newer, part]) == ["numpy 1.26", "numpy 1.26", "numpy 2.0", "numpy 2.0"]


def test_a_digest_of_before_stays_that_of_later_versions() -> None:
    """A history goes on when its digest of all that was installed gives way to versions."""
    assert told_dependencies(["9f8e7d6c", "00000000", "rich 13.7", "rich 13.8"]) == [
        "9f8e7d6c, rich 13.7", "00000000, rich 13.7", "00000000, rich 13.7", "00000000, rich 13.8",
    ]  # fmt: skip
