"""Tests with CodSpeed's markers, without CodSpeed; tests/neighbours has it installed."""

from __future__ import annotations

import pytest
from scripting import Project

REGISTERED = "[pytest]\npythonpath = .\nmarkers =\n  benchmark\n  codspeed_benchmark\n"
ASKED = "[tool.perfbudget]\ncodspeed = true\np95_ms = 5\n"
TESTS = """
def calls(name):
    with open(name, "a") as file: file.write("x")

@pytest.mark.benchmark
def test_body():
    calls("body")
    advance({ms})

@pytest.mark.codspeed_benchmark
class TestAll:
    def test_method(self):
        advance(1)

def test_ordinary():
    calls("ordinary")
"""


@pytest.mark.parametrize(("ms", "verdict"), [(1, "within"), (9, "exceeded")])
def test_their_bodies_are_measured_if_the_table_says_so(each_way: Project, ms: float, verdict: str) -> None:
    each_way.run(TESTS.format(ms=ms), pyproject=ASKED).assert_outcomes(
        passed=3 - (verdict == "exceeded"), failed=int(verdict == "exceeded")
    )
    assert each_way.verdicts() == {"test_body p95": verdict, "TestAll::test_method p95": "within"}
    assert len((each_way.pytester.path / "ordinary").read_text("utf-8")) == 1


def test_without_being_asked_nothing_changes(lean: Project) -> None:
    lean.file("pytest.ini", REGISTERED)
    lean.run(TESTS.format(ms=9), pyproject="[tool.perfbudget]\np95_ms = 5\n").assert_outcomes(passed=3)
    assert lean.report["measurements"] == []
    assert len((lean.pytester.path / "body").read_text("utf-8")) == 1


def test_an_entry_asks_for_a_single_test(lean: Project) -> None:
    lean.file("pytest.ini", REGISTERED)
    entry = '[tool.perfbudget.budgets]\n"test_it.py::test_body" = { p95_ms = 5 }\n'
    lean.run(TESTS.format(ms=9), pyproject=entry).assert_outcomes(passed=2, failed=1)
    assert lean.verdicts() == {"test_body p95": "exceeded"}


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [
        ("", 59, 80),
        ("max_time=0.03", 20, 30),
        ("max_rounds=7", 7, 7),
        ("max_rounds=7, max_time=0.003", 7, 7),
        ("group='a'", 59, 80),
    ],
)
def test_max_time_in_seconds_and_max_rounds_hold(lean: Project, options: str, least: int, most: int) -> None:
    """A round takes a millisecond; a test without a limit has 59 rounds or a few more if nothing else is said."""
    tests = f"@pytest.mark.benchmark({options})\ndef test_it(): advance(1)\n"
    lean.run(tests, pyproject="[tool.perfbudget]\ncodspeed = true\n").assert_outcomes(passed=1)
    (measurement,) = lean.report["measurements"]
    assert least <= measurement["rounds"] <= most


def test_few_rounds_decide_what_they_can(lean: Project) -> None:
    tests = "@pytest.mark.benchmark(max_rounds=7)\ndef test_it(): advance({ms})\n"
    pyproject = "[tool.perfbudget]\ncodspeed = true\np50_ms = 5\np95_ms = 5\n"
    lean.run(tests.format(ms=1), pyproject=pyproject).assert_outcomes(passed=1)
    assert lean.verdicts() == {"test_it median": "within", "test_it p95": "undecided"}
    lean.run(tests.format(ms=9), pyproject=pyproject).assert_outcomes(failed=1)


def test_a_marker_of_ours_comes_first(lean: Project) -> None:
    tests = "@pytest.mark.benchmark(max_time=9)\n@pytest.mark.perf_budget(max_time='10ms')\ndef test_it(): advance(1)\n"
    lean.run(tests, pyproject="[tool.perfbudget]\ncodspeed = true\n").assert_outcomes(passed=1)
    assert lean.report["measurements"][0]["rounds"] <= 10


def test_their_markers_are_known_without_codspeed(lean: Project) -> None:
    lean.run(TESTS.format(ms=1), "--strict-markers", pyproject=ASKED).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("max_time='1s'", "max_time must be a number of seconds, found '1s'"),
        ("max_time=0", "max_time must be a number of seconds, found 0"),
        ("max_rounds=0", "max_rounds must be a whole number from 1, found 0"),
        ("max_rounds=1.5", "max_rounds must be a whole number from 1, found 1.5"),
    ],
)
def test_an_impossible_option_is_said(lean: Project, options: str, message: str) -> None:
    result = lean.run(
        f"@pytest.mark.benchmark({options})\ndef test_it(): pass\n", pyproject="[tool.perfbudget]\ncodspeed = true\n"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: benchmark marker of test_it.py::test_it: {message}"])
