"""Tests with pytest-benchmark's fixture are held against the baseline."""

from __future__ import annotations

import pytest
from programs import FAST
from scripting import Project, times

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_a_benchmark_test_without_a_marker_is_compared_if_the_baseline_has_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = "import os\n{}\ndef test_old(benchmark):\n    benchmark.pedantic(lambda: advance(float(os.environ.get('SLOW', '1'))), rounds=3)\n"
    project.run(tests.format("@pytest.mark.perf_budget"), "--perf-update-baseline", pyproject=FAST)
    project.run(tests.format("")).assert_outcomes(passed=1)
    assert times(project) == {"test_old": "unchanged"}
    monkeypatch.setenv("SLOW", "2")
    # Nothing else says that there is anything to do.
    project.run(tests.format(""), pyproject="# empty", output=False).assert_outcomes(failed=1)


def test_an_imported_benchmark_without_a_marker_can_be_updated(project: Project) -> None:
    tests = "{}\ndef test_old(benchmark):\n    benchmark.pedantic(lambda: advance(1), rounds=3)\n"
    project.run(tests.format("@pytest.mark.perf_budget"), "--perf-update-baseline", pyproject=FAST)
    project.run(tests.format(""), "--perf-update-baseline").stdout.fnmatch_lines(["*: 1 unchanged"])


def test_a_benchmark_that_is_disabled_is_neither_compared_nor_judged(project: Project) -> None:
    tests = "@pytest.mark.perf_budget(p95_ms=5)\ndef test_old(benchmark):\n    benchmark.pedantic(lambda: advance(1), rounds=60)\n"
    project.run(tests, "--perf-update-baseline", pyproject=FAST)
    project.run(tests, "--benchmark-disable")
    assert project.verdicts() == {"test_old p95": "unmeasured"}
    assert times(project) == {}
    assert project.report["summary"]["baseline"]["missing"] == 1
