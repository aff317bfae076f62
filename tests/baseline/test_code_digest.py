"""The commit that has the code of a baseline, which was made before that commit."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit, git

from pytest_perfbudget.baseline.code_digest import code_digest, commit_with_code


@pytest.fixture
def project(tmp_path: Path) -> Path:
    commit(tmp_path, {"shop.py": "1", "data.csv": "1", "old.py": "1", ".gitignore": "__pycache__"})
    return tmp_path


def made(project: Path) -> tuple[str, str]:
    """Write a baseline of the working tree, and return the digest of its code and the commit of its lines."""
    file = project / "baseline.json"
    digest = code_digest(project, file)
    file.write_text(digest, "utf-8")
    return digest, git(project, "rev-parse", "HEAD") + "+"


def found(project: Path, digest: str, of: str) -> str:
    file = project / "baseline.json"
    return commit_with_code(project, file, digest, of)


def change(project: Path) -> None:
    (project / "shop.py").write_text("2", "utf-8")
    (project / "test_shop.py").write_text("1", "utf-8")
    (project / "old.py").unlink()


def test_the_commit_of_a_baseline_and_its_code_is_found(project: Path) -> None:
    change(project)
    (project / "notes.txt").write_text("a file that is committed later or never", "utf-8")
    digest, of = made(project)
    brought = commit(project, {})
    assert brought.startswith(found(project, digest, of))
    commit(project, {"shop.py": "3", "baseline.json": "another"})
    assert len(found(project, digest, of)) == 9


@pytest.mark.parametrize(
    "files",
    [{"shop.py": "slower"}, {"data.csv": "longer"}, {"new.py": "1"}, {"test_shop.py": "2"}, {"old.py": "1"}],
    ids=lambda one: next(iter(one)),
)
def test_code_that_changed_between_baseline_and_commit_is_not_the_baselines(
    project: Path, files: dict[str, str]
) -> None:
    change(project)
    digest, of = made(project)
    commit(project, files)
    assert found(project, digest, of) == ""


def test_staged_code_is_code_of_the_working_tree(project: Path) -> None:
    change(project)
    git(project, "add", ".")
    digest, of = made(project)
    commit(project, {})
    assert found(project, digest, of)


def test_a_staged_version_that_was_changed_again_is_not_what_was_measured(project: Path) -> None:
    change(project)
    git(project, "add", ".")
    (project / "shop.py").write_text("3", "utf-8")
    digest, of = made(project)
    git(project, "add", "baseline.json")
    git(project, "commit", "-q", "-m", "m")
    assert found(project, digest, of) == ""


def test_a_squash_merge_is_found_although_the_commits_of_the_branch_are_gone(project: Path, tmp_path: Path) -> None:
    git(project, "checkout", "-q", "-b", "branch")
    commit(project, {"shop.py": "2"})
    digest, of = made(project)
    commit(project, {})
    git(project, "checkout", "-q", "main")
    git(project, "merge", "-q", "--squash", "branch")
    squashed = commit(project, {})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--single-branch", "--no-local", str(project), str(clone))
    assert squashed.startswith(found(clone, digest, of.removesuffix("+")))
    assert found(clone, digest, of.removesuffix("+"))


def test_outside_git_and_in_an_unfinished_merge_there_is_no_digest(tmp_path: Path) -> None:
    assert code_digest(tmp_path, tmp_path / "baseline.json") == ""
    commit(tmp_path, {"a.py": "1"})
    assert code_digest(tmp_path, tmp_path / "baseline.json")
    git(tmp_path, "checkout", "-q", "-b", "branch")
    commit(tmp_path, {"a.py": "2"})
    git(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, {"a.py": "3"})
    with pytest.raises(Exception, match="merge"):
        git(tmp_path, "merge", "-q", "branch")
    assert code_digest(tmp_path, tmp_path / "baseline.json") == ""


def test_environments_and_names_of_any_kind_do_not_matter(project: Path) -> None:
    before = code_digest(project, project / "baseline.json")
    module = project / "env" / "lib" / "site-packages" / "a.py"
    module.parent.mkdir(parents=True)
    module.write_text("1", "utf-8")
    assert code_digest(project, project / "baseline.json") == before
    (project / "Größe 1.py").write_text("1", "utf-8")
    assert code_digest(project, project / "baseline.json") not in ("", before)
