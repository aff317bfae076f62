"""The measured session from which budgets are suggested."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.command import CommandError, Ended, run_watched
from pytest_perfbudget.core.run_result import NO_TESTS, RunResult
from pytest_perfbudget.errors import InitError
from pytest_perfbudget.init.progress import MeasuringProgress
from pytest_perfbudget.report.formats import json

_SUGGESTING: Final = ("-p", "pytest_perfbudget.plugin.measuring.suggesting")
_EVERY_TEST: Final = ("-p", "pytest_perfbudget.plugin.collection.every_test")
_MAX_TIME: Final = "1500ms"
"""The time for the rounds of a measurement: code for which 59 rounds take longer has no budget on its p95, which later
sessions could not judge in their `max_time` with overtime on a slower machine."""
_FINISHED: Final = (0, 1)
"""The exit codes of a pytest whose tests all ran."""


@dataclass(frozen=True, slots=True)
class MeasuredSession:
    """A measured session.

    Attributes:
        result: the result.
        last_line: the last line that pytest has printed.
        is_of_all_tests: whether every test was measured, because no test says that it is a perf test.
    """

    result: RunResult
    last_line: str = ""
    is_of_all_tests: bool = False


def measure(root: Path) -> MeasuredSession:
    """Run the perf tests of a project; without any perf test, all of its tests.

    Raises:
        InitError: pytest could not be run, or found no test.
    """
    with tempfile.TemporaryDirectory(prefix="perfbudget-init-") as folder:
        report = Path(folder) / "report.json"
        ended = _run(root, report)
        if is_of_all_tests := ended.code == NO_TESTS:
            ended = _run(root, report, *_EVERY_TEST)
        if ended.code == NO_TESTS:
            message = f"--suggest: pytest found no test in {root} to measure: write a test first"
            raise InitError(message)
        if ended.code not in _FINISHED or not report.is_file():
            message = f"--suggest: pytest ended with exit code {ended.code} in {root}: {ended.last_line('no output')}"
            raise InitError(message)
        result = json.parse(report.read_text("utf-8"), "the measured session")
        return MeasuredSession(result, ended.last_line(""), is_of_all_tests)


def _run(root: Path, report: Path, *more: str) -> Ended:
    words = [sys.executable, "-m", "pytest", "-q", *_SUGGESTING, *more, "--perf-only", "--perf-gate=warn"]
    words += [f"--perf-max-time={_MAX_TIME}", f"--perf-output=json:{report}"]
    progress = MeasuringProgress()
    try:
        return run_watched(words, root, progress.takes)
    except CommandError as error:
        message = f"pytest {error}"
        raise InitError(message) from None
    finally:
        progress.clear()


def read_report(file: Path) -> MeasuredSession:
    """Return the result in a JSON report.

    Raises:
        InitError: the file cannot be read.
        ReportError: the file is no JSON report.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        message = f"--suggest: {file} cannot be read: {why}; a session writes a report with --perf-output={file}"
        raise InitError(message) from None
    return MeasuredSession(json.parse(text, str(file)))
