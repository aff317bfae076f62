"""The row of commits from good to bad."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit, git

from pytest_perfbudget.bisection.commits import changed_files, commits_between, merge_base
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.errors import BisectionError


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """The commits a, b and d on main; c on a branch from a; m, the merge of c into d."""
    for name in "ab":
        commit(tmp_path, {f"{name}.txt": ""}, name)
        git(tmp_path, "tag", name)
    git(tmp_path, "switch", "-q", "-c", "branch", "a")
    commit(tmp_path, {"c.txt": ""}, "c")
    git(tmp_path, "tag", "c")
    git(tmp_path, "switch", "-q", "main")
    commit(tmp_path, {"d.txt": ""}, "d")
    git(tmp_path, "tag", "d")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "m", "branch")
    git(tmp_path, "tag", "m")
    return tmp_path


def subjects(folder: Path, good: str, bad: str) -> str:
    return "".join(one.subject for one in commits_between(find_base(folder, good), find_base(folder, bad)))


def test_the_row_has_good_and_bad_at_its_ends(merged: Path) -> None:
    row = commits_between(find_base(merged, "a"), find_base(merged, "d"))
    assert [one.subject for one in row] == ["a", "b", "d"]
    assert [one.commit for one in row] == [git(merged, "rev-parse", name) for name in ("a", "b", "d")]
    assert all(one.commit.startswith(one.short) and len(one.date) == 10 for one in row)


def test_a_merge_stands_for_the_commits_of_its_branch(merged: Path) -> None:
    assert subjects(merged, "a", "m") == "abdm"


def test_a_good_commit_of_the_branch_leads_along_the_branch(merged: Path) -> None:
    assert subjects(merged, "c", "m") == "cm"


def test_the_commit_at_which_a_branch_departed_is_known_of_a_merge_only(merged: Path) -> None:
    row = commits_between(find_base(merged, "a"), find_base(merged, "m"))
    assert git(merged, "rev-parse", "a").startswith(merge_base(merged, row[-1]))
    assert merge_base(merged, row[-2]) == ""


def test_the_files_of_a_merge_are_those_of_its_branch(merged: Path) -> None:
    row = commits_between(find_base(merged, "a"), find_base(merged, "m"))
    assert changed_files(merged, row[-2], row[-1]) == ["c.txt"]
    assert changed_files(merged, row[0], row[-1]) == ["b.txt", "c.txt", "d.txt"]


def test_a_subject_may_have_any_character(tmp_path: Path) -> None:
    commit(tmp_path, {"a": ""})
    subject = "tab\there, \x1b[31mred, ünïcode, a form\x0cfeed, a line\u2028separator"
    commit(tmp_path, {"b": ""}, subject)
    row = commits_between(find_base(tmp_path, "HEAD~1"), find_base(tmp_path, "HEAD"))
    assert row[-1].subject == subject


def test_commits_that_parted_name_the_commit_at_which_they_did(merged: Path) -> None:
    parted = git(merged, "rev-parse", "--short=9", "a")
    with pytest.raises(BisectionError, match=rf"is no ancestor of bad d .* they parted, --good {parted}$"):
        subjects(merged, "c", "d")


def test_a_shallow_clone_is_told_what_to_do(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("clones")
    git(folder, "clone", "-q", "--depth=1", "--branch=d", f"file://{merged}", "clone")
    clone = folder / "clone"
    git(clone, "fetch", "-q", "--depth=1", "origin", "tag", "a")
    with pytest.raises(BisectionError, match=r"or the clone lacks it \(git fetch --unshallow\)$"):
        subjects(clone, "a", "d")
