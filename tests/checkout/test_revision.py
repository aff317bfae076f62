"""What is said of how the base stands to what is checked out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from repositories import commit, git

from pytest_perfbudget.checkout.revision import Base, changed_paths, find_base, linked_paths, remark


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    commit(folder, {"a.py": "1"})
    git(folder, "tag", "v1")
    commit(folder, {"a.py": "2"})
    return folder


def test_nothing_is_said_of_a_commit_that_head_is_built_on(repository: Path) -> None:
    assert remark(find_base(repository, "v1")) == ""


def test_a_commit_compared_with_itself_is_named(repository: Path) -> None:
    """It would pass, and nothing would have been compared."""
    assert remark(find_base(repository, "HEAD")) == (
        "HEAD is what is checked out here, and no tracked file is changed: a commit was compared with itself."
    )


def test_nothing_is_said_of_head_if_something_is_not_committed(repository: Path) -> None:
    (repository / "a.py").write_text("3", "utf-8")
    assert remark(find_base(repository, "HEAD")) == ""


@pytest.mark.parametrize(("number", "commits"), [(1, "a commit that is"), (2, "2 commits that are")])
def test_what_the_base_has_and_head_has_not_is_counted(repository: Path, number: int, commits: str) -> None:
    """What was made faster there looks slower here: an alarm at clean code."""
    git(repository, "checkout", "-q", "-b", "ahead", "v1")
    for text in range(number):
        commit(repository, {"a.py": f"{text + 5}"})
    git(repository, "checkout", "-q", "-b", "work", "v1")
    commit(repository, {"b.py": "1"})
    assert remark(find_base(repository, "ahead")) == (
        f"ahead has {commits} not in HEAD: what became faster there looks slower here. "
        "--perf-against=ahead... compares with where the two parted."
    )
    assert remark(find_base(repository, "ahead...")) == ""


def test_nothing_is_said_in_a_shallow_clone_which_cannot_tell(repository: Path, tmp_path: Path) -> None:
    """The commits that would be counted are not there."""
    git(repository, "checkout", "-q", "-b", "ahead", "v1")
    commit(repository, {"a.py": "4"})
    git(repository, "checkout", "-q", "-b", "work", "v1")
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{repository}", "clone")
    assert remark(find_base(tmp_path / "clone", "origin/ahead")) == ""


def test_a_submodule_that_git_is_told_to_ignore_is_a_change(repository: Path, tmp_path: Path) -> None:
    commit(tmp_path / "other", {"a.py": "1"})
    git(repository, "submodule", "--quiet", "add", f"file://{tmp_path / 'other'}", "vendor")
    git(repository, "config", "-f", ".gitmodules", "submodule.vendor.ignore", "all")
    base = commit(repository, {})
    assert changed_paths(repository, base) == []
    commit(repository / "vendor", {"a.py": "2"})
    assert changed_paths(repository, base) == ["vendor"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_have_their_targets_within_the_repository(repository: Path) -> None:
    (repository / "link.md").symlink_to("docs/page.md")
    (repository / "out").symlink_to("/")
    commit(repository, {"docs/page.md": "a"})
    assert linked_paths(repository) == {"link.md": "docs/page.md"}


def test_a_commit_is_named_by_its_hash_once() -> None:
    commit = "8c1d2e3f4a5b6c7d8e9f00112233445566778899"
    labels = {ref: Base(Path(), commit, commit[:9], ref).label for ref in ("main", commit[:9], commit, "main...")}
    assert labels == {
        "main": "main (8c1d2e3f4)",
        commit[:9]: commit[:9],
        commit: commit,
        "main...": "main... (8c1d2e3f4)",
    }
