"""The health score: its formula on plain cases, and that a worse number never raises a score."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results import MS, budget, change, measurement

from pytest_perfbudget.core.finding import Finding, Severity
from pytest_perfbudget.core.health import (
    Apdex,
    Evidence,
    Health,
    apdex_target,
    health,
    mark_of_budget,
    mark_of_change,
    session_health,
)
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult

WITHIN, UNDECIDED, EXCEEDED = BudgetVerdict.WITHIN, BudgetVerdict.UNDECIDED, BudgetVerdict.EXCEEDED


def used(share: float, verdict: BudgetVerdict = WITHIN) -> BudgetResult:
    """Return the result of a p95 budget of which a share is used."""
    return budget(verdict, estimate=50 * MS * share)


def score(*evidence: Evidence) -> int:
    found = health(evidence)
    assert found is not None
    return found.score


class TestMarks:
    """The mark of each budget and each comparison."""

    @pytest.mark.parametrize(
        ("share", "verdict", "mark"),
        [
            (0.1, WITHIN, 100),
            (0.5, WITHIN, 100),
            (0.75, WITHIN, 90),
            (1.0, WITHIN, 80),
            (0.1, UNDECIDED, 90),
            (1.25, UNDECIDED, 64),
            (1.1, EXCEEDED, 50),
            (3.2, EXCEEDED, 25),
        ],
    )
    def test_a_budget_has_a_mark_by_the_used_share(self, share: float, verdict: BudgetVerdict, mark: float) -> None:
        assert mark_of_budget(used(share, verdict)) == pytest.approx(mark)

    def test_a_budget_without_a_number_has_60(self) -> None:
        assert mark_of_budget(budget(BudgetVerdict.UNMEASURED, estimate=None)) == 60

    def test_a_count_that_is_its_limit_has_no_doubt(self) -> None:
        found = budget(WITHIN, metric="calls", unit="calls", limit=201.0, estimate=201.0)
        assert mark_of_budget(found) == 100

    def test_a_rate_of_success_is_judged_by_its_failures(self) -> None:
        rate: dict[str, Any] = {"metric": "success_rate", "unit": "%", "direction": Direction.HIGHER, "limit": 97.0}
        assert mark_of_budget(budget(WITHIN, **rate, estimate=99.0)) == 100
        assert mark_of_budget(budget(WITHIN, **rate, estimate=97.0)) == pytest.approx(80)

    def test_a_regression_has_50_over_its_ratio(self) -> None:
        assert mark_of_change(change(ratio=2.0)) == 25
        assert mark_of_change(change(ratio=0.5, direction=Direction.HIGHER)) == 25

    @pytest.mark.parametrize("verdict", [RegressionVerdict.NEW, RegressionVerdict.FOREIGN, RegressionVerdict.MISSING])
    def test_a_number_without_another_side_has_no_mark(self, verdict: RegressionVerdict) -> None:
        assert mark_of_change(change(verdict)) is None


class TestScores:
    """The score of a component, and of the whole."""

    def test_nothing_to_judge_has_no_health(self) -> None:
        assert health([]) is None
        assert health([Evidence("storage", changes=[change(RegressionVerdict.NEW)])]) is None

    def test_a_component_has_the_mean_of_its_marks(self) -> None:
        assert score(Evidence("a", [used(0.1), used(1.0)])) == 90

    def test_the_worst_verdict_caps_the_component_and_the_whole(self) -> None:
        good = [used(0.1)] * 99
        found = health([Evidence("a", [*good, used(1.1, EXCEEDED)]), *(Evidence(f"b{n}", good) for n in range(20))])
        assert found is not None
        assert found.score == found.components[0].score == 59
        assert found.components[1].score == 100

    def test_a_regression_caps_as_well(self) -> None:
        assert score(Evidence("a", [used(0.1)] * 99, [change(ratio=1.01)])) == 59
        assert score(Evidence("a", [used(0.1)] * 99, [change(RegressionVerdict.UNCHANGED)])) == 100

    @pytest.mark.parametrize(("errors", "expected"), [(0, 100), (1, 99), (20, 90), (200, 0), (1000, 0)])
    def test_errors_cost_five_times_their_percentage(self, errors: int, expected: int) -> None:
        assert score(Evidence("a", requests=1000, errors=errors)) == expected

    def test_components_are_sorted_and_converted(self) -> None:
        found = health([Evidence("b", [used(0.1)]), Evidence("a", [used(2.0, EXCEEDED)])])
        assert found is not None
        first, second = found.to_dict()["components"]
        assert (first["component"], first["score"], first["exceeded"]) == ("a", 40, 1)
        assert (second["component"], second["score"], second["within"]) == ("b", 100, 1)


class TestSessions:
    """The health of a session's measurements."""

    def test_measurements_are_judged_by_component(self) -> None:
        one = measurement(used(0.1), component="storage")
        two = measurement(used(2.0, EXCEEDED), component="jwt")
        found = session_health([one, two])
        assert found is not None
        assert {part.component: part.score for part in found.components} == {"jwt": 40, "storage": 100}

    def test_a_load_is_judged_by_its_errors(self) -> None:
        found = session_health([measurement(load=LoadFacts("10 users", requests=100, failures=10))])
        assert found is not None
        assert found.score == 50

    def test_an_unmeasured_test_lowers_the_score(self) -> None:
        found = session_health([measurement(used(0.1)), measurement(unmeasured="a reason")])
        assert found is not None
        assert found.score == 80

    def test_a_comparison_that_is_still_to_come_does_not_count(self) -> None:
        assert session_health([measurement(change(), is_pending=True)]) is None

    def test_the_report_has_the_health(self) -> None:
        result = RunResult(measurements=[measurement(used(0.1))])
        assert result.to_dict()["health"]["score"] == 100
        assert RunResult().to_dict()["health"] is None

    @pytest.mark.parametrize(
        ("finding", "score"),
        [
            (Finding("drift", Severity.FAILURE, "test_it.py::test_it"), 59),
            (Finding("drift", Severity.FAILURE, ""), 89),  # drift that could not be judged
            (Finding("drift", Severity.WARNING, "test_it.py::test_it"), 100),
            (Finding("drift", Severity.WARNING, "test_it.py::test_it", is_gated=True), 59),
            (Finding("loosened", Severity.FAILURE, "test_it.py::test_it"), 89),
            (Finding("not_ready", Severity.FAILURE, ""), 100),  # the readiness has its own line
        ],
    )
    def test_a_session_that_fails_without_a_bad_number_is_not_whole(self, finding: Finding, score: int) -> None:
        result = RunResult(measurements=[measurement(used(0.1))], findings=[finding])
        assert result.to_dict()["health"]["score"] == score


