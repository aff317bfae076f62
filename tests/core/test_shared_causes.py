"""The causes that several failing tests have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from results import budget, change, measurement

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.call_graph import CallGraph, CallGraphs
from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetResult, Growth, RegressionResult, RegressionVerdict, Repeat
from pytest_perfbudget.core.shared_causes import Subject, shared_causes
from pytest_perfbudget.core.spans.changes import ComponentChange, SpanComparison

QUERY = "SELECT name FROM users WHERE id = ?"
SLOW = {"median": 5.5e7}
"""The statistics of a measurement whose usual execution is over its limit of 50 ms."""


def blamed(function: str, gained_ns: float = 4e5) -> Blame:
    return Blame(function, Cause.OWN_CODE, gained_ns, 5e5)


def moved(name: str) -> SpanComparison:
    part = ComponentChange(name, 1e6, 3e6, 1.8e6, 2.2e6)
    return SpanComparison(ComponentChange("", 2e6, 4e6, 1.8e6, 2.2e6), [part], 12)


def several(*results: BudgetResult | RegressionResult, **changed: Any) -> list[Measurement]:
    """Return a measurement for each result, of the tests `a.py::test_0`, `a.py::test_1`, ..."""
    return [measurement(one, nodeid=f"a.py::test_{at}", **changed) for at, one in enumerate(results)]


def causes(measurements: list[Measurement]) -> list[tuple[Subject, str, int]]:
    """Return the subject and the name of each shared cause, with its number of tests."""
    findings = [case.finding for case in find(measurements, Policy())]
    return [(one.subject, one.name, len(one.tests)) for one in shared_causes(measurements, findings)]


def test_the_function_that_several_regressions_blame_is_their_cause() -> None:
    slow = [change(blamed=[blamed("app.db:query")]) for _ in range(3)]
    other = change(blamed=[blamed("app.api:render")])
    assert causes(several(*slow, other)) == [(Subject.FUNCTION, "app.db:query", 3)]


def test_a_cause_of_a_single_test_is_told_by_the_test() -> None:
    assert causes(several(change(blamed=[blamed("app.db:query")]), change(blamed=[blamed("app.api:render")]))) == []


def test_measurements_of_a_single_test_are_no_group() -> None:
    one, two = (
        measurement(change(blamed=[blamed("app.db:query")]), nodeid="a.py::test", name=name) for name in ("a", "b")
    )
    assert causes([one, two]) == []


def test_a_test_with_two_possible_causes_belongs_to_the_one_of_most_tests() -> None:
    both = change(blamed=[blamed("app.api:render", 4e5), blamed("app.db:query", 3e5)])
    found = causes(several(both, change(blamed=[blamed("app.db:query")]), change(blamed=[blamed("app.db:query")])))
    assert found == [(Subject.FUNCTION, "app.db:query", 3)]


def test_the_same_code_that_waits_may_wait_for_a_function_that_was_changed() -> None:
    """As a call that hands its work to a thread, which no profile has, beside tests that call the function itself."""
    waits = Blame("app.api:ask", Cause.SLOWER_LIBRARY, 4e5, 5e5, "queue:Queue.get", 1, 1, is_unchanged=True)
    may_be = Blame("app.db:query", Cause.OTHER_CODE, 0.0, 5e5)
    direct = [change(blamed=[blamed("app.db:query")]) for _ in range(2)]
    assert causes(several(*direct, change(blamed=[waits, may_be]))) == [(Subject.FUNCTION, "app.db:query", 3)]
    other = replace(may_be, function="app.db:unrelated")
    assert causes(several(*direct, change(blamed=[waits, may_be, other]))) == [(Subject.FUNCTION, "app.db:query", 2)]
    own = replace(waits, is_unchanged=False)
    assert causes(several(*direct, change(blamed=[own, may_be]))) == [(Subject.FUNCTION, "app.db:query", 2)]


def test_a_small_part_of_a_slowdown_is_no_cause() -> None:
    large = change(blamed=[blamed("app.api:render", 4e5), blamed("app.db:query", 1e5)])
    assert causes(several(large, change(blamed=[blamed("app.db:query")]))) == []


def test_the_caller_of_additional_calls_is_their_cause() -> None:
    more = change(metric="calls", unit="calls", grown=[Growth("json:loads", 1, 40, "app.api:page")])
    assert causes(several(more, more)) == [(Subject.FUNCTION, "app.api:page", 2)]


def test_a_component_that_takes_longer_is_a_cause() -> None:
    slow = change(components=moved("db.query"))
    assert causes(several(slow, slow)) == [(Subject.SPAN, "db.query", 2)]


def test_a_repeated_query_is_a_cause() -> None:
    many = budget(metric="count", unit="spans", span="db.query", repeats=[Repeat(QUERY, 12, "app/db.py:7")])
    assert causes(several(many, many)) == [(Subject.STATEMENT, QUERY, 2)]


def test_the_function_that_takes_most_of_the_time_is_the_cause_of_exceeded_budgets() -> None:
    rows = ["app.db:query, line 6", "built-in method time.sleep, from app.db:query.<listcomp>", "app.db:query"]
    found = [
        measurement(budget(), nodeid=f"a.py::test_{at}", profile=[ProfileRow(row, 1, 0.6)], statistics=SLOW)
        for at, row in enumerate(rows)
    ]
    assert causes(found) == [(Subject.FUNCTION, "app.db:query", 3)]
    even = [ProfileRow("app.db:query", 1, 0.4)]
    assert causes(several(budget(), budget(), profile=even, statistics=SLOW)) == []


@pytest.mark.parametrize(
    ("metric", "unit", "median_ns"), [("calls", "calls", 6e7), ("cpu_median", "ns", 6e7), ("p95", "ns", 1.0)]
)
def test_a_profile_of_times_explains_no_other_number_and_no_rare_slow_execution(
    metric: str, unit: str, median_ns: float
) -> None:
    exceeded = budget(metric=metric, unit=unit)
    rows, typical = [ProfileRow("app.api:page, line 3", 1, 0.9)], {"median": median_ns}
    found = [measurement(exceeded, nodeid=f"a.py::test_{at}", profile=rows, statistics=typical) for at in range(2)]
    assert causes(found) == []


def test_the_profile_of_one_side_does_not_explain_a_slowdown() -> None:
    rows = [ProfileRow("app.db:query", 1, 0.9)]
    found = [measurement(budget(), change(), nodeid=f"a.py::test_{at}", profile=rows) for at in range(2)]
    assert causes(found) == []


def test_a_function_counts_by_its_file_where_several_files_have_its_name() -> None:
    files = ["a/helpers.py", "a/helpers.py", "b/helpers.py", "b/helpers.py", ""]
    found = [
        replace(one, call_graphs=CallGraphs(CallGraph(files={"helpers:load": file} if file else {})))
        for one, file in zip(several(*[change(blamed=[blamed("helpers:load")])] * 5), files, strict=True)
    ]
    findings = [case.finding for case in find(found, Policy())]
    shared = shared_causes(found, findings)
    assert [(one.file, one.tests) for one in shared] == [
        ("a/helpers.py", ["a.py::test_0", "a.py::test_1"]),
        ("b/helpers.py", ["a.py::test_2", "a.py::test_3"]),
    ]
    (whole,) = shared_causes([*found[:2], found[4]], findings)  # a file that is not known tells nothing apart
    assert (whole.file, len(whole.tests)) == ("", 3)


def test_a_test_that_does_not_fail_is_in_no_group() -> None:
    calm = change(RegressionVerdict.UNCHANGED, ratio=1.0, blamed=[blamed("app.db:query")])
    assert causes(several(change(blamed=[blamed("app.db:query")]), calm)) == []
