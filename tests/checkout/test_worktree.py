from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from repositories import commit, git

from pytest_perfbudget.checkout import worktree
from pytest_perfbudget.checkout.revision import changed_since, find_base
from pytest_perfbudget.checkout.worktree import checked_out, unfiltered
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.git import git as run_git
from pytest_perfbudget.processes.scratch import CHECKOUT_PREFIX


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "my project"
    commit(folder, {"pkg/a.py": "1", "tests/test_a.py": ""})
    git(folder, "tag", "v1")
    commit(folder, {"pkg/a.py": "2"})
    return folder


def test_a_base_is_any_name_of_a_commit(repository: Path) -> None:
    first = git(repository, "rev-parse", "v1")
    for ref in ("v1", "HEAD~1", first, first[:8]):
        base = find_base(repository / "pkg", ref)
        assert (base.commit, base.top, base.ref) == (first, repository, ref)
        assert first.startswith(base.short)


@pytest.mark.parametrize("ref", ["--upload-pack=touch pwned", "-h", "", "a\nb", "^HEAD"])
def test_a_name_of_a_commit_is_never_an_option_of_git(repository: Path, ref: str) -> None:
    with pytest.raises(GitError, match=r"is no revision: name a branch, a tag or a commit, such as origin/main$"):
        find_base(repository, ref)
    assert not (repository / "pwned").exists()


def test_an_unknown_name_is_one_line(repository: Path) -> None:
    with pytest.raises(
        GitError, match=r"^'origin/main' is no commit of this repository: fetch it, or correct the name$"
    ):
        find_base(repository, "origin/main")


def test_a_shallow_clone_is_told_what_to_do(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "clone")
    with pytest.raises(GitError, match=r"^'HEAD~1' is no commit .* \(actions/checkout: fetch-depth: 0\)$"):
        find_base(tmp_path / "clone", "HEAD~1")


def test_a_shallow_clone_without_the_point_of_parting_is_told_what_to_do(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "clone")
    clone = tmp_path / "clone"
    orphan = git(clone, "commit-tree", "-m", "another", "HEAD^{tree}")
    with pytest.raises(
        GitError, match=r"^where HEAD and .* parted is no commit .* \(actions/checkout: fetch-depth: 0\)$"
    ):
        find_base(clone, f"{orphan}...")


def test_git_fetches_what_a_partial_clone_lacks(repository: Path, tmp_path: Path) -> None:
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{repository}", "clone")
    assert "?" in git(tmp_path / "clone", "rev-list", "--objects", "--missing=print", "v1")
    with checked_out(find_base(tmp_path / "clone", "v1")) as tree:
        assert (tree / "pkg" / "a.py").read_text("utf-8") == "1"


def test_outside_git_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError, match=r"is in no git repository that could be compared with main: "):
        find_base(tmp_path, "main")


def test_a_worktree_holds_the_base_and_is_gone_afterwards(repository: Path) -> None:
    (repository / "pkg" / "a.py").write_text("3", "utf-8")
    git(repository, "add", "pkg/a.py")
    (repository / "untracked").write_text("x", "utf-8")
    before = git(repository, "status", "--porcelain")
    with checked_out(find_base(repository, "v1")) as tree:
        assert (tree / "pkg" / "a.py").read_text("utf-8") == "1"
        assert not (tree / "untracked").exists()
        assert git(tree, "rev-parse", "HEAD") == git(repository, "rev-parse", "v1")
        assert not tree.is_relative_to(repository)
        (tree / "left behind").write_text("x", "utf-8")
    assert not tree.parent.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert git(repository, "status", "--porcelain") == before
    assert (repository / "pkg" / "a.py").read_text("utf-8") == "3"


