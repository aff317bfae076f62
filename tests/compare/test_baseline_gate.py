"""Times are held against the committed baseline: every process runs on the scripted clock."""

from __future__ import annotations

import pytest
from baselines import edit_baseline, lines
from programs import FEW_RUNS, perf_program
from scripting import BENCHMARK, TWO_WORKERS, Project, times


def test_code_as_fast_as_its_baseline_passes(based: Project) -> None:
    based.run(perf_program()).assert_outcomes(passed=3)
    assert times(based) == {"test_body": "unchanged", "test_call step": "unchanged"}


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "0"), TWO_WORKERS], ids=["plain", "n0", "n2"])
def test_code_slower_than_its_baseline_fails_with_the_numbers(based: Project, workers: tuple[str, ...]) -> None:
    result = based.run(perf_program(slow=1.1), *workers)
    result.assert_outcomes(passed=2, failed=1)
    assert times(based) == {"test_body": "regressed", "test_call step": "unchanged"}
    result.stdout.fnmatch_lines(
        [
            "10.0 % slower than the baseline (95 % interval *% .. *%)",
            "  110 us, baseline 100 us (*); 3 fresh processes",
            "  limit 5 % from the default",
            "Make the code faster, or accept it: pytest --perf-update-baseline --perf-reason '...' test_it.py::test_body",
        ]
    )
    result.stdout.fnmatch_lines(["against the baseline: 1 regressed, *"])


def test_the_command_that_accepts_is_to_be_typed_where_pytest_was_started(
    lean: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lean.file("inner/test_in.py", "from scripted import advance\ndef test_in(perf): perf(advance, 1)\n")
    lean.run("", "inner", "--perf-update-baseline", pyproject=FEW_RUNS)
    lean.file("inner/test_in.py", "from scripted import advance\ndef test_in(perf): perf(advance, 2)\n")
    monkeypatch.chdir(lean.pytester.path / "inner")
    result = lean.pytester.runpytest_inprocess("test_in.py")
    result.stdout.fnmatch_lines(["Make the code faster, or accept it: *'...' test_in.py::test_in"])


def test_limits_come_from_the_nearest_place(based: Project) -> None:
    in_marker = "perf_budget(max_regression='{}')"
    based.run(perf_program(slow=1.1, marks=[in_marker.format("50%")])).assert_outcomes(passed=3)
    # Of two runs, pairs alone could be sure of 10 % beside 3 %, and there is no commit.
    in_table = FEW_RUNS + 'max_regression = "50%"\nconfirm = "runs"\n'
    based.run(perf_program(slow=1.1), pyproject=in_table).assert_outcomes(passed=3)
    result = based.run(perf_program(slow=1.1, marks=[in_marker.format("3%")]), pyproject=in_table)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["  limit 3 % from max_regression = '3%' of perf_budget marker in test_it.py:*"])


def test_a_gate_that_warns_names_a_slowdown_and_fails_nothing(based: Project) -> None:
    result = based.run(perf_program(slow=1.5), "--perf-gate=warn")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["test_it.py::test_body: 50 % slower than the baseline*"])


def test_with_the_gate_off_nothing_is_compared(based: Project) -> None:
    based.run(perf_program(slow=3), "--perf-gate=off").assert_outcomes(passed=3)


def test_a_slower_test_that_is_expected_to_fail_is_xfailed(based: Project) -> None:
    tests = perf_program(slow=2, marks=["perf_budget", "xfail(strict=True)"])
    based.run(tests).assert_outcomes(passed=2, xfailed=1)


def test_after_a_stop_at_the_first_failure_nothing_is_missing(based: Project) -> None:
    based.run(perf_program(body="assert False"), "-x").assert_outcomes(failed=1)
    assert based.report["missing"] == []


def test_timers_and_benchmark_fixtures_are_compared(lean: Project) -> None:
    more = """
def test_timer(perf):
    for _ in range(30):
        with perf.timer("block"): advance(0.1 * SLOW)

@pytest.mark.perf_budget
def test_benchmark(benchmark):
    benchmark.pedantic(lambda: advance(0.1 * SLOW), rounds=3)
"""
    lean.arguments = (*BENCHMARK, "-k", "timer or benchmark")
    tests = perf_program(more=more)
    lean.run(tests, "--perf-update-baseline", pyproject=FEW_RUNS).assert_outcomes(passed=2, deselected=3)
    assert set(lines(lean)) == {"test_timer block", "test_benchmark"}
    lean.run(tests).assert_outcomes(passed=2)
    lean.run(perf_program(slow=1.5, more=more)).assert_outcomes(failed=2)
    assert times(lean)["test_timer block"] == times(lean)["test_benchmark"] == "regressed"
    (benchmark,) = (one for one in lean.report["measurements"] if one["kind"] == "pedantic")
    assert benchmark["profile"]


def test_a_timer_has_a_limit_of_its_own(lean: Project) -> None:
    timer = """
def test_timer(perf):
    for _ in range(400):
        with perf.timer("block", max_regression="90%"): advance({})
"""
    lean.run(timer.format(1), "--perf-update-baseline", pyproject=FEW_RUNS)
    lean.run(timer.format(1.4)).assert_outcomes(passed=1)


def test_a_baseline_too_uncertain_to_find_a_slowdown_is_named(based: Project) -> None:
    edit_baseline(based, '"spread": 0.0', '"spread": 0.9')
    based.run(perf_program()).stdout.fnmatch_lines(
        [
            "undecided: test_it.py::test_body, test_it.py::test_call step: +0 % in this session, but the baseline is uncertain, its processes differ: *% may not be found: update on a calmer *",
            "conditional: 2 numbers undecided beside an uncertain baseline (update *",
        ]
    )


def test_tests_with_odd_characters_in_their_node_ids_are_compared(lean: Project) -> None:
    tests = """
@pytest.mark.perf_budget
@pytest.mark.parametrize("name", ["a::b [y] z ünï", "q'\\"uote a/b back\\\\slash"])
def test_odd(name): advance({})
"""
    lean.run(tests.format(0.1), "--perf-update-baseline", pyproject=FEW_RUNS).assert_outcomes(passed=2)
    assert len(lines(lean)) == 2
    lean.run(tests.format(0.1)).assert_outcomes(passed=2)
    assert set(times(lean).values()) == {"unchanged"}
    lean.run(tests.format(0.2)).assert_outcomes(failed=2)


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_test_that_measures_nothing_any_more_is_named_once_with_the_reason(
    based: Project, workers: tuple[str, ...]
) -> None:
    """The baseline's measurement `test_call step` is not missing beside the reason, and the test is not new."""
    tests = perf_program() + "\ndef test_call(perf): pass\n"
    result = based.run(tests, *workers)
    result.assert_outcomes(passed=3)
    assert times(based) == {"test_body": "unchanged", "test_call": "unmeasured"}
    assert based.report["missing"] == []
    result.stdout.fnmatch_lines(
        ["unmeasured: test_it.py::test_call: the test asks for the perf fixture but never called it"]
    )
    based.run(tests, "--perf-strict", *workers).assert_outcomes(passed=2, failed=1)


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_measurement_whose_function_has_another_name_is_not_called_new(
    based: Project, workers: tuple[str, ...]
) -> None:
    result = based.run(perf_program(call="perf(advance, 0.2)"), *workers)
    assert times(based)["test_call advance"] == "unmeasured"
    result.stdout.fnmatch_lines(["unmeasured: test_it.py::test_call advance: the baseline has 'step' in this test*"])
