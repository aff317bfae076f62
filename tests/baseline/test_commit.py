from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit, git

from pytest_perfbudget.baseline.commit import (
    commit_of,
    current_branch,
    current_commit,
    folder_in_repository,
    is_dirty,
    missing_commits,
)
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git as run_git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    commit(tmp_path, {"a.py": "1"})
    return tmp_path


def test_the_commit_is_named(repository: Path) -> None:
    assert git(repository, "rev-parse", "HEAD").startswith(current_commit(repository))
    assert len(current_commit(repository)) == 9


def test_changes_beyond_it_are_told_new_files_are_not(repository: Path) -> None:
    (repository / "new.py").write_text("1", "utf-8")
    assert not commit_of(repository).endswith("+")
    (repository / "a.py").write_text("2", "utf-8")
    assert commit_of(repository).endswith("+")
    assert is_dirty(repository)


def test_the_changes_of_some_files_do_not_count(repository: Path) -> None:
    """An update writes the baseline, and a second update is of the same code."""
    commit(repository, {"sub/b.json": "1", "c.py": "1"})
    file = repository / "sub" / "b.json"
    file.write_text("2", "utf-8")
    assert commit_of(repository).endswith("+")
    assert not commit_of(repository / "sub", [file, repository / "not there"]).endswith("+")
    git(repository, "config", "status.renames", "copies")
    git(repository, "add", ".")
    assert not commit_of(repository, [file]).endswith("+")
    (repository / "c.py").unlink()
    assert commit_of(repository, [file]).endswith("+")


def test_a_new_module_counts_unless_git_ignores_the_module(repository: Path) -> None:
    """No commit has the code of a module that git does not track yet; that git ignores a module is told elsewhere."""
    commit(repository, {".gitignore": "made.py"})
    for name in ("new.py", "made.py", "notes.txt"):
        (repository / name).write_text("1", "utf-8")
    assert not commit_of(repository, (), [repository / "a.py", repository / "made.py"]).endswith("+")
    assert commit_of(repository, (), [repository / "new.py"]).endswith("+")


def test_a_tree_that_git_cannot_look_through_may_have_changes(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(folder: Path, *arguments: str) -> str:
        if "status" in arguments:
            message = "git status took longer than 20 s"
            raise GitError(message)
        return run_git(folder, *arguments)

    monkeypatch.setattr("pytest_perfbudget.baseline.commit.git", failing)
    assert commit_of(repository).endswith("+")
    assert not is_dirty(repository)


def test_a_commit_is_known_or_lost(repository: Path) -> None:
    known = current_commit(repository)
    asked = {known, f"{known}+", "0" * 9, "", "HEAD"}
    assert missing_commits(repository, asked) == asked - {known}


def test_the_branch_is_named_unless_no_branch_is_checked_out(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "faster-login")
    assert current_branch(repository) == "faster-login"
    git(repository, "checkout", "-q", "--detach")
    assert current_branch(repository) == ""


def test_outside_git_and_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert (commit_of(tmp_path), current_branch(tmp_path), is_dirty(tmp_path)) == ("", "", False)
    monkeypatch.setenv("PATH", "")
    assert (commit_of(tmp_path), current_branch(tmp_path), is_dirty(tmp_path)) == ("", "", False)


def test_a_folder_is_named_from_the_top_of_its_repository(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (repository / "services" / "web").mkdir(parents=True)
    assert folder_in_repository(repository / "services" / "web") == "services/web"
    assert folder_in_repository(repository) == ""
    assert folder_in_repository(tmp_path_factory.mktemp("elsewhere")) == ""
