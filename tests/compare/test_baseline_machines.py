"""A baseline of another machine, of another Python or of another speed."""

from __future__ import annotations

from baselines import edit_baseline, machine_key
from programs import perf_program
from scripting import Project, regression_verdicts, times


def test_times_of_another_machine_are_foreign_and_its_counts_are_judged(based: Project) -> None:
    """Times of another machine are not judged; counts are, for the Python is the same."""
    edit_baseline(based, machine_key(based), "elsewhere")
    result = based.run(perf_program(slow=3))
    result.assert_outcomes(passed=3)
    assert based.report["missing"] == []
    assert times(based) == {"test_body": "foreign", "test_call step": "foreign"}
    result.stdout.fnmatch_lines(["foreign: *: the baseline has no times of this machine (*)"])
    assert regression_verdicts(based)["test_body calls"] == "unchanged"
    based.run(perf_program(slow=3), "--perf-strict").assert_outcomes(passed=1, failed=2)
    tests = perf_program(body="advance(0.1)\nfor _ in range(40): verify()", more="def verify(): pass")
    based.run(tests).assert_outcomes(passed=2, failed=1)


def test_another_python_is_another_machine_for_counts_as_well(based: Project) -> None:
    edit_baseline(based, machine_key(based), "elsewhere")
    edit_baseline(based, '"CPython ', '"PyPy ')
    based.run(perf_program())
    assert regression_verdicts(based) == {"test_body time": "foreign", "test_call step time": "foreign"}


def test_a_baseline_from_when_the_machine_was_much_slower_is_stale(based: Project) -> None:
    edit_baseline(based, '"calm_ns": [1, 1, 1]', '"calm_ns": [9, 9, 9]')
    result = based.run(perf_program(slow=3))
    assert times(based)["test_body"] == "unmeasured"
    result.stdout.fnmatch_lines(
        ["unmeasured: *: the canaries take 0.11 times as long as for the baseline: update the baseline"]
    )
