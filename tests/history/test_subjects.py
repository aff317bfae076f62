"""The subjects of commits, as far as git has them."""

from __future__ import annotations

from pathlib import Path

from repositories import commit

from pytest_perfbudget.history.subjects import subjects_of

UNKNOWN = "0123456789" * 4


def test_a_commit_has_its_subject_and_one_that_git_does_not_have_has_none(tmp_path: Path) -> None:
    first = commit(tmp_path, {"code.py": ""}, "Begin\n\nFor reasons.")
    second = commit(tmp_path, {"code.py": "1"}, "Later\u2028on")
    assert subjects_of(tmp_path, [first, UNKNOWN, first]) == {first: "Begin"}
    assert subjects_of(tmp_path, [second]) == {second: "Later\u2028on"}


def test_a_history_of_other_clones_can_give_git_no_options(tmp_path: Path) -> None:
    first = commit(tmp_path, {"code.py": ""}, "Begin")
    assert subjects_of(tmp_path, ["--output=taken", "HEAD", ""]) == {}
    assert not (tmp_path / "taken").exists()
    assert subjects_of(tmp_path, ["--output=taken", first]) == {first: "Begin"}


def test_a_folder_outside_git_and_no_commits_have_no_subjects(tmp_path: Path) -> None:
    assert subjects_of(tmp_path, [UNKNOWN]) == {}
    commit(tmp_path, {"code.py": ""})
    assert subjects_of(tmp_path, []) == {}
