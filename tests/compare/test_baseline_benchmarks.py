"""Tests with pytest-benchmark's fixture are held against the baseline."""

from __future__ import annotations

import pytest
from baselines import lines
from programs import FEW_RUNS
from scripting import BENCHMARK, TWO_WORKERS, Project, times

OLD = "def test_old(benchmark):\n    benchmark.pedantic(lambda: advance({}), rounds={})\n"
MARKED = "@pytest.mark.perf_budget{}\n" + OLD


@pytest.fixture
def benching(lean: Project) -> Project:
    """A project with pytest-benchmark, and a baseline of few runs."""
    lean.arguments = BENCHMARK
    lean.file("pyproject.toml", FEW_RUNS)
    return lean


def test_a_benchmark_test_without_a_marker_is_compared_if_the_baseline_has_it(benching: Project) -> None:
    benching.run(MARKED.format("", 1, 3), "--perf-update-baseline")
    benching.run(OLD.format(1, 3)).assert_outcomes(passed=1)
    assert times(benching) == {"test_old": "unchanged"}
    # Nothing else says that there is anything to do.
    benching.run(OLD.format(2, 3), pyproject="# empty", output=False).assert_outcomes(failed=1)


def test_an_imported_benchmark_without_a_marker_can_be_updated(benching: Project) -> None:
    benching.run(MARKED.format("", 1, 3), "--perf-update-baseline")
    benching.run(OLD.format(1, 3), "--perf-update-baseline").stdout.fnmatch_lines(["*: 1 unchanged"])


def test_a_benchmark_that_is_disabled_is_unmeasured_for_both(benching: Project) -> None:
    tests = MARKED.format("(p95_ms=5)", 1, 60)
    benching.run(tests, "--perf-update-baseline")
    benching.run(tests, "--benchmark-disable")
    assert benching.verdicts() == {"test_old p95": "unmeasured"}
    assert times(benching) == {"test_old": "unmeasured"}
    changes = benching.report["summary"]["changes"]
    assert (changes["unmeasured"], changes["missing"]) == (1, 0)


STATS = """
import shop_of
@pytest.mark.perf_budget(p95_s=5)
def test_it(benchmark):
    benchmark(shop_of.work)
    assert benchmark.stats.stats.mean < 1
"""


@pytest.mark.parametrize("arguments", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_suite_that_reads_the_statistics_is_measured_in_fresh_processes_too(
    benching: Project, arguments: tuple[str, ...]
) -> None:
    benching.arguments = (*BENCHMARK, *arguments)
    benching.file("shop_of.py", "from scripted import advance\ndef work(): advance(1)\n")
    benching.run(STATS, "--perf-update-baseline").assert_outcomes(passed=1)
    assert set(lines(benching)) == {"test_it"}
    benching.file("shop_of.py", "from scripted import advance\ndef work(): advance(1.5)\n")
    benching.run(STATS).assert_outcomes(failed=1)
    assert times(benching) == {"test_it": "regressed"}


ONCE = """
CALLS = []

@pytest.mark.perf_budget(max_s=5)
def test_it(benchmark):
    benchmark.pedantic(lambda: CALLS.append(1), rounds=1)
    assert CALLS == [1]
"""


def test_code_that_is_measured_once_is_not_called_again(benching: Project) -> None:
    benching.run(ONCE, "--perf-update-baseline").assert_outcomes(passed=1)
    result = benching.run(ONCE)
    result.assert_outcomes(passed=1)
    assert benching.verdicts() == {"test_it max": "within"}


def test_code_that_is_measured_once_is_not_called_again_for_an_update(benching: Project) -> None:
    """The fresh processes of the update call the code once, too, and say why there is no time."""
    result = benching.run(ONCE, "--perf-update-baseline")
    result.stdout.fnmatch_lines(["not in the baseline: test_it.py::test_it: pedantic(rounds=1) *: give more rounds"])
    assert result.ret == pytest.ExitCode.OK


def test_code_that_is_measured_once_is_not_new_and_is_never_told_to_update_the_baseline(benching: Project) -> None:
    other = "@pytest.mark.perf_budget\ndef test_other(benchmark): benchmark(advance, 1)\n"
    benching.run(ONCE + other, "--perf-update-baseline").assert_outcomes(passed=2)
    result = benching.run(ONCE + other)
    assert times(benching) == {"test_it": "unmeasured", "test_other": "unchanged"}
    result.stdout.fnmatch_lines(["unmeasured: test_it.py::test_it: pedantic(rounds=1) *: give more rounds"])
    result.stdout.no_fnmatch_line("*--perf-update-baseline*")


def test_a_tear_down_follows_each_call_when_it_is_measured_again(benching: Project) -> None:
    tests = """
OPEN = []

def work():
    assert not OPEN
    OPEN.append(advance({ms}))

@pytest.mark.perf_budget
def test_it(benchmark): benchmark.pedantic(work, teardown=OPEN.clear, rounds=3)
"""
    benching.run(tests.format(ms=1), "--perf-update-baseline").assert_outcomes(passed=1)
    benching.run(tests.format(ms=1)).assert_outcomes(passed=1)
    assert times(benching) == {"test_it": "unchanged"}
    benching.run(tests.format(ms=2)).assert_outcomes(failed=1)


@pytest.mark.parametrize(("budget", "seconds"), [("", 0.1), ("(mean_ms=900)", 0.3)])
def test_its_own_rounds_take_a_tenth_of_a_second_unless_a_budget_needs_them(
    benching: Project, budget: str, seconds: float
) -> None:
    tests = f"""
import pytest
@pytest.mark.benchmark(max_time=0.3)
@pytest.mark.perf_budget{budget}
def test_it(benchmark):
    benchmark(lambda: advance(1))
    assert float(benchmark._max_time) == {{}}
"""
    benching.run(tests.format(0.0).replace("==", ">="), "--perf-update-baseline")
    benching.run(tests.format(seconds)).assert_outcomes(passed=1)
