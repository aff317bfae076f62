"""Tests with pytest-benchmark's fixture are held against the baseline."""

from __future__ import annotations

import pytest
from programs import FEW_RUNS
from scripting import BENCHMARK, Project, times

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


def test_a_benchmark_that_is_disabled_is_neither_compared_nor_judged(benching: Project) -> None:
    tests = MARKED.format("(p95_ms=5)", 1, 60)
    benching.run(tests, "--perf-update-baseline")
    benching.run(tests, "--benchmark-disable")
    assert benching.verdicts() == {"test_old p95": "unmeasured"}
    assert times(benching) == {}
    assert benching.report["summary"]["changes"]["missing"] == 1
