"""Verdicts on the mean and on the errors of a load keep their error rates, in simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from queues import SERVERS
from simulations import COUNTS, FEWER_RUNS, at_most

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.dependent import DependentMeanCriterion, DependentShareCriterion
from pytest_perfbudget.core.criteria.error_share import ErrorShareCriterion, fails_more_often
from pytest_perfbudget.core.results import BudgetVerdict

ERRORS = Errors(exceeded=0.01, within=0.05)


def count(criterion: Any, values: Any, limit: float, runs: int = FEWER_RUNS) -> dict[BudgetVerdict, int]:
    found = dict.fromkeys(BudgetVerdict, 0)
    for run in range(runs):
        drawn = values(np.random.default_rng((7, run)))
        found[criterion.decide(drawn.tolist(), limit, final=True).verdict] += 1
    return found


MEANS = {"M/M/1 at 50 %": 2.0, "M/M/1 at 80 %": 5.0, "M/M/1 at 95 %": 20.0, "bursty": 18 / 11 * float(np.exp(0.125))}


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize("name", MEANS)
def test_the_error_rates_of_a_mean_hold(name: str, runs: int) -> None:
    latencies, _ = SERVERS[name]
    found = count(DependentMeanCriterion(ERRORS), lambda generator: latencies(5_000, generator), MEANS[name], runs)
    assert found[BudgetVerdict.EXCEEDED] <= at_most(ERRORS.exceeded, runs)
    assert found[BudgetVerdict.WITHIN] <= at_most(ERRORS.within, runs)


def failures(share: float, burst: int, generator: np.random.Generator) -> Any:
    """Return 5,000 requests whose failures come in bursts of a geometric length with the given mean."""
    found = np.zeros(5_000)
    at = 0
    while at < len(found):
        at += generator.geometric(share / burst / (1 - share))
        length = generator.geometric(1 / burst)
        found[at : at + length] = 1
        at += length
    return found


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_a_limit_on_errors_is_exceeded_by_chance_in_a_share_alpha_of_the_loads(share: float, runs: int) -> None:
    """The requests fail independently of each other, at a rate of the limit."""
    found = count(ErrorShareCriterion(ERRORS), lambda generator: failures(share, 1, generator), 100 * share, runs)
    assert found[BudgetVerdict.EXCEEDED] <= at_most(ERRORS.exceeded, runs)
    assert found[BudgetVerdict.WITHIN] <= at_most(ERRORS.within, runs)


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize(("share", "burst", "exceeded"), [(0.01, 20, 0.27), (0.05, 20, 0.33), (0.2, 50, 0.39)])
def test_a_load_that_too_many_bursts_fall_into_exceeds_its_limit(
    share: float, burst: int, exceeded: float, runs: int
) -> None:
    """A service whose long-run rate is the limit has more errors than the limit in half of its loads.

    The share of loads that are `exceeded` is the one that the guide gives.
    """
    drawn = [failures(share, burst, np.random.default_rng((7, run))) for run in range(runs)]
    verdicts = [ErrorShareCriterion(ERRORS).decide(one.tolist(), 100 * share, final=True).verdict for one in drawn]
    observed = [one.mean() for one, verdict in zip(drawn, verdicts, strict=True) if verdict is BudgetVerdict.EXCEEDED]
    assert min(observed) > share
    assert len(observed) == pytest.approx(exceeded * runs, rel=0.2)


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize(("share", "burst"), [(0.05, 20), (0.2, 50)])
def test_bursts_are_no_reason_to_call_an_error_rate_within(share: float, burst: int, runs: int) -> None:
    found = count(ErrorShareCriterion(ERRORS), lambda generator: failures(share, burst, generator), 100 * share, runs)
    assert found[BudgetVerdict.WITHIN] <= at_most(ERRORS.within, runs)


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize(("share", "burst"), [(0.01, 1), (0.05, 1), (0.05, 20), (0.2, 50)])
def test_bursts_do_not_end_a_load_early(share: float, burst: int, runs: int) -> None:
    """An early end says that the service fails too often however long the load, so bursts are few errors there."""
    found = count(
        DependentShareCriterion(ERRORS), lambda generator: failures(share, burst, generator), 100 * share, runs
    )
    assert found[BudgetVerdict.EXCEEDED] <= at_most(ERRORS.exceeded, runs)


@pytest.mark.parametrize(("scale", "verdict"), [(3, BudgetVerdict.WITHIN), (0.1, BudgetVerdict.EXCEEDED)])
def test_an_error_rate_far_from_its_limit_is_decided(scale: float, verdict: BudgetVerdict) -> None:
    found = count(ErrorShareCriterion(ERRORS), lambda generator: failures(0.05, 20, generator), 5 * scale)
    assert found[verdict] > 0.6 * FEWER_RUNS


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.3])
@pytest.mark.parametrize("processes", [1, 5])
def test_two_sides_that_fail_equally_often_differ_by_chance_in_a_share_alpha_of_the_comparisons(
    share: float, processes: int
) -> None:
    """The errors of all processes of a side count together, so further processes are no further chances."""
    runs, requests = 2_000, 400 * processes
    drawn = np.random.default_rng(9).binomial(requests, share, (runs, 2)).tolist()
    more = sum(fails_more_often(head, requests, base, requests, ERRORS.exceeded) for head, base in drawn)
    assert more <= at_most(ERRORS.exceeded, runs)


@pytest.mark.parametrize(("base", "head"), [(0.0, 0.01), (0.01, 0.03), (0.3, 0.4)])
def test_a_side_that_fails_more_often_is_found(base: float, head: float) -> None:
    generator, runs, requests = np.random.default_rng(10), 500, 2_000
    drawn = generator.binomial(requests, (head, base), (runs, 2)).tolist()
    more = sum(fails_more_often(one, requests, other, requests, ERRORS.exceeded) for one, other in drawn)
    assert more >= 0.9 * runs
