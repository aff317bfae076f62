"""The pull request that a CI service runs for, as the service's environment describes the pull request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.errors import ConfigError

_EVENTS: Final = ("pull_request", "pull_request_target")
_OTHERS: Final = ("merge_group", "push")


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request or merge request.

    Attributes:
        base_ref: the name of the branch that the pull request is for; empty if it is not known.
        base_sha: the last commit of that branch that the service knows; empty if it is not known.
        head_sha: the last commit of the pull request; empty if it is not known.
        labels: the labels of the pull request.
        action: the event of the pull request, such as `synchronize` for new commits; empty if it is not known.
        label: the label that the event has added or removed; empty for other events.
    """

    base_ref: str = ""
    base_sha: str = ""
    head_sha: str = ""
    labels: Sequence[str] = ()
    action: str = ""
    label: str = ""

    def has_accepted(self, label: str) -> bool:
        """Return whether a reviewer has given the label to the commit that is checked out.

        A label stays when further commits come, which nobody has accepted. So each event but the label's own is
        without it; a service that tells no event has only the label.
        """
        if label not in self.labels:
            return False
        return self.action in ("", "opened") or (self.action, self.label) == ("labeled", label)


def pull_request(environment: Mapping[str, str]) -> PullRequest | None:
    """Return the pull request that GitHub or GitLab runs for; None elsewhere, and for other events.

    A merge queue and a push have a base as well.

    Raises:
        ConfigError: the description of GitHub's event cannot be read.
    """
    if environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        return PullRequest(
            environment["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"],
            environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""),
            environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environment.get("CI_COMMIT_SHA", ""),
            [label for label in environment.get("CI_MERGE_REQUEST_LABELS", "").split(",") if label],
        )
    event = environment.get("GITHUB_EVENT_NAME")
    if event not in (*_EVENTS, *_OTHERS):
        return None
    file = environment.get("GITHUB_EVENT_PATH", "")
    try:
        told = json.loads(Path(file).read_text("utf-8"))
        if event in _OTHERS:
            return _of_branch(told, str(event))
        described = told["pull_request"]
        return PullRequest(
            str(described["base"]["ref"]),
            str(described["base"]["sha"]),
            str(described["head"]["sha"]),
            _labels(described),
            str(told.get("action", "")),
            str((told.get("label") or {}).get("name", "")),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = "pull request" if event in _EVENTS else event
        message = f"GITHUB_EVENT_PATH: {file or 'no file'} does not describe a {what} ({error!r}): give --base"
        raise ConfigError(message) from None


def _of_branch(told: Mapping[str, Any], event: str) -> PullRequest | None:
    """Return what a merge queue or a push compares; None for the first push of a branch."""
    before = str(told["merge_group"]["base_sha"] if event == "merge_group" else told["before"])
    return PullRequest(base_sha=before) if before.strip("0") else None


def _labels(described: Mapping[str, Any]) -> list[str]:
    return [str(label["name"]) for label in described.get("labels", ())]
