from __future__ import annotations

import pytest

from pytest_perfbudget.core.criteria.extreme import ExtremeCriterion
from pytest_perfbudget.core.results import BudgetVerdict

WITHIN, EXCEEDED, UNDECIDED = BudgetVerdict.WITHIN, BudgetVerdict.EXCEEDED, BudgetVerdict.UNDECIDED


@pytest.mark.parametrize(
    ("values", "final", "verdict"),
    [
        ([60.0, 40.0], False, WITHIN),  # more rounds can only lower it
        ([60.0, 55.0], False, UNDECIDED),
        ([60.0, 55.0], True, EXCEEDED),
    ],
)
def test_the_minimum(values: list[float], final: bool, verdict: BudgetVerdict) -> None:
    assert ExtremeCriterion("min", 1000).decide(values, 50.0, final=final).verdict is verdict


@pytest.mark.parametrize(
    ("values", "final", "verdict"),
    [
        ([40.0, 60.0], False, EXCEEDED),  # more rounds can only raise it
        ([40.0, 45.0], False, UNDECIDED),
        ([40.0, 45.0], True, WITHIN),
        ([40.0] * 59, False, WITHIN),
    ],
)
def test_the_maximum(values: list[float], final: bool, verdict: BudgetVerdict) -> None:
    assert ExtremeCriterion("max", 1000).decide(values, 50.0, final=final).verdict is verdict


def test_a_maximum_is_watched_for_as_many_rounds_as_bound_a_p95() -> None:
    assert ExtremeCriterion("max", 1000).looks()[-1] == 59
    assert ExtremeCriterion("min", 1000).looks()[-1] == 20_000
    assert ExtremeCriterion("max", None).looks() == ()
