"""The digest of the dependencies: of a lock file, or of the installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_perfbudget.history.dependencies import dependencies_digest


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site-packages"
    (folder / "scipy-1.11.dist-info").mkdir(parents=True)
    monkeypatch.setattr("sys.path", [str(folder)])
    return folder


def test_a_lock_file_decides_from_the_top_of_the_repository_on(tmp_path: Path, installed: Path) -> None:
    root = tmp_path / "repository" / "service"
    root.mkdir(parents=True)
    (root.parent / ".git").mkdir()
    (tmp_path / "uv.lock").write_text("of another project", "utf-8")
    without = dependencies_digest(root)
    (root.parent / "uv.lock").write_text("1", "utf-8")
    locked = dependencies_digest(root)
    (installed / "rich-13.dist-info").mkdir()
    assert dependencies_digest(root) == locked != without
    (root.parent / "uv.lock").write_text("2", "utf-8")
    assert dependencies_digest(root) != locked


@pytest.mark.parametrize(
    ("source", "is_own"),
    [('{ editable = "." }', True), ('{ virtual = "tools" }', True), ('{ registry = "https://example.org" }', False)],
)
def test_a_release_of_the_project_changes_no_dependency(tmp_path: Path, source: str, *, is_own: bool) -> None:
    lock = '[[package]]\nname = "rich"\nversion = "13"\n\n[[package]]\nname = "shop"\nversion = "{}"\nsource = {}\n'
    digests = set()
    for version in ("1.0", "1.1.dev0"):
        (tmp_path / "uv.lock").write_text(lock.format(version, source), "utf-8")
        digests.add(dependencies_digest(tmp_path))
    assert len(digests) == (1 if is_own else 2)


def test_without_a_lock_file_the_installed_versions_decide(tmp_path: Path, installed: Path) -> None:
    before = dependencies_digest(tmp_path)
    assert dependencies_digest(tmp_path) == before
    (installed / "scipy-1.11.dist-info").rename(installed / "scipy-1.12.dist-info")
    assert dependencies_digest(tmp_path) != before


def test_the_projects_own_version_changes_nothing(tmp_path: Path, installed: Path) -> None:
    before = dependencies_digest(tmp_path)
    own = installed / "shop-0.1.dev7.dist-info"
    own.mkdir()
    (own / "direct_url.json").write_text("{}", "utf-8")
    assert dependencies_digest(tmp_path) == before
