"""Times are held against the committed baseline: every process runs on the scripted clock."""

from __future__ import annotations

import os

import pytest
from programs import FAST, TWO, lines
from scripting import Project, times

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_what_is_as_fast_as_it_was_passes(based: Project) -> None:
    based.run(TWO).assert_outcomes(passed=3)
    assert times(based) == {"test_body": "unchanged", "test_call step": "unchanged"}


@pytest.mark.parametrize("workers", [(), ("-n", "0"), ("-n", "2")], ids=["plain", "n0", "n2"])
def test_what_got_slower_fails_with_the_numbers(
    based: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SLOW", "1.1")
    result = based.run(TWO, *workers)
    result.assert_outcomes(passed=2, failed=1)
    assert times(based) == {"test_body": "regressed", "test_call step": "unchanged"}
    result.stdout.fnmatch_lines(
        [
            "10.0 % slower than the baseline (95 % interval *% .. *%)",
            "  110 us, baseline 100 us (*); 3 fresh processes",
            "  limit 5 % from the default",
            "Make it faster, or accept it: pytest --perf-update-baseline --perf-reason '...' test_it.py::test_body",
        ]
    )
    result.stdout.fnmatch_lines(["against the baseline: 1 regressed, *"])


def test_the_command_is_to_be_typed_where_pytest_was_started(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.file("inner/test_in.py", "from scripted import advance\ndef test_in(perf): perf(advance, 1)\n")
    project.run("", "inner", "--perf-update-baseline", pyproject=FAST)
    slower = "from scripted import advance\ndef test_in(perf): perf(advance, 2)\n"
    project.file("inner/test_in.py", slower)
    monkeypatch.chdir(project.pytester.path / "inner")
    result = project.pytester.runpytest_inprocess("test_in.py")
    result.stdout.fnmatch_lines(["Make it faster, or accept it: *'...' test_in.py::test_in"])


def test_limits_come_from_the_nearest_place(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "1.1")
    based.run(TWO.replace("perf_budget\n", "perf_budget(max_regression='20%')\n")).assert_outcomes(passed=3)
    table = FAST + 'max_regression = "20%"\n'
    based.run(TWO, pyproject=table).assert_outcomes(passed=3)
    result = based.run(TWO.replace("perf_budget\n", "perf_budget(max_regression='3%')\n"), pyproject=table)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["  limit 3 % from max_regression = '3%' of perf_budget marker of test_it.py::test_body"]
    )


def test_a_gate_that_warns_says_the_same_and_fails_nothing(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "1.5")
    result = based.run(TWO, "--perf-gate=warn")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["test_it.py::test_body: 50 % slower than the baseline*"])


def test_a_slower_test_that_is_expected_to_fail_does(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "2")
    tests = TWO.replace("def test_body", "@pytest.mark.xfail(strict=True)\ndef test_body")
    based.run(tests).assert_outcomes(passed=2, xfailed=1)


def test_after_a_stop_nothing_is_missing(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "2")
    based.run(TWO, "-x").assert_outcomes(failed=1)
    assert based.report["missing"] == []


def test_fixtures_and_timers_are_compared_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = (
        TWO
        + """
def test_timer(perf):
    for _ in range(30):
        with perf.timer("block"): advance(0.1 * SLOW)

@pytest.mark.perf_budget
def test_benchmark(benchmark):
    benchmark.pedantic(lambda: advance(0.1 * SLOW), rounds=3)
"""
    )
    project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=4, deselected=1)
    assert {"test_timer block", "test_benchmark"} <= set(lines(project))
    project.run(tests).assert_outcomes(passed=5)
    monkeypatch.setenv("SLOW", "1.5")
    project.run(tests).assert_outcomes(passed=2, failed=3)
    assert times(project)["test_timer block"] == times(project)["test_benchmark"] == "regressed"
    (benchmark,) = (one for one in project.report["measurements"] if one["kind"] == "benchmark")
    assert benchmark["profile"]


def test_a_timer_has_a_limit_of_its_own(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    timer = """
import os
def test_timer(perf):
    for _ in range(400):
        with perf.timer("block", max_regression="90%"): advance(float(os.environ.get("SLOW", "1")))
"""
    project.run(timer, "--perf-update-baseline", pyproject=FAST)
    monkeypatch.setenv("SLOW", "1.4")
    project.run(timer).assert_outcomes(passed=1)


def test_a_baseline_that_could_find_nothing_is_said(based: Project) -> None:
    file = based.pytester.path / "perf-baseline.json"
    file.write_text(file.read_text("utf-8").replace('"spread": 0.0', '"spread": 0.9'), "utf-8")
    result = based.run(TWO)
    result.stdout.fnmatch_lines(
        [
            "note: test_it.py::test_body: its baseline is uncertain: a slowdown of less than *% would not be found; update it"
        ]
    )


def test_with_the_gate_off_nothing_is_compared(based: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW", "3")
    based.run(TWO, "--perf-gate=off").assert_outcomes(passed=3)


def test_odd_node_ids(project: Project) -> None:
    tests = """
import os
@pytest.mark.perf_budget
@pytest.mark.parametrize("name", ["a::b", "x [y] z", "ünï", "q'\\"uote", "back\\\\slash", "a/b"])
def test_odd(name): advance(float(os.environ.get("SLOW", "0.1")))
"""
    project.run(tests, "--perf-update-baseline", pyproject=FAST).assert_outcomes(passed=6)
    assert len(lines(project)) == 6
    project.run(tests).assert_outcomes(passed=6)
    assert set(times(project).values()) == {"unchanged"}
    os.environ["SLOW"] = "0.2"
    try:
        project.run(tests).assert_outcomes(failed=6)
    finally:
        del os.environ["SLOW"]
