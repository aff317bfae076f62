"""The table of metrics, and criteria for which more is better."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.budgets import Budget, parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import budget_result, criterion, judge_count
from pytest_perfbudget.core.metrics import KEYWORDS, METRICS, ComparedAs, Direction, Metric, counts, register
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult

ERRORS = Errors(exceeded=0.01, within=0.05)
HITS = Metric("hits", "hits", "hits", Direction.HIGHER, keywords={"min_hits": 1.0})


@pytest.fixture
def hits() -> Iterator[Metric]:
    yield register(HITS)
    del METRICS["hits"], KEYWORDS["min_hits"]


def test_every_keyword_leads_to_a_metric_of_the_table() -> None:
    assert {metric.name for metric, _ in KEYWORDS.values()} <= set(METRICS)
    assert [metric.name for metric in counts()] == ["calls", "instructions", "peak"]
    assert METRICS["time"].compared_as is ComparedAs.TIME


def test_a_metric_is_there_once_and_so_is_a_keyword(hits: Metric) -> None:
    assert register(hits) == hits
    with pytest.raises(ValueError, match="there is a metric 'hits' already"):
        register(Metric("hits", "1/s"))
    with pytest.raises(ValueError, match="the keyword 'min_hits' limits 'hits' already"):
        register(Metric("other", keywords={"min_hits": 2.0}))
    assert "other" not in METRICS


def test_a_lower_limit_is_a_budget_like_any_other(hits: Metric) -> None:
    (found,) = parse_budgets({"min_hits": 100}, "here")
    assert found == Budget(hits, 100.0, "min_hits", "here")
    assert judge_count(found, 120, 1).verdict is BudgetVerdict.WITHIN
    assert judge_count(found, 100, 1).verdict is BudgetVerdict.WITHIN
    assert judge_count(found, 80, 1).verdict is BudgetVerdict.EXCEEDED


@pytest.mark.parametrize(("estimate", "used"), [(200, 0.5), (100, 1.0), (80, 1.25), (0, 1e9)])
def test_of_a_lower_limit_more_than_all_is_used_beyond_it(estimate: float, used: float) -> None:
    decided = CriterionResult(BudgetVerdict.UNDECIDED, estimate, None, None, 1)
    assert budget_result(Budget(HITS, 100.0, "min_hits", "here"), decided).used == used


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(0.01, 1))
def test_worse_and_better_are_opposite_in_both_directions(before: float, after: float, tolerance: float) -> None:
    for metric in (METRICS["peak"], HITS):
        assert not (
            metric.is_worse(after, metric.allowed(before, tolerance)) and metric.has_improved(before, after, tolerance)
        )
        assert metric.better(before, after) in (before, after)
        assert not metric.is_worse(metric.better(before, after), before)


class TestMirroredCriteria:
    """A lower limit on a statistic of rounds has the error rates of an upper limit."""

    @staticmethod
    def metric(statistic: str) -> Metric:
        return Metric(statistic, direction=Direction.HIGHER, series="wall", statistic=statistic)

    @pytest.mark.parametrize(
        ("statistic", "limit", "verdict"),
        [
            ("median", 90, BudgetVerdict.WITHIN),
            ("median", 110, BudgetVerdict.EXCEEDED),
            ("mean", 90, BudgetVerdict.WITHIN),
            ("mean", 110, BudgetVerdict.EXCEEDED),
            ("min", 75, BudgetVerdict.WITHIN),
            ("min", 110, BudgetVerdict.EXCEEDED),
            ("max", 110, BudgetVerdict.WITHIN),
            ("max", 200, BudgetVerdict.EXCEEDED),
        ],
    )
    def test_at_least_the_limit_is_within(self, statistic: str, limit: float, verdict: BudgetVerdict) -> None:
        values = list(np.random.default_rng(1).normal(100, 5, 400).clip(80, 120))
        found = criterion(self.metric(statistic), ERRORS, len(values)).decide(
            values, limit, final=True, earliest_exceeded=0
        )
        assert found.verdict is verdict
        decisive = found.lower if verdict is BudgetVerdict.WITHIN else found.upper
        assert decisive is not None
        assert bool(decisive >= limit) is (verdict is BudgetVerdict.WITHIN)

    @pytest.mark.parametrize("statistic", ["median", "mean"])
    def test_wrong_verdicts_are_as_rare_as_they_claim(self, statistic: str) -> None:
        """At the limit itself each verdict is wrong; 2,000 samples, within three standard errors of the claim."""
        draw, samples = np.random.default_rng(7), 2000
        wrong = {BudgetVerdict.WITHIN: 0, BudgetVerdict.EXCEEDED: 0, BudgetVerdict.UNDECIDED: 0}
        for _ in range(samples):
            values = list(draw.normal(100, 5, 80))
            found = criterion(self.metric(statistic), ERRORS, 80).decide(values, 100, final=True, earliest_exceeded=0)
            wrong[found.verdict] += 1
        for verdict, claim in ((BudgetVerdict.EXCEEDED, ERRORS.exceeded), (BudgetVerdict.WITHIN, ERRORS.within)):
            assert wrong[verdict] <= samples * claim + 3 * math.sqrt(samples * claim)
