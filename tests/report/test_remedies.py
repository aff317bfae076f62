"""Remedies: each is told once for all the tests that it is for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from results import budget, change, measurement
from texts import findings

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.kinds import BODY, LOAD, TIMER, MeasurementKind
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.results import BudgetResult, RegressionResult, RegressionVerdict
from pytest_perfbudget.report.findings import failure_text
from pytest_perfbudget.report.remedies import remedies_of, remedy_lines

CHEAPER = "Make the code cheaper, or raise the limit at the place that the failure names if the cost is intended."
FASTER = "Make the code faster, or accept it: pytest --perf-update-baseline --perf-reason '...'"


def failures(*results: Sequence[BudgetResult | RegressionResult]) -> list[Finding]:
    """Return the findings of tests `a.py::test_0`, `a.py::test_1`, ... with these results."""
    tests = [measurement(*found, nodeid=f"a.py::test_{at}") for at, found in enumerate(results)]
    return [one for one in findings(*tests) if one.is_failure]


def test_the_same_remedy_for_several_tests_is_told_once() -> None:
    found = failures([budget()], [budget(limit=1e6)], [budget()])
    assert remedy_lines(found) == [CHEAPER]
    (remedy,) = remedies_of(found)
    assert remedy.tests == ["a.py::test_0", "a.py::test_1", "a.py::test_2"]
    text = failure_text(found, with_test=True)
    assert text.count(CHEAPER) == 1
    assert text.count("perfbudget guide exceeded") == 1


def test_a_command_names_all_tests_that_it_is_for() -> None:
    assert remedy_lines(failures([change()], [change()])) == [f"{FASTER} a.py::test_0 a.py::test_1"]


def test_a_command_for_many_tests_names_their_files() -> None:
    (found,) = remedy_lines(failures(*[[change()]] * 6))
    assert found == f"{FASTER} a.py (all tests of the files; -k EXPRESSION for some of the 6)"
    hostile = [measurement(change(), nodeid=f"b c.py::test[{at} x]") for at in range(6)]
    (quoted,) = remedy_lines([one for one in findings(*hostile) if one.is_failure])
    assert quoted.startswith(f"{FASTER} 'b c.py' (")


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        (["time", "calls"], "Make the code faster and reduce the function calls"),
        (["calls", "peak", "time"], "Make the code faster and reduce the function calls and the peak memory"),
        (["rps", "time"], "Make the code faster and restore the requests per second"),
        (["rps"], "Restore the requests per second"),
    ],
)
def test_the_numbers_of_a_measurement_have_one_remedy(metrics: list[str], told: str) -> None:
    directions = {"rps": Direction.HIGHER}
    grown = [change(metric=one, direction=directions.get(one, Direction.LOWER)) for one in metrics]
    calm = change(RegressionVerdict.UNCHANGED, metric="instructions")
    assert remedy_lines(failures([calm, *grown])) == [f"{told}, or {FASTER.partition(', or ')[2]} a.py::test_0"]


@pytest.mark.parametrize(
    ("others", "runs", "kind", "is_told"),
    [
        ([], 20, BODY, True),
        ([change(RegressionVerdict.UNCHANGED, metric="instructions")], 20, BODY, False),
        ([], 0, BODY, False),
        ([], 20, LOAD, False),
        ([], 20, TIMER, False),
    ],
    ids=["open", "instructions are compared", "not measured again", "a load", "a timer"],
)
def test_a_time_that_many_processes_leave_open_can_be_helped_by_instructions(
    others: list[RegressionResult], runs: int, kind: MeasurementKind, *, is_told: bool
) -> None:
    time = change(RegressionVerdict.UNDECIDED, ratio=1.07, lower=0.99, runs=runs)
    found = remedy_lines(findings(measurement(time, *others, kind=kind)))
    assert any("count_instructions = true" in one for one in found) is is_told


def test_the_baseline_accepts_no_test_that_exceeds_a_budget() -> None:
    (_, told) = remedy_lines(failures([budget(), change()]))
    first = "To accept it, mend the exceeded budget first: --perf-update-baseline refuses a test that fails."
    assert told == f"Make the code faster. {first}"
    (alone,) = remedy_lines(failures([change()]))
    assert alone == f"{FASTER} a.py::test_0"


def test_a_name_that_a_shell_would_take_apart_stays_quoted() -> None:
    one = measurement(change(), nodeid="a.py::test[x y]")
    assert remedy_lines([found for found in findings(one) if found.is_failure]) == [f"{FASTER} 'a.py::test[x y]'"]


def test_a_remedy_that_is_not_for_all_tests_names_those_that_it_is_for() -> None:
    found = failures([budget()], [budget()], [change()])
    assert remedy_lines(found) == [f"a.py::test_0, a.py::test_1: {CHEAPER}", f"{FASTER} a.py::test_2"]


def test_a_saved_report_knows_the_test_within_a_remedy() -> None:
    found = [Finding.from_dict(one.to_dict()) for one in failures([change()], [change()], [budget()])]
    assert found[0].remedy_target == "a.py::test_0"
    assert "remedy_target" not in found[2].to_dict()
    assert remedy_lines(found)[0].endswith("a.py::test_0 a.py::test_1")
