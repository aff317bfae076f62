from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_perfbudget.baseline.commit import current_commit


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"]
    ended = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("1", "utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def test_the_commit_is_named(repository: Path) -> None:
    assert git(repository, "rev-parse", "HEAD").startswith(current_commit(repository))
    assert len(current_commit(repository)) == 9


def test_changes_beyond_it_are_told_new_files_are_not(repository: Path) -> None:
    (repository / "new.py").write_text("1", "utf-8")
    assert not current_commit(repository).endswith("+")
    (repository / "a.py").write_text("2", "utf-8")
    assert current_commit(repository).endswith("+")


def test_outside_git_and_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert current_commit(tmp_path) == ""
    monkeypatch.setenv("PATH", "")
    assert current_commit(tmp_path) == ""
