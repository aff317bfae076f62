"""A baseline of another machine, of another Python or of another speed."""

from __future__ import annotations

import json

import pytest
from programs import TWO
from scripting import Project, regression_verdicts, times

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_foreign(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of another machine are not judged; counts are, for the Python is the same."""
    file = based.pytester.path / "perf-baseline.json"
    document = json.loads(file.read_text("utf-8"))
    (key,) = document["machines"]
    file.write_text(file.read_text("utf-8").replace(key, "elsewhere"), "utf-8")
    monkeypatch.setenv("SLOW", "3")
    result = based.run(TWO)
    result.assert_outcomes(passed=3)
    assert based.report["missing"] == []
    assert times(based) == {"test_body": "foreign", "test_call step": "foreign"}
    result.stdout.fnmatch_lines(["foreign: *: the baseline has no times of this machine (*)"])
    assert regression_verdicts(based)["test_body calls"] == "unchanged"
    based.run(TWO, "--perf-strict").assert_outcomes(passed=1, failed=2)
    tests = (
        TWO.replace("advance(0.1 * SLOW)", "advance(0.1)\n    for _ in range(40): verify()") + "\ndef verify(): pass\n"
    )
    based.run(tests).assert_outcomes(passed=2, failed=1)


def test_another_python_is_another_machine_for_counts_as_well(based: Project) -> None:
    file = based.pytester.path / "perf-baseline.json"
    (key,) = json.loads(file.read_text("utf-8"))["machines"]
    text = file.read_text("utf-8").replace(key, "elsewhere").replace('"CPython ', '"PyPy ')
    file.write_text(text, "utf-8")
    based.run(TWO)
    assert regression_verdicts(based) == {"test_body time": "foreign", "test_call step time": "foreign"}


def test_a_baseline_of_a_machine_of_quite_another_speed_is_stale(
    based: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = based.pytester.path / "perf-baseline.json"
    file.write_text(file.read_text("utf-8").replace('"calm_ns": [1, 1, 1]', '"calm_ns": [9, 9, 9]'), "utf-8")
    monkeypatch.setenv("SLOW", "3")
    result = based.run(TWO)
    assert times(based)["test_body"] == "unmeasured"
    result.stdout.fnmatch_lines(
        ["unmeasured: *: the canaries take 0.11 times what they took for the baseline: update it"]
    )
