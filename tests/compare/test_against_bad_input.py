"""Where `--perf-against` has nothing to compare with."""

from __future__ import annotations

import pytest
from programs import shop_tests
from repositories import Repository, git
from scripting import Project


@pytest.mark.parametrize("ref", ["nowhere", "--upload-pack=touch pwned", ""])
def test_a_ref_that_is_no_commit_is_an_error(repository: Repository, ref: str) -> None:
    result = repository.run(shop_tests(), f"--perf-against={ref}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --perf-against: *is no *"])
    assert not (repository.pytester.path / "pwned").exists()


def test_a_base_that_git_cannot_check_out_is_an_error(repository: Repository) -> None:
    """A session that compared nothing would be green."""
    tree = git(repository.pytester.path, "rev-parse", "HEAD^{tree}")
    (repository.pytester.path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    result = repository.against_base()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: HEAD cannot be checked out: git worktree: *"])


def test_outside_a_repository_there_is_nothing_to_compare_with(lean: Project) -> None:
    result = lean.run(shop_tests(), "--perf-against=HEAD")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --perf-against: *is in no git repository that could be compared with HEAD: *"])


@pytest.mark.parametrize("other", ["--perf-update-baseline", "--perf-gate=off"])
def test_perf_against_goes_with_no_option_that_compares_nothing(repository: Repository, other: str) -> None:
    result = repository.against_base(other)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --perf-against compares with a commit, {other} with nothing: *"])
