"""The step of the second workflow, `python -m pytest_perfbudget.gate.comment`: it comments on the pull request.

The workflow has the right to write and reads a file that a fork may have written. The file is only data, see
`verdict_file`; the pull request is the one that GitHub names, never one that the file names. A run without a file that
can be read has a comment, too: that of an earlier commit would remain, with a verdict that may be green.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.errors import PerfBudgetError, ReportError
from pytest_perfbudget.gate.github_api import GitHub
from pytest_perfbudget.gate.history import SHORT
from pytest_perfbudget.gate.verdict_file import LARGEST, SavedVerdict, parse_verdict
from pytest_perfbudget.report.verdict_comment import MARKER, comment

_OF_NEWER_RUNS: Final = ("cancelled", "skipped")
"""The ends of a run that has judged nothing, and for which the run of a newer event stands in."""


def post(environment: Mapping[str, str]) -> str:
    """Post the comment, and return a sentence about it.

    Args:
        environment: the variables of the job; `PERFBUDGET_VERDICT` is the path of the file.

    Raises:
        ReportError: the event cannot be read, or GitHub refuses a call; or the file cannot be read, and the
            comment says so.
    """
    run = _run_of(environment)
    conclusion = str(run.get("conclusion") or "")
    if conclusion in _OF_NEWER_RUNS:
        return f"the run was {conclusion}: no comment"
    problem = ""
    try:
        saved = _read(Path(environment["PERFBUDGET_VERDICT"]))
    except ReportError as error:
        problem = str(error)
        # The words of the problem may be those of the file.
        saved = SavedVerdict(GateVerdict(Outcome.ERROR, _unread(conclusion)))
    github = GitHub(environment["GITHUB_API_URL"], environment["GITHUB_REPOSITORY"], environment["GITHUB_TOKEN"])
    commit = str(run["head_sha"])
    if run["head_repository"] is None:
        return f"the repository of the commit {commit[:SHORT]} is gone, and its pull request with it: no comment"
    number = _named(run, commit)
    if number is None:
        owner = str(run["head_repository"]["owner"]["login"])
        number = github.open_pull_request(owner, str(run["head_branch"]), commit)
    if number is None:
        return (
            f"not exactly 1 open pull request ends with the commit {commit[:SHORT]}: it has a newer commit, is closed, "
            "or shares the commit with another"
        )
    text = comment(
        _believed(saved.verdict, conclusion),
        seconds=saved.seconds,
        failures=saved.failures,
        loosened=saved.loosened,
        more=saved.more,
        commit=commit,
    )
    was_there = github.put_comment(number, text, MARKER)
    if problem:
        raise ReportError(problem)
    return f"{'replaced' if was_there else 'added'} the comment on pull request {number}"


def _named(run: Mapping[str, Any], commit: str) -> int | None:
    """Return the pull request that GitHub names with the run; None for a fork's, and if there are several."""
    named = [one for one in run.get("pull_requests") or () if one["head"]["sha"] == commit]
    return int(named[0]["number"]) if len(named) == 1 else None


def _believed(verdict: GateVerdict, conclusion: str) -> GateVerdict:
    """Return the verdict, or none if it contradicts the end of the job, which the pull request cannot write."""
    if not conclusion or (verdict.outcome is Outcome.PASSED) is (conclusion == "success"):
        return verdict
    text = (
        f"The report says {verdict.outcome.value}, and the workflow ended with {conclusion}: see the page of the job."
    )
    return GateVerdict(Outcome.ERROR, text, verdict.loosened)


def _unread(conclusion: str) -> str:
    ended = f", and the workflow ended with {conclusion}" if conclusion else ""
    return f"There is no report that can be read{ended}: see the page of the job."


def _run_of(environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        run: dict[str, Any] = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8"))["workflow_run"]
    except (OSError, ValueError, KeyError) as error:
        message = f"GITHUB_EVENT_PATH describes no workflow_run ({error!r}): the step belongs to such a workflow"
        raise ReportError(message) from None
    return run


def _read(file: Path) -> SavedVerdict:
    if file.is_symlink():  # it would show a file of the runner
        message = f"{file.name} is a link, which is not followed"
        raise ReportError(message)
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}"
        raise ReportError(message) from None
    return parse_verdict(content)


def main() -> int:
    """Post the comment; return the exit code."""
    try:
        sys.stdout.write(f"{post(os.environ)}\n")
    except PerfBudgetError as error:
        sys.stdout.write(f"::error title=Performance comment::{' '.join(str(error).split())}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
