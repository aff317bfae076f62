"""Function calls and peak memory are held against the baseline."""

from __future__ import annotations

import pytest
from programs import FAST, TWO
from scripting import Project, regression_verdicts, times

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_calls_are_judged_and_the_culprit_is_named(based: Project) -> None:
    tests = (
        TWO.replace("advance(0.1 * SLOW)", "advance(0.1)\n    for _ in range(40): verify()") + "\ndef verify(): pass\n"
    )
    result = based.run(tests)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["11.0 times the function calls of the baseline", "*0 -> 40 calls of test_it:verify"])
    assert regression_verdicts(based)["test_body calls"] == "regressed"
    assert times(based)["test_body"] == "unchanged"


def test_calls_that_other_tests_have_brought_about_are_none(project: Project) -> None:
    tests = """
HANDLERS = []
def test_registers(): HANDLERS.extend(["".upper] * 50)
@pytest.mark.perf_budget
def test_dispatch():
    advance(0.1)
    for handler in HANDLERS: handler()
"""
    project.run(tests, "--perf-update-baseline", pyproject=FAST)
    project.run(tests).assert_outcomes(passed=2)


@pytest.mark.parametrize("fault", ["os._exit(7)", "sys.setprofile(lambda *_: None)"], ids=["dies", "cannot-count"])
def test_a_count_that_no_fresh_process_confirms_is_unmeasured(based: Project, fault: str) -> None:
    tests = TWO.replace(
        "advance(0.1 * SLOW)",
        f"advance(0.1)\n    if 'bootstrap' in sys.argv[0]: {fault}\n    for _ in range(40): len('')",
    )
    result = based.run(tests)
    result.assert_outcomes(passed=3)
    assert regression_verdicts(based)["test_body calls"] == "unmeasured"
    result.stdout.fnmatch_lines(
        ["unmeasured: *::test_body: more function calls than allowed, which could not be confirmed: *"]
    )
    based.run(tests, "--perf-strict").assert_outcomes(passed=2, failed=1)


def test_a_count_that_something_is_in_the_way_of_is_unmeasured(based: Project) -> None:
    tests = TWO.replace("def test_body():", "def test_body():\n    sys.setprofile(lambda *_: None)")
    result = based.run(tests + "\n@pytest.fixture(autouse=True)\ndef undone():\n    yield\n    sys.setprofile(None)")
    result.assert_outcomes(passed=3)
    assert regression_verdicts(based)["test_body calls"] == "unmeasured"
    result.stdout.fnmatch_lines(
        ["unmeasured: *::test_body: its function calls could not be counted: another profiler is active*"]
    )


def test_memory_is_judged(based: Project) -> None:
    tests = TWO.replace("advance(0.1 * SLOW)", "advance(0.1)\n    bytearray(1_000_000)")
    result = based.run(tests)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["* the peak memory of the baseline"])


def test_a_count_that_one_pass_alone_sees_is_none(based: Project) -> None:
    tests = TWO.replace("advance(0.1 * SLOW)", "advance(0.1)\n    filled.update(fill() if passes() == 45 else {})") + (
        "\nfilled = {}\ncount = iter(range(10**6))\ndef passes(): return next(count)\n"
        "def fill(): return {str(n): str(n) for n in range(100)}\n"
    )
    based.run(tests, "--perf-update-baseline", "--perf-reason=x")
    based.run(tests).assert_outcomes(passed=3)
