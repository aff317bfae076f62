from __future__ import annotations

import os
from pathlib import Path

import pytest
from repositories import break_searches, commit
from repositories import git as real_git

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git, grep, log


def test_what_git_says_comes_back(tmp_path: Path) -> None:
    made = commit(tmp_path, {"a": "1"})
    assert git(tmp_path, "rev-parse", "HEAD") == made


def test_what_git_refuses_is_one_line(tmp_path: Path) -> None:
    commit(tmp_path, {"a": "1"})
    with pytest.raises(
        GitError, match=r"^git rev-parse: ambiguous argument 'nowhere'|^git rev-parse: Use '--'|^git rev-parse: "
    ):
        git(tmp_path, "rev-parse", "nowhere")


def test_a_remote_that_cannot_be_reached_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(tmp_path, {"a": "1"})
    monkeypatch.setenv("GIT_SSH_COMMAND", "echo 'ssh: connect to host here: Connection refused' >&2; false")
    with pytest.raises(GitError, match=r"^git ls-remote: ssh: connect to host here: Connection refused$"):
        git(tmp_path, "ls-remote", "ssh://here/x.git")


def test_no_git_and_no_patience_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GitError, match=r"^git status took longer than 0 s$"):
        git(tmp_path, "status", seconds=0.0)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match=r"^git status could not be run: No such file or directory$"):
        git(tmp_path, "status")


def test_a_search_without_a_match_finds_nothing_and_a_search_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(tmp_path, {"a": "words\n"})
    assert grep(tmp_path, "-l", "words") == "a"
    assert not grep(tmp_path, "-l", "other")
    break_searches(monkeypatch)
    with pytest.raises(GitError, match=r"^git grep: invalid number of threads"):
        grep(tmp_path, "-l", "other")


def test_the_log_has_the_fields_of_each_commit_whatever_a_subject_contains(tmp_path: Path) -> None:
    subjects = ["first", "a line\u2028separator, a form\x0cfeed, a unit\x1dseparator", "last"]
    made = [commit(tmp_path, {"a": one}, one) for one in subjects]
    assert log(tmp_path, ("%H", "%s")) == [list(one) for one in zip(made[::-1], subjects[::-1], strict=True)]
    assert log(tmp_path, ("%H", "%s"), "HEAD..HEAD", "--") == []


def test_an_unexpected_log_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nprintf 'gpg: no signature\\0'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    with pytest.raises(
        GitError, match=r"^git log: the output has other fields than those asked for; look for .*config$"
    ):
        log(tmp_path, ("%H", "%s"))


def test_a_hook_that_runs_the_tests_does_not_turn_git_towards_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, other = commit(tmp_path / "here", {"a": "1"}), commit(tmp_path / "there", {"b": "2"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "there" / ".git"))
    assert real_git(tmp_path / "here", "rev-parse", "HEAD") == other
    assert git(tmp_path / "here", "rev-parse", "HEAD") == made


def test_a_repository_of_another_owner_is_told_how_to_trust_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(tmp_path / "here", {"a": "1"})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(GitError, match=r"dubious ownership in repository at .*; if you trust it, run: git config .*"):
        git(tmp_path / "here", "rev-parse", "HEAD")
