"""The statistics of a measurement that reports show beside the estimates of its budgets."""

from __future__ import annotations

import pytest
from results import budget, measurement

from pytest_perfbudget.core.results import BudgetVerdict

WALL = {"median": 14.3e6, "p95": 64.5e6}
OWN = {"median": 6e6, "p95": 8.58e6}


@pytest.mark.parametrize(
    ("verdict", "estimate", "shown"),
    [
        (BudgetVerdict.WITHIN, 8.58e6, OWN),
        (BudgetVerdict.UNMEASURED, None, OWN),
        (BudgetVerdict.EXCEEDED, 64.5e6, WALL),
        (BudgetVerdict.UNDECIDED, 64.5e6, WALL),
    ],
)
def test_they_have_the_waits_for_a_cpu_if_the_estimate_has_them(
    verdict: BudgetVerdict, estimate: float | None, shown: dict[str, float]
) -> None:
    """Otherwise the estimate of a p95 could lie below the median beside it."""
    one = measurement(budget(verdict, estimate=estimate), statistics=WALL, without_waits=OWN)
    assert one.shown_statistics == shown
