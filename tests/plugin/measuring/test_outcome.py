"""An exceeded budget is a failed test item, so everything that builds on those works."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import pytest
from scripting import Project

TESTS = """
@pytest.mark.perf_budget(p95_ms=50)
def test_slow(): advance(ms=60)

@pytest.mark.perf_budget(p95_ms=50)
def test_quick(): advance(ms=10)
"""


def test_an_exceeded_budget_stops_a_session_that_stops_at_failures(project: Project) -> None:
    project.run(TESTS, "-x").assert_outcomes(failed=1)


def test_an_exceeded_budget_is_run_again_with_last_failed(project: Project) -> None:
    project.run(TESTS).assert_outcomes(failed=1, passed=1)
    project.run(TESTS, "--lf").assert_outcomes(failed=1)


@pytest.mark.parametrize("strict", [False, True])
def test_an_exceeded_budget_is_an_expected_failure(project: Project, strict: bool) -> None:
    result = project.run(f"""
@pytest.mark.xfail(strict={strict})
@pytest.mark.perf_budget(p95_ms=50)
def test_slow(): advance(ms=60)

@pytest.mark.xfail(strict={strict})
@pytest.mark.perf_budget(p95_ms=50)
def test_quick(): advance(ms=10)
""")
    result.assert_outcomes(xfailed=1, failed=1) if strict else result.assert_outcomes(xfailed=1, xpassed=1)
    assert project.verdicts() == {"test_slow p95": "exceeded", "test_quick p95": "within"}
    # The finding fails nothing, and the summary names it, because no failed test does.
    (found,) = [one for one in project.report["findings"] if one["kind"] == "exceeded"]
    assert (found["severity"], found["is_gated"]) == ("warning", False)
    assert [one["is_expected_to_fail"] for one in project.report["measurements"]] == [True, not strict]
    result.stdout.fnmatch_lines(["exceeded: test_it.py::test_slow: p95 60 ms exceeds its budget of 50 ms (120%)"])


def test_junit_holds_the_paragraph(each_way: Project) -> None:
    each_way.run(TESTS, "--junitxml=junit.xml")
    suite = ET.parse(each_way.pytester.path / "junit.xml").getroot()
    failures = [case.find("failure") for case in suite.iter("testcase") if case.find("failure") is not None]
    (failure,) = failures
    assert failure is not None
    assert "p95 60 ms exceeds its budget of 50 ms (120%)" in (failure.text or "").replace("60.0", "60")
    assert suite.find("testsuite").get("failures") == "1"  # type: ignore[union-attr]


def test_the_exit_status_is_pytests_own(each_way: Project) -> None:
    assert each_way.run(TESTS).ret == pytest.ExitCode.TESTS_FAILED
    assert each_way.run(TESTS, "-k", "quick").ret == pytest.ExitCode.OK


def test_an_exceeded_budget_fails_without_the_terminal_plugin(project: Project) -> None:
    assert project.run(TESTS, "-p", "no:terminal").ret == pytest.ExitCode.TESTS_FAILED
    assert project.verdicts() == {"test_slow p95": "exceeded", "test_quick p95": "within"}


def test_a_test_that_fails_by_itself_is_not_reported_as_slow(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(p95_ms=50)
def test_it():
    advance(ms=60)
    assert not "right"

def test_measured_then_wrong(perf):
    perf(advance, 60, p95_ms=50)
    assert not "right"
""")
    result.assert_outcomes(failed=2)
    assert project.report["measurements"] == []
    assert "exceeds" not in result.stdout.str()


@pytest.mark.parametrize(
    "body", ["self.assertEqual(1, 2)", "self.skipTest('no')", "self.fail()", "pytest.skip('no')"], ids=str.split
)
def test_a_unittest_that_fails_or_skips_by_itself_is_not_judged(project: Project, body: str) -> None:
    project.run(f"""
import unittest
class TestIt(unittest.TestCase):
    @pytest.mark.perf_budget(p95_ms=50)
    def test_it(self): {body}
""")
    assert project.report["measurements"] == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes on exceptions are new in 3.11")
def test_an_error_in_a_repetition_says_that_it_was_one(project: Project) -> None:
    result = project.run("""
calls = []

@pytest.mark.perf_budget(p95_ms=50)
def test_it():
    calls.append(1)
    assert len(calls) == 1
""")
    result.stdout.fnmatch_lines(
        ["*perf_budget: the first execution passed, a repetition did not. Fixtures are set up*"]
    )


def test_an_exceeded_time_shows_where_it_went(project: Project) -> None:
    result = project.run("""
def inner(): return sorted(range(3000), key=str)

@pytest.mark.perf_budget(p95_ms=5)
def test_it():
    advance(ms=10)
    inner()
""")
    result.stdout.fnmatch_lines(
        [
            "  Where the time goes, in one profiled call, without the functions that each calls:",
            "    *%  1 call of built-in method builtins.sorted, from test_it:inner",
        ]
    )


@pytest.mark.parametrize("leave", ["raise SystemExit(3)", "import sys; sys.exit(3)"])
def test_sys_exit_in_the_body_fails_it_and_restores_everything(project: Project, leave: str) -> None:
    project.run(f"""
import gc, sys
calls = []

@pytest.mark.perf_budget(p95_ms=50)
def test_it():
    calls.append(1)
    if len(calls) == 30:
        {leave}

def test_after():
    assert gc.isenabled() and gc.get_freeze_count() < 1000
    assert sys.getprofile() is None
""").assert_outcomes(failed=1, passed=1)


def test_ctrl_c_in_the_body_interrupts_the_session_and_restores_everything(project: Project) -> None:
    result = project.run(
        """
import gc, os
affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
calls = []

@pytest.fixture(scope="session", autouse=True)
def last():
    yield
    assert gc.isenabled() and gc.get_freeze_count() < 1000
    assert affinity is None or os.sched_getaffinity(0) == affinity
    print("restored")

@pytest.mark.perf_budget(p95_ms=50)
def test_it():
    calls.append(1)
    if len(calls) == 30:
        raise KeyboardInterrupt
""",
        "-s",
        subprocess=True,
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*restored*"])
    assert project.report["measurements"] == []


def test_a_debugger_sees_the_test_function(project: Project) -> None:
    project.run("""
@pytest.mark.perf_budget(p95_ms=50)
def test_it(request):
    assert request.function.__name__ == "test_it"
    assert request.node.obj.__name__ == "test_it"
""").assert_outcomes(passed=1)
