from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit, git

from pytest_perfbudget.baseline.commit import commit_of, current_branch, current_commit, folder_in_repository, is_dirty


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
    git(repository, "add", ".")
    assert not commit_of(repository, [file]).endswith("+")
    (repository / "c.py").unlink()
    assert commit_of(repository, [file]).endswith("+")


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
