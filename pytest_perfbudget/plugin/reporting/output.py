"""The output of a session's result to files and to the service that runs the session."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

import pytest

from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.gate.outputs import SELF_TEST
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.printable import printable

_STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The variable with the file whose Markdown GitHub shows on the page of a job."""

_FEWEST_BYTES: Final = 2_000
"""With less room in the file of the summary, only the verdict is added: nothing else that helps a reader would fit."""

_MOST_BYTES: Final = 1_040_000
"""The size from which not even a verdict is added, a little below the size from which GitHub shows nothing."""


def leaves_the_terminal(config: pytest.Config) -> bool:
    """Return whether the result goes to a file or to the service that runs the session."""
    return bool(config.option.perf_output) or _is_github() or bool(os.environ.get(_STEP_SUMMARY))


def write_files(config: pytest.Config, result: RunResult) -> list[str]:
    """Write the files that the command line names, and return a message for each file that cannot be written."""
    errors = []
    for name, path in config.option.perf_output:
        try:
            for file, text in formats.files(result, name, config.invocation_params.dir / path):
                replace_text(file, text)
        except OSError as error:
            errors.append(f"--perf-output: {path} cannot be written: {error.strerror}")
    return errors


def empty_files(config: pytest.Config, result: RunResult) -> Iterator[str]:
    """Yield a message for each file that has nothing of the session, because its format shows loads only."""
    for output in config.option.perf_output:
        if empty := formats.emptiness_of(result, output):
            yield f"--perf-output: {empty}"


def add_to_step_summary(result: RunResult) -> str:
    """Add the result to GitHub's page of the job, if there is such a page.

    Returns:
        The reason why the result could not be added; empty if it was, or if there is nothing to add.
    """
    name = os.environ.get(_STEP_SUMMARY)
    if not name or not (result.measurements or result.missing or result.findings or result.session.not_run):
        return ""
    from pytest_perfbudget.report.formats import markdown  # noqa: PLC0415 - only on GitHub

    try:
        with Path(name).open("a", encoding="utf-8", newline="\n") as file:
            room = markdown.MOST_BYTES - file.tell()
            if room >= _FEWEST_BYTES:
                file.write(markdown.render(result, room))
                return ""
            if file.tell() < _MOST_BYTES:
                file.write(markdown.short(result))
    except OSError as error:
        return f"{_STEP_SUMMARY}: {name} cannot be written: {error.strerror}"
    return f"{_STEP_SUMMARY}: the page of the job is full: --perf-output report.md has what is left out"


def tell_without_terminal(config: pytest.Config, errors: Iterable[str], commands: Iterable[str]) -> None:
    """Print errors to stderr and commands to stdout if there is no terminal plugin, because CI services read both."""
    if config.pluginmanager.hasplugin("terminalreporter"):
        return
    _print(sys.stderr, [printable(f"perfbudget: {one}", unicode=True) for one in errors])
    _print(sys.stdout, commands)


def _print(stream: TextIO, lines: Iterable[str]) -> None:
    encoding = stream.encoding or "ascii"
    stream.writelines(f"{line}\n".encode(encoding, "backslashreplace").decode(encoding) for line in lines)
    stream.flush()


def workflow_commands(result: RunResult) -> Iterator[str]:
    """Yield the commands by which GitHub shows findings in a pull request; none elsewhere.

    The session of a self-test has to fail, which is no error of the job.
    """
    if _is_github() and os.environ.get(SELF_TEST) != "true":
        from pytest_perfbudget.report.formats import github  # noqa: PLC0415 - only on GitHub

        yield from github.commands(result)


def _is_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"
