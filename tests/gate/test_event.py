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
    assert pull_request({**given, "GITHUB_EVENT_NAME": "schedule"}) is None


@pytest.mark.parametrize(
    ("action", "label", "accepted"),
    [("labeled", "perf", True), ("opened", "", True), ("synchronize", "", False), ("labeled", "bug", False), ("reopened", "", False)],
)  # fmt: skip
def test_a_label_accepts_the_commit_that_it_was_given_to(action: str, label: str, *, accepted: bool) -> None:
    request = PullRequest(labels=["perf"], action=action, label=label)
    assert request.has_accepted("perf") is accepted
    assert not request.has_accepted("other")


@pytest.mark.parametrize(
    ("event", "told", "base"),
    [
        ("merge_group", {"merge_group": {"base_sha": "b" * 40}}, "b" * 40),
        ("push", {"before": "b" * 40}, "b" * 40),
        ("push", {"before": "0" * 40}, None),
    ],
)
def test_a_merge_queue_and_a_push_have_a_base(tmp_path: Path, event: str, told: object, base: str | None) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(told), "utf-8")
    found = pull_request({"GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(file)})
    assert (found and found.base_sha) == base


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
