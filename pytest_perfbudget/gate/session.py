"""The session of pytest that judges a pull request, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.gate.outputs import SELF_TEST, SUMMARY
from pytest_perfbudget.processes.interruption import Terminated, interrupt, wait_for_end
from pytest_perfbudget.processes.process import CHECK_BYTECODE
from pytest_perfbudget.report.formats import json

REPORT: Final = "report.json"
_ERROR: Final = re.compile(r"(?:ERROR: |[^:]+: error: )(?!usage: )(.+)")
"""The line with which pytest refuses to start; before an unknown option stands the usage."""
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_START: Final = Path(__file__).with_name("pytest_start.py")


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that has ended.

    Attributes:
        result: the result; None if pytest wrote no report.
        code: the exit code of pytest.
        problem: the last error that pytest wrote to stderr; empty if there is none.
    """

    result: RunResult | None
    code: int
    problem: str = ""


def run_session(
    folder: Path,
    base: str,
    output: Path,
    arguments: Sequence[str],
    *,
    policy: str,
    label: str,
    is_self_test: bool = False,
) -> EndedSession:
    """Run the perf tests against a commit, and return how the session ended.

    Args:
        folder: the folder in which pytest runs.
        base: the commit.
        output: the folder for the reports.
        arguments: further arguments of pytest.
        policy: `base` or `head`: the side whose limits hold where the two differ.
        label: the label by which a reviewer accepts the limits of the head, for messages.
        is_self_test: whether the session has to fail, so that its failures are no errors of the job.
    """
    file = output.resolve() / REPORT
    file.unlink(missing_ok=True)  # the report of an earlier run must not be taken for this run's
    command = [sys.executable, *CHECK_BYTECODE, str(_START), *arguments, "--perf-only", f"--perf-against={base}"]
    # After the arguments, and after addopts: a pull request cannot switch off what judges it.
    command += [f"--perf-policy={policy}", "--perf-affected-first", "--perf-gate=fail"]
    command += [f"--perf-accept-label={label}", f"--perf-output={file}"]
    if find_spec("jinja2"):
        command.append(f"--perf-output={file.with_suffix('.html')}")
    # The page of the job begins with the verdict, which is known after the session: this process writes the page.
    environment = {name: value for name, value in os.environ.items() if name != SUMMARY}
    if is_self_test:
        environment[SELF_TEST] = "true"
    sys.stdout.flush()
    code, problem = _run(command, folder, environment)
    text = None
    with suppress(FileNotFoundError):
        text = file.read_text("utf-8")
    try:
        result = None if text is None else json.parse(text, str(file))
    except ReportError:
        result = None
    return EndedSession(result, code, problem)


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command, pass its stderr on, and return the exit code and the last error that pytest wrote there."""
    problem = ""
    with subprocess.Popen(  # noqa: S603 - no shell
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
    ) as process:
        try:
            for line in process.stderr or ():
                sys.stderr.write(line)
                sys.stderr.flush()
                if found := _ERROR.match(_COLOUR.sub("", line).strip()):
                    problem = found[1]
        except KeyboardInterrupt as signal:
            if isinstance(signal, Terminated):
                interrupt(process)
            else:  # Ctrl-C has reached pytest, too, and a second one would break off its removal
                wait_for_end(process)
            raise
    return process.returncode, problem