def test_a_worktree_is_gone_after_an_error_and_after_an_interrupt(repository: Path) -> None:
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), checked_out(find_base(repository, "v1")) as tree:
            raise error
        assert not tree.parent.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_worktree_of_the_users_whose_disk_is_away_is_not_forgotten(repository: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "disk" / "feature"
    git(repository, "worktree", "add", "-q", "-b", "feature", str(theirs))
    (theirs / "staged").write_text("x", "utf-8")
    git(theirs, "add", "staged")
    (tmp_path / "disk").rename(tmp_path / "away")
    with checked_out(find_base(repository, "v1")) as tree:
        shutil.rmtree(tree)  # so that git cannot remove it by itself
    (tmp_path / "away").rename(tmp_path / "disk")
    assert git(theirs, "status", "--porcelain") == "A  staged"
    assert len(git(repository, "worktree", "list").splitlines()) == 2


def test_no_hook_of_the_users_runs(repository: Path) -> None:
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{repository}/ran'\n", "utf-8")
    hook.chmod(0o755)
    with checked_out(find_base(repository, "v1")):
        pass
    assert not (repository / "ran").exists()


def test_submodules_are_those_of_the_base_and_come_from_the_working_tree(repository: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    old = commit(library, {"lib.py": "old"})
    git(repository, "submodule", "add", "-q", str(library), "vendor/lib")
    commit(repository, {}, "with a submodule")
    new = commit(library, {"lib.py": "new"})
    git(repository / "vendor" / "lib", "fetch", "-q")
    git(repository / "vendor" / "lib", "checkout", "-q", new)
    commit(repository, {}, "moved on")
    assert old != new
    with checked_out(find_base(repository, "HEAD~1")) as tree:
        assert (tree / "vendor" / "lib" / "lib.py").read_text("utf-8") == "old"
    assert len(git(repository / "vendor" / "lib", "worktree", "list").splitlines()) == 1
    assert git(repository, "status", "--porcelain") == ""


def test_a_submodule_that_was_moved_since_is_found(repository: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    commit(library, {"lib.py": "old"})
    git(repository, "submodule", "add", "-q", str(library), "vendor/lib")
    commit(repository, {}, "with a submodule")
    git(repository, "mv", "vendor/lib", "library")
    commit(repository, {}, "moved")
    with checked_out(find_base(repository, "HEAD~1")) as tree:
        assert (tree / "vendor" / "lib" / "lib.py").read_text("utf-8") == "old"
    assert len(git(repository / "library", "worktree", "list").splitlines()) == 1


def test_a_base_that_cannot_be_checked_out_leaves_nothing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    base = find_base(repository, "v1")
    tree = git(repository, "rev-parse", "v1^{tree}")
    (repository / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(GitError), checked_out(base):
        pass
    assert not list(tmp_path.glob(f"{CHECKOUT_PREFIX}*"))
    assert len(git(repository, "worktree", "list").splitlines()) == 1


SESSION = """
import os, signal, sys
from pathlib import Path
import psutil
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.checkout.worktree import checked_out
with checked_out(find_base(Path(sys.argv[1]), "v1")) as tree:
    print(tree, *(one.pid for one in psutil.Process().children()), sep="\\n", flush=True)
    for one in psutil.Process().children() if sys.argv[2] == "all killed" else []:
        one.kill()
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_a_session_that_is_told_to_end_or_killed_leaves_no_checkout(repository: Path, tmp_path: Path, end: str) -> None:
    commit(tmp_path / "library", {"lib.py": ""})
    git(repository, "submodule", "add", "-q", str(tmp_path / "library"), "lib")
    commit(repository, {})
    git(repository, "tag", "-f", "v1")
    with subprocess.Popen(
        [sys.executable, "-c", SESSION, str(repository), ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as session:
        assert session.stdout is not None
        tree = Path(session.stdout.readline().strip())
        remover = psutil.Process(int(session.stdout.readline()))
        assert (tree / "lib/lib.py").is_file()
        session.send_signal(signal.Signals[end])
    remover.wait(60)
    assert not tree.parent.exists()
    for top in (repository, repository / "lib"):
        assert git(top, "worktree", "list").count("\n") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_what_a_killed_job_left_is_swept_by_the_next_session(repository: Path) -> None:
    """A runner kills each process of a job, also the one that would have removed the checkout."""
    with subprocess.Popen(
        [sys.executable, "-c", SESSION, str(repository), "all killed"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdout is not None
        left = Path(session.stdout.readline().strip())
        remover = psutil.Process(int(session.stdout.readline()))
        session.stdout.readline()  # the session has killed the remover
        session.kill()
    remover.wait(60)
    assert left.is_dir()
    with checked_out(find_base(repository, "v1")) as tree:
        assert not left.parent.exists()
        assert git(repository, "worktree", "list").count("\n") == 1
        assert tree.is_dir()
    assert git(repository, "worktree", "list").count("\n") == 0


def test_the_worktree_of_a_session_that_still_runs_is_not_swept(repository: Path) -> None:
    command = [sys.executable, "-c", SESSION, str(repository), ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        with checked_out(find_base(repository, "v1")):
            assert (theirs / "pkg/a.py").read_text("utf-8") == "1"
        assert theirs.is_dir()
        other.communicate()
    assert not theirs.exists()


def test_the_record_of_a_checkout_whose_folder_is_gone_is_swept(repository: Path) -> None:
    base = find_base(repository, "v1")
    with checked_out(base) as tree:
        shutil.rmtree(next(folder for folder in tree.parents if folder.name.startswith(CHECKOUT_PREFIX)))
        with checked_out(base):
            assert git(repository, "worktree", "list").count("\n") == 1


def test_a_checkout_lies_as_deep_as_a_deeper_working_tree(tmp_path: Path) -> None:
    """Code that walks up its own path would seem slower in the deeper one."""
    deep = tmp_path.joinpath(*"abcdef", "project")
    commit(deep, {"a.py": "1"})
    with checked_out(find_base(deep, "HEAD")) as tree:
        assert len(tree.parts) == len(deep.parts)
        assert tree.name == deep.name


def test_three_dots_mean_the_commit_where_the_branch_left(repository: Path) -> None:
    left = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "-b", "branch")
    commit(repository, {"pkg/a.py": "branch"})
    git(repository, "checkout", "-q", "-")
    commit(repository, {"pkg/b.py": "main"})
    assert find_base(repository, "branch...").commit == left
    assert find_base(repository, "branch").commit != left


def test_the_files_that_the_base_has_and_the_working_tree_lacks_or_has_changed(repository: Path) -> None:
    (repository / "tests/test_a.py").rename(repository / "tests/test_ä b.py")
    assert changed_since(find_base(repository, "v1")) == ["pkg/a.py", "tests/test_a.py"]


def test_filters_stay_on_where_they_are_not_the_cause(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that goes away must not leave pointer files in the place of git-lfs content."""
    git(repository, "config", "filter.secret.smudge", "cat")
    base = find_base(repository, "HEAD")
    tried = []

    def locked(folder: Path, *arguments: str, seconds: float = 20) -> str:
        if "add" in arguments:
            tried.append(arguments)
            message = "git worktree: could not lock the index"
            raise GitError(message)
        return run_git(folder, *arguments, seconds=seconds)

    monkeypatch.setattr(worktree, "git", locked)
    with pytest.raises(GitError, match="could not lock"), checked_out(base):
        pass
    assert len(tried) == 1


def test_a_filter_that_cannot_run_is_left_out_and_named(repository: Path) -> None:
    """As git-lfs and git-crypt, where they are not installed or not unlocked."""
    commit(repository, {".gitattributes": "*.bin filter=secret\n", "a.bin": "content"})
    git(repository, "config", "filter.secret.smudge", "no-such-program")
    git(repository, "config", "filter.secret.required", "true")
    with checked_out(find_base(repository, "HEAD")) as tree:
        assert (tree / "a.bin").read_text("utf-8") == "content"
        assert unfiltered(tree) == "secret"
    with checked_out(find_base(repository, "v1")) as tree:
        assert unfiltered(tree) == ""
    assert git(repository, "worktree", "list").count("\n") == 0
