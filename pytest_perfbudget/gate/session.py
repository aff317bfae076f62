"""The session of pytest that judges a pull request, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.gate.outputs import SUMMARY
from pytest_perfbudget.report.formats import json

REPORT: Final = "report.json"
_START: Final = Path(__file__).with_name("pytest_start.py")


def run_session(
    folder: Path, base: str, output: Path, arguments: Sequence[str], *, policy: str
) -> tuple[RunResult | None, int]:
    """Run the perf tests against a commit, and return the result and the exit code of pytest.

    The result is None if pytest wrote no report.

    Args:
        folder: the folder in which pytest runs.
        base: the commit.
        output: the folder for the reports.
        arguments: further arguments of pytest.
        policy: `base` or `head`: the side whose limits hold where the two differ.
    """
    file = output.resolve() / REPORT
    file.unlink(missing_ok=True)  # the report of an earlier run must not be taken for this run's
    command = [sys.executable, str(_START), *arguments, "--perf-only", f"--perf-against={base}"]
    # After the arguments, and after addopts: a pull request cannot switch off what judges it.
    command += [f"--perf-policy={policy}", "--perf-affected-first", "--perf-gate=fail"]
    command.append(f"--perf-output={file}")
    if find_spec("jinja2"):
        command.append(f"--perf-output={file.with_suffix('.html')}")
    # The page of the job begins with the verdict, which is known after the session: this process writes the page.
    environment = {name: value for name, value in os.environ.items() if name != SUMMARY}
    sys.stdout.flush()
    ended = subprocess.run(command, cwd=folder, env=environment, check=False)  # noqa: S603 - no shell
    text = None
    with suppress(FileNotFoundError):
        text = file.read_text("utf-8")
    try:
        result = None if text is None else json.parse(text, str(file))
    except ReportError:
        result = None
    return result, ended.returncode
