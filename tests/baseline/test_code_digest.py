"""The commit that has the code of a baseline, which was made before that commit."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit, git

from pytest_perfbudget.baseline.code_digest import code_digest, commits_with_code


@pytest.fixture
def project(tmp_path: Path) -> Path:
    commit(tmp_path, {"shop.py": "1", "data.csv": "1", "old.py": "1", ".gitignore": "__pycache__"})
    return tmp_path


def made(project: Path) -> str:
    """Write a baseline of the working tree, and return the digest of its files."""
    file = project / "baseline.json"
    digest = code_digest(project, file)
    file.write_text(digest, "utf-8")
    return digest


def found(project: Path, digest: str) -> str:
    return commits_with_code(project, project / "baseline.json", {digest}).get(digest, "")


def change(project: Path) -> None:
    (project / "shop.py").write_text("2", "utf-8")
    (project / "test_shop.py").write_text("1", "utf-8")
    (project / "rules.yaml").write_text("short", "utf-8")
    (project / "old.py").unlink()


def test_the_commit_of_a_baseline_and_its_code_is_found(project: Path) -> None:
    change(project)
    digest = made(project)
    brought = commit(project, {})
    assert brought.startswith(found(project, digest))
    commit(project, {"shop.py": "3", "baseline.json": "another"})
    assert len(found(project, digest)) == 9


@pytest.mark.parametrize(
    "files",
    [
        {"shop.py": "slower"},
        {"data.csv": "longer"},
        {"rules.yaml": "longer"},
        {"new.py": "1"},
        {"test_shop.py": "2"},
        {"old.py": "1"},
        {"README.md": "more"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_code_that_changed_between_baseline_and_commit_is_not_the_baselines(
    project: Path, files: dict[str, str]
) -> None:
    change(project)
    digest = made(project)
    commit(project, files)
    assert found(project, digest) == ""


def test_staged_code_is_code_of_the_working_tree(project: Path) -> None:
    change(project)
    git(project, "add", ".")
    digest = made(project)
    commit(project, {})
    assert found(project, digest)


def test_a_staged_version_that_was_changed_again_is_not_what_was_measured(project: Path) -> None:
    change(project)
    git(project, "add", ".")
    (project / "shop.py").write_text("3", "utf-8")
    digest = made(project)
    git(project, "add", "baseline.json")
    git(project, "commit", "-q", "-m", "m")
    assert found(project, digest) == ""


def test_a_squash_merge_is_found_although_the_commits_of_the_branch_are_gone(project: Path, tmp_path: Path) -> None:
    git(project, "checkout", "-q", "-b", "branch")
    commit(project, {"shop.py": "2"})
    digest = made(project)
    commit(project, {})
    git(project, "checkout", "-q", "main")
    git(project, "merge", "-q", "--squash", "branch")
    squashed = commit(project, {})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--single-branch", "--no-local", str(project), str(clone))
    assert squashed.startswith(found(clone, digest))
    assert found(clone, digest)


def test_the_mode_and_the_target_of_a_link_count(project: Path) -> None:
    (project / "shop.py").chmod(0o755)
    (project / "link").symlink_to("old.py")
    digest = made(project)
    (project / "link").unlink()
    (project / "link").symlink_to("shop.py")
    commit(project, {})
    assert found(project, digest) == ""
    (project / "link").unlink()
    (project / "link").symlink_to("old.py")
    commit(project, {"baseline.json": "again"})
    assert found(project, digest)
    (project / "shop.py").chmod(0o644)
    commit(project, {"baseline.json": "and again"})
    assert code_digest(project, project / "baseline.json") != digest


def test_a_file_that_git_is_told_not_to_look_at_leaves_no_digest(project: Path) -> None:
    git(project, "update-index", "--assume-unchanged", "shop.py")
    assert code_digest(project, project / "baseline.json") == ""


def test_outside_git_and_beside_large_new_files_there_is_no_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code_digest(tmp_path, tmp_path / "baseline.json") == ""
    commit(tmp_path, {"a.py": "1"})
    assert code_digest(tmp_path, tmp_path / "baseline.json")
    monkeypatch.setattr("pytest_perfbudget.baseline.code_digest._MOST_BYTES", 3)
    (tmp_path / "new.bin").write_text("1234", "utf-8")
    assert code_digest(tmp_path, tmp_path / "baseline.json") == ""


def test_the_repository_is_not_changed(project: Path) -> None:
    """Neither its index nor its objects."""
    change(project)
    before = git(project, "status", "--porcelain"), git(project, "count-objects")
    made(project)
    (project / "baseline.json").unlink()
    assert (git(project, "status", "--porcelain"), git(project, "count-objects")) == before


def test_names_of_any_kind_count_and_compiled_modules_do_not(project: Path) -> None:
    commit(project, {".gitignore": ""})
    before = code_digest(project, project / "baseline.json")
    compiled = project / "__pycache__" / "a.pyc"
    compiled.parent.mkdir()
    compiled.write_text("1", "utf-8")
    assert code_digest(project, project / "baseline.json") == before
    (project / "Größe\n1.py").write_text("1", "utf-8")
    assert code_digest(project, project / "baseline.json") not in ("", before)
