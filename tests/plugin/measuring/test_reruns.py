"""A test that is run again is measured again."""

from __future__ import annotations

import pytest
from scripting import Project

from pytest_perfbudget.history.store import sessions


def test_reruns_measure_again_and_the_last_run_counts(each_way: Project) -> None:
    result = each_way.run(
        """
runs = []

@pytest.fixture
def attempt():
    runs.append(1)
    return len(runs)

@pytest.mark.perf_budget(p95_ms=50)
def test_recovers(attempt): advance(ms=60 if attempt == 1 else 10)

@pytest.mark.perf_budget(p95_ms=50)
def test_stays_slow(): advance(ms=60)
""",
        *("-p", "pytest_rerunfailures", "--reruns", "1", "--perf-history=kept.db"),
    )
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["failed"], outcomes["rerun"]) == (1, 1, 2)
    assert each_way.verdicts() == {"test_recovers p95": "within", "test_stays_slow p95": "exceeded"}
    (kept,) = sessions(each_way.pytester.path / "kept.db", 0)
    limited = {one.test.partition("::")[2]: one.verdict for one in kept.points if one.limit is not None}
    assert limited == {"test_recovers": "rerun", "test_stays_slow": "exceeded"}
    before = {one["nodeid"].partition("::")[2]: one.get("exceeded_before") for one in each_way.report["measurements"]}
    assert before == {"test_recovers": ["p95"], "test_stays_slow": ["p95"]}


def test_each_of_several_attempts_leaves_its_trace(each_way: Project) -> None:
    each_way.run(
        """
runs = []

@pytest.fixture
def attempt():
    runs.append(1)
    return len(runs)

@pytest.mark.perf_budget(p95_ms=50, max_calls=20)
def test_recovers(attempt):
    advance(ms=60 if attempt == 1 else 10)
    if attempt == 2:
        for _ in range(50):
            len("parts")
""",
        *("-p", "pytest_rerunfailures", "--reruns", "2"),
    )
    (one,) = each_way.report["measurements"]
    assert one["exceeded_before"] == ["p95", "calls"]


def test_a_rerun_that_is_skipped_in_its_setup_keeps_no_results(each_way: Project) -> None:
    result = each_way.run(
        """
runs = []

@pytest.fixture
def attempt():
    runs.append(1)
    if len(runs) > 1:
        pytest.skip("no second time")

@pytest.mark.perf_budget(p95_ms=50)
def test_slow(attempt): advance(ms=60)
""",
        *("-p", "pytest_rerunfailures", "--reruns", "1"),
    )
    assert result.ret == pytest.ExitCode.OK
    assert each_way.report["findings"] == each_way.report["measurements"] == []


def test_a_rerun_of_a_late_perf_begins_anew(project: Project) -> None:
    project.run(
        """
calls = []
def test_it(request):
    perf = request.getfixturevalue("perf")
    perf(advance, 1, p95_ms=50)
    calls.append(1)
    assert len(calls) == 2
""",
        "--reruns=1",
    ).assert_outcomes(passed=1)
    assert project.verdicts() == {"test_it advance p95": "within"}


def test_a_rerun_that_fails_by_itself_takes_back_what_was_measured_before(project: Project) -> None:
    project.run(
        """
runs = []

@pytest.fixture
def attempt():
    runs.append(1)
    return len(runs)

@pytest.mark.perf_budget(p95_ms=50)
def test_it(attempt):
    advance(ms=60)
    assert attempt == 1
""",
        "--reruns=1",
    )
    assert project.report["measurements"] == []
