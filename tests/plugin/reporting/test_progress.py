"""How far a measurement is, on a terminal."""

from __future__ import annotations

import os
import sys

import pytest
from scripting import Project

SLOW = """
@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_slow(): advance(ms=60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_is_shown_on_a_terminal_and_taken_away(project: Project) -> None:
    import pexpect

    project.write_tests(SLOW)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PY_COLORS": "0"}
    arguments = ["-m", "pytest", "-p", "no:benchmark", "--perf-max-time=30s"]
    child = pexpect.spawn(sys.executable, arguments, cwd=str(project.pytester.path), env=environment, timeout=60)
    output = child.read().decode()
    child.close()
    assert "perf: " in output
    shown, _, after = output.rpartition("perf: ")
    assert "\0337" in shown
    assert "of 30 s" in after
    assert after.count("\0338") >= 2  # the note, and the spaces that take it away


def test_no_progress_in_a_pipe(project: Project) -> None:
    result = project.run(SLOW, "--perf-max-time=30s")
    assert "perf: " not in result.stdout.str() + result.stderr.str()
