"""The outputs of a step on GitHub: values for later steps, and Markdown on the page of the job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import ReportError

REPORTS: Final = "perf-report"
"""The folder of the reports, unless the user names another."""

SELF_TEST: Final = "PERFBUDGET_GATE_SELF_TEST"
"""The variable by which the action asks for the self-test, and by which its session knows that it has to fail."""

OUTPUT: Final = "GITHUB_OUTPUT"
SUMMARY: Final = "GITHUB_STEP_SUMMARY"


def write_outputs(environment: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Write values for the later steps of a job; nothing outside of GitHub.

    A value has one line: a line break would let the name of a file or a branch write further values.
    """
    lines = [f"{key}={' '.join(value.split())}\n" for key, value in values.items()]
    _append(environment.get(OUTPUT, ""), "".join(lines))


def write_summary(environment: Mapping[str, str], text: str) -> None:
    """Add Markdown to the page of the job; nothing outside of GitHub."""
    _append(environment.get(SUMMARY, ""), text)


def make_folder(output: Path) -> None:
    """Make the folder of the reports, in which git ignores all files: a report is no new file of a pull request.

    Raises:
        ReportError: the folder cannot be made.
    """
    if output.is_dir():
        return
    try:
        output.mkdir(parents=True)
        (output / ".gitignore").write_text("*\n", "utf-8")
    except OSError as error:
        message = f"--output: {output} cannot be made: {error.strerror}"
        raise ReportError(message) from None


def _append(name: str, text: str) -> None:
    if name:
        with Path(name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
