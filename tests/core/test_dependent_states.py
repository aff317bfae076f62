"""Verdicts on a server that changes its state seldom: a rule sees the states that occur in the run, and no other."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from queues import two_states
from simulations import COUNTS, FEWER_RUNS, at_most

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.dependent import DependentQuantileCriterion
from pytest_perfbudget.core.results import BudgetVerdict

ERRORS = Errors(exceeded=0.01, within=0.05)
LIMIT = 10.0
"""Far above the median of 1, and far below the p95 of 60."""


@cache
def wrong(requests: int, length: float, runs: int) -> Counter[tuple[str, bool]]:
    """Return how often each verdict is false, by whether both states occurred in the run."""
    found: Counter[tuple[str, bool]] = Counter()
    for run in range(runs):
        latencies, has_both = two_states(requests, length, np.random.default_rng((13, run)))
        for share, false in ((0.5, BudgetVerdict.EXCEEDED), (0.95, BudgetVerdict.WITHIN)):
            decided = DependentQuantileCriterion(share, ERRORS).decide(latencies.tolist(), LIMIT, final=True)
            found[false.value, has_both] += decided.verdict is false
    return found


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize("requests", [120, 150, 300, 1_000])
@pytest.mark.parametrize("length", [10, 30, 100, 300, 1_000])
def test_the_error_rates_hold_where_both_states_occur(requests: int, length: float, runs: int) -> None:
    found = wrong(requests, length, runs)
    assert found["exceeded", True] <= at_most(ERRORS.exceeded, runs)
    assert found["within", True] <= at_most(ERRORS.within, runs)


def test_a_state_that_never_occurs_in_the_run_is_seen_by_no_rule() -> None:
    """With slow states of 1,000 requests, a run of 150 is that of a server which is always fast, or always slow."""
    found = wrong(150, 1_000, FEWER_RUNS)
    assert found["within", False] > 0.7 * FEWER_RUNS
    assert found["exceeded", False] > 0.04 * FEWER_RUNS


def test_a_run_of_many_states_has_few_wrong_verdicts_of_either_kind() -> None:
    """A run of 5,000 requests sees the slow states of 30 requests, which are 17 on average."""
    found = wrong(5_000, 30, FEWER_RUNS)
    assert found.total() <= at_most(ERRORS.within, FEWER_RUNS)
