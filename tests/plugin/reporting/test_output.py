"""--perf-output: the JSON of a session."""

from __future__ import annotations

import json

import pytest
from scripting import Project

from pytest_perfbudget.core.results import RegressionVerdict

SLOW = """
@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_slow(): advance(ms=60)
"""


def test_the_json_says_what_the_session_was(each_way: Project) -> None:
    each_way.run(SLOW, "--perf-gate=warn", "--perf-max-time=900ms")
    document = each_way.report
    assert document["schema"] == "perfbudget-report/1"
    session = document["session"]
    assert (session["gate"], session["strict"], session["alpha"], session["confidence"]) == ("warn", False, 0.01, 0.95)
    assert session["versions"]["pytest"] == pytest.__version__
    assert session["exit_status"] == 0
    assert session["max_time_ns"] == 900e6
    assert session["workers"] == (2 if "2" in each_way.arguments else 0)
    one = next(found for found in document["measurements"] if found["nodeid"].endswith("slow"))
    assert one["component"] == "api"
    assert one["statistics"]["p95"] == 60e6
    assert one["overhead_ns"] == 0
    (budget,) = one["budgets"]
    assert budget["limit"] == 50e6
    assert budget["source"] == "perf_budget marker of test_it.py::test_slow"
    assert budget["verdict"] == "exceeded"


def test_several_outputs_and_folders_that_do_not_exist_yet(project: Project) -> None:
    project.run(SLOW, "--perf-output=a.json", "--perf-output=deep/er/b.json")
    written = [json.loads((project.pytester.path / name).read_text("utf-8")) for name in ("a.json", "deep/er/b.json")]
    assert written[0] == written[1] == project.report


def test_the_json_of_a_session_without_perf_tests_counts_none(each_way: Project) -> None:
    each_way.run("def test_plain(): pass").assert_outcomes(passed=1)
    assert each_way.report["summary"] == {
        "measurements": 0,
        "budgets": {"exceeded": 0, "undecided": 0, "unmeasured": 0, "within": 0},
        "changes": dict.fromkeys([verdict.value for verdict in RegressionVerdict], 0),
    }


def test_an_output_that_cannot_be_written_is_an_error_of_its_own(project: Project) -> None:
    project.file("taken/x", "")
    result = project.run("def test_plain(): pass", "--perf-output=taken/x/report.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["--perf-output: taken/x/report.json cannot be written: *"])
