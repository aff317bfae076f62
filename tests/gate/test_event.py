"""The pull request that a CI service describes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.gate.event import PullRequest, pull_request


def test_github_describes_it_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    described = {"base": {"ref": "main", "sha": "b" * 40}, "head": {"sha": "a" * 40}, "labels": [{"name": "perf"}]}
    file.write_text(json.dumps({"pull_request": described}), "utf-8")
    given = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(file)}
    assert pull_request(given) == PullRequest("main", "b" * 40, "a" * 40, ["perf"])
    assert pull_request({**given, "GITHUB_EVENT_NAME": "push"}) is None


def test_gitlab_describes_it_in_variables() -> None:
    given = {
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": "b" * 40,
        "CI_COMMIT_SHA": "a" * 40,
        "CI_MERGE_REQUEST_LABELS": "perf-accepted,bug",
    }
    assert pull_request(given) == PullRequest("main", "b" * 40, "a" * 40, ["perf-accepted", "bug"])


@pytest.mark.parametrize("text", ["", "{}", '{"pull_request": null}', "[]"])
def test_an_event_that_cannot_be_read_is_a_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "event.json"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"^GITHUB_EVENT_PATH: .*event\.json does not describe .*: give --base$"):
        pull_request({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(file)})


def test_elsewhere_there_is_none() -> None:
    assert pull_request({}) is None