class TestApdex:
    """The Apdex of quantiles."""

    def test_it_counts_half_of_what_is_tolerated(self) -> None:
        assert Apdex(60, 30, 100).score == pytest.approx(0.75)
        assert Apdex().score is None

    def test_the_limit_of_the_p95_is_the_target(self) -> None:
        assert apdex_target({"max": 9.0, "p95": 5.0}) == 5.0
        assert apdex_target({"peak": 9.0}) is None

    @pytest.mark.parametrize(
        ("statistics", "expected"),
        [
            ({"median": 1 * MS, "max": 40 * MS}, 1.0),
            ({"median": 1 * MS, "p95": 60 * MS, "max": 150 * MS}, 0.75),
            ({"median": 60 * MS, "max": 900 * MS}, 0.25),
            ({"median": 900 * MS}, 0.0),
        ],
    )
    def test_a_session_knows_it_as_far_as_its_quantiles_show(
        self, statistics: dict[str, float], expected: float
    ) -> None:
        found = session_health([measurement(used(0.5), statistics=statistics)])
        assert found is not None
        assert found.apdex == pytest.approx(expected)

    def test_without_a_limit_on_a_time_there_is_none(self) -> None:
        found = session_health([measurement(budget(WITHIN, metric="peak", unit="bytes", limit=1e6, estimate=1e3))])
        assert found is not None
        assert found.apdex is None


BUDGET_ORDER = (WITHIN, UNDECIDED, BudgetVerdict.UNMEASURED, EXCEEDED)
CHANGE_ORDER = (
    RegressionVerdict.IMPROVED,
    RegressionVerdict.UNCHANGED,
    RegressionVerdict.UNCONFIRMED,
    RegressionVerdict.UNDECIDED,
    RegressionVerdict.REGRESSED,
    RegressionVerdict.WRONG_CODE,
)
BUDGETS = st.builds(used, st.floats(0.01, 50), st.sampled_from((WITHIN, UNDECIDED, EXCEEDED)))
CHANGES = st.builds(change, st.sampled_from(CHANGE_ORDER), ratio=st.floats(1, 50))
EVIDENCE = st.builds(
    Evidence,
    st.sampled_from("abc"),
    st.lists(BUDGETS, max_size=4),
    st.lists(CHANGES, max_size=4),
    st.integers(0, 2),
    st.just(1000),
    st.integers(0, 999),
)


def worse_budget(draw: st.DataObject, one: BudgetResult) -> BudgetResult:
    verdicts = [
        verdict
        for verdict in BUDGET_ORDER[BUDGET_ORDER.index(one.verdict) :]
        if verdict is not BudgetVerdict.UNMEASURED
    ]
    estimate = (one.estimate or 0) * draw.draw(st.floats(1, 10))
    return replace(one, verdict=draw.draw(st.sampled_from(verdicts)), estimate=estimate)


def worse_change(draw: st.DataObject, one: RegressionResult) -> RegressionResult:
    verdict = draw.draw(st.sampled_from(CHANGE_ORDER[CHANGE_ORDER.index(one.verdict) :]))
    return replace(one, verdict=verdict, ratio=(one.ratio or 1) * draw.draw(st.floats(1, 10)))


def scores(found: Health | None) -> dict[str, int]:
    assert found is not None
    return {"": found.score, **{one.component: one.score for one in found.components}}


@settings(max_examples=300, deadline=None)
@given(st.lists(EVIDENCE, min_size=1, max_size=3, unique_by=lambda one: one.component), st.data())
def test_a_worse_number_never_raises_a_score(evidence: list[Evidence], data: st.DataObject) -> None:
    worse = [
        replace(
            one,
            budgets=[worse_budget(data, result) for result in one.budgets],
            changes=[worse_change(data, result) for result in one.changes],
            errors=data.draw(st.integers(one.errors, 1000)),
        )
        for one in evidence
    ]
    before, after = scores(health(evidence)), scores(health(worse))
    assert all(after[name] <= before[name] for name in before)
    assert all(0 <= number <= 100 for number in after.values())


SOUND = st.builds(
    Evidence,
    st.just("a"),
    st.lists(st.builds(used, st.floats(0.01, 1)), max_size=4),
    st.lists(st.builds(change, st.sampled_from(CHANGE_ORDER[:4])), max_size=4),
    st.just(0),
    st.just(1000),
    st.integers(0, 80),
)


@settings(max_examples=100, deadline=None)
@given(SOUND, st.floats(1.1, 9))
def test_a_budget_that_breaks_takes_a_sound_component_below_60(evidence: Evidence, share: float) -> None:
    broken = replace(evidence, budgets=[*evidence.budgets, used(share, EXCEEDED)])
    assert score(evidence) >= 60 > score(broken)
