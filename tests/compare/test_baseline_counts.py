"""Function calls and peak memory are held against the baseline."""

from __future__ import annotations

import pytest
from programs import FEW_RUNS, perf_program
from scripting import Project, regression_verdicts, times


def test_more_function_calls_fail_and_the_called_function_is_named(based: Project) -> None:
    tests = perf_program(body="advance(0.1)\nfor _ in range(40): verify()", more="def verify(): pass")
    result = based.run(tests)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["11.0 times the function calls of the baseline", "*0 -> 40 calls of test_it:verify*"])
    assert regression_verdicts(based)["test_body calls"] == "regressed"
    assert times(based)["test_body"] == "unchanged"


def test_calls_that_other_tests_have_brought_about_do_not_fail(lean: Project) -> None:
    tests = """
HANDLERS = []
def test_registers(): HANDLERS.extend(["".upper] * 50)
@pytest.mark.perf_budget
def test_dispatch():
    advance(0.1)
    for handler in HANDLERS: handler()
"""
    lean.run(tests, "--perf-update-baseline", pyproject=FEW_RUNS)
    lean.run(tests).assert_outcomes(passed=2)


@pytest.mark.parametrize("fault", ["os._exit(7)", "sys.setprofile(lambda *_: None)"], ids=["dies", "cannot-count"])
def test_a_count_that_no_fresh_process_confirms_is_unmeasured(based: Project, fault: str) -> None:
    tests = perf_program(body=f"advance(0.1)\nif FRESH: {fault}\nfor _ in range(40): len('')")
    result = based.run(tests)
    result.assert_outcomes(passed=3)
    assert regression_verdicts(based)["test_body calls"] == "unmeasured"
    result.stdout.fnmatch_lines(
        ["unmeasured: *::test_body: more function calls than allowed, which could not be confirmed: *"]
    )
    based.run(tests, "--perf-strict").assert_outcomes(passed=2, failed=1)


def test_calls_are_unmeasured_while_another_profiler_is_active(based: Project) -> None:
    profiled = "sys.setprofile(lambda *_: None)\nadvance(0.1)"
    result = based.run(perf_program(body=profiled, around="yield\nsys.setprofile(None)"))
    result.assert_outcomes(passed=3)
    assert regression_verdicts(based)["test_body calls"] == "unmeasured"
    result.stdout.fnmatch_lines(
        ["unmeasured: *::test_body: its function calls could not be counted: another profiler is active*"]
    )


def test_more_peak_memory_fails(based: Project) -> None:
    result = based.run(perf_program(body="advance(0.1)\nbytearray(1_000_000)"))
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["* the peak memory of the baseline"])


def test_a_count_that_only_one_pass_sees_does_not_fail(based: Project) -> None:
    tests = perf_program(
        body="advance(0.1)\nfilled.update(fill() if passes() == 45 else {})",
        more="filled = {}\ncount = iter(range(10**6))\ndef passes(): return next(count)\n"
        "def fill(): return {str(n): str(n) for n in range(100)}",
    )
    based.run(tests, "--perf-update-baseline", "--perf-reason=x")
    based.run(tests).assert_outcomes(passed=3)
