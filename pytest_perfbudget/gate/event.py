"""The pull request that a CI service runs for, as the service's environment describes the pull request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.errors import ConfigError

_EVENTS: Final = ("pull_request", "pull_request_target")


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request or merge request.

    Attributes:
        base_ref: the name of the branch that the pull request is for; empty if it is not known.
        base_sha: the last commit of that branch that the service knows; empty if it is not known.
        head_sha: the last commit of the pull request; empty if it is not known.
        labels: the labels of the pull request.
    """

    base_ref: str = ""
    base_sha: str = ""
    head_sha: str = ""
    labels: Sequence[str] = ()


def pull_request(environment: Mapping[str, str]) -> PullRequest | None:
    """Return the pull request that GitHub or GitLab runs for; None elsewhere, and for other events.

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
    if environment.get("GITHUB_EVENT_NAME") not in _EVENTS:
        return None
    file = environment.get("GITHUB_EVENT_PATH", "")
    try:
        described = json.loads(Path(file).read_text("utf-8"))["pull_request"]
        return PullRequest(
            str(described["base"]["ref"]),
            str(described["base"]["sha"]),
            str(described["head"]["sha"]),
            _labels(described),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"GITHUB_EVENT_PATH: {file or 'no file'} does not describe a pull request ({error!r}): give --base"
        raise ConfigError(message) from None


def _labels(described: Mapping[str, Any]) -> list[str]:
    return [str(label["name"]) for label in described.get("labels", ())]
