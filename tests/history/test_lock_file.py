"""The digest of the lock file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_perfbudget.history.lock_file import lock_digest


def test_a_lock_file_decides_from_the_top_of_the_repository_on(tmp_path: Path) -> None:
    root = tmp_path / "repository" / "service"
    root.mkdir(parents=True)
    (root.parent / ".git").mkdir()
    (tmp_path / "uv.lock").write_text("of another project", "utf-8")
    assert lock_digest(root) == ""
    (root.parent / "uv.lock").write_text("1", "utf-8")
    locked = lock_digest(root)
    assert lock_digest(root) == locked != ""
    (root.parent / "uv.lock").write_text("2", "utf-8")
    assert lock_digest(root) != locked


@pytest.mark.parametrize(
    ("source", "is_own"),
    [('{ editable = "." }', True), ('{ virtual = "tools" }', True), ('{ registry = "https://example.org" }', False)],
)
def test_a_release_of_the_project_changes_no_dependency(tmp_path: Path, source: str, *, is_own: bool) -> None:
    lock = '[[package]]\nname = "rich"\nversion = "13"\n\n[[package]]\nname = "shop"\nversion = "{}"\nsource = {}\n'
    digests = set()
    for version in ("1.0", "1.1.dev0"):
        (tmp_path / "uv.lock").write_text(lock.format(version, source), "utf-8")
        digests.add(lock_digest(tmp_path))
    assert len(digests) == (1 if is_own else 2)
