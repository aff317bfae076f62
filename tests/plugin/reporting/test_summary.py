"""What the terminal shows at the end, and the JSON."""

from __future__ import annotations

import os
import sys

import pytest
from scripting import Project

TESTS = """
@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_quick(): advance(ms=10)

@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_near(): advance(ms=45)

@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_slow(): advance(ms=60)
"""


def test_the_table_and_the_counts(each_way: Project) -> None:
    result = each_way.run(TESTS, "--perf-max-time=10s")
    result.stdout.fnmatch_lines_random(
        [
            "*= performance budgets =*",
            "component  test * metric  measured  limit  used * verdict",
            "api * test_quick * p95 * 10*ms * 50 ms * 20%  within",
            "api * test_near * p95 * 45*ms * 50 ms * 90%  near limit",
            "api * test_slow * p95 * 60*ms * 50 ms * 120%  exceeded",
            "near its limit: test_it.py::test_near p95 uses 90% of 50 ms",
            "3 budgets of 3 measurements: 1 exceeded, 2 within",
        ]
    )


def test_warn_at_decides_from_where_it_warns(project: Project) -> None:
    result = project.run(TESTS, "--perf-max-time=10s", pyproject="[tool.perfbudget]\nwarn_at = 0.95\n")
    assert "near" not in result.stdout.str().replace("test_near", "")


@pytest.mark.parametrize("tests", ["def test_it(): pass", "import pytest\n@pytest.mark.skip\ndef test_it(): pass"])
def test_without_perf_tests_there_is_no_section(project: Project, tests: str) -> None:
    assert "performance" not in project.run(tests).stdout.str()


def test_color_on_a_terminal_and_none_where_it_is_not_wanted(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033[" in project.run(TESTS, "--color=yes").stdout.str()
    assert "\033[" not in project.run(TESTS).stdout.str()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in project.run(TESTS, "--color=auto").stdout.str()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_is_shown_on_a_terminal_and_taken_away(project: Project) -> None:
    import pexpect

    project.file("test_it.py", "import pytest\nfrom scripted import advance\n" + TESTS)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PY_COLORS": "0"}
    arguments = ["-m", "pytest", "-p", "no:benchmark", "--perf-max-time=30s", "-k", "slow"]
    child = pexpect.spawn(sys.executable, arguments, cwd=str(project.pytester.path), env=environment, timeout=60)
    output = child.read().decode()
    child.close()
    assert "perf: " in output
    shown, _, after = output.rpartition("perf: ")
    assert "\0337" in shown
    assert "of 30 s" in after
    assert after.count("\0338") >= 2  # the note, and the spaces that take it away


def test_no_progress_in_a_pipe(project: Project) -> None:
    result = project.run(TESTS, "--perf-max-time=30s")
    assert "perf: " not in result.stdout.str() + result.stderr.str()


def test_the_json_says_what_the_session_was(each_way: Project) -> None:
    each_way.run(TESTS, "--perf-gate=warn")
    document = each_way.report
    assert document["schema"] == "perfbudget-report/1"
    session = document["session"]
    assert (session["gate"], session["strict"], session["alpha"], session["confidence"]) == ("warn", False, 0.01, 0.95)
    assert session["versions"]["pytest"] == pytest.__version__
    assert session["exit_status"] == 0
    assert session["workers"] == (2 if "2" in each_way.arguments else 0)
    one = next(found for found in document["measurements"] if found["nodeid"].endswith("slow"))
    assert one["component"] == "api"
    assert one["statistics"]["p95"] == 60e6
    assert one["overhead_ns"] == 0
    (budget,) = one["budgets"]
    assert budget["limit"] == 50e6
    assert budget["source"] == "perf_budget marker of test_it.py::test_slow"
    assert budget["verdict"] == "exceeded"
