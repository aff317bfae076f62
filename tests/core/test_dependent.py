"""Verdicts on latencies that depend on each other keep their error rates; those for independent values do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from queues import IN_TURNS, SERVERS, queue
from scipy.stats import binom
from simulations import COUNTS, FEWER_RUNS, at_most

from pytest_perfbudget.core.autocorrelation import autocorrelation_time, effective_size
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.dependent import (
    FEWEST,
    DependentQuantileCriterion,
    DependentShareCriterion,
    at_look,
)
from pytest_perfbudget.core.criteria.quantile import QuantileCriterion
from pytest_perfbudget.core.distributions import binomial_count
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult

ERRORS = Errors(exceeded=0.01, within=0.05)
REQUESTS = 5_000


def verdicts(
    name: str,
    share: float,
    scale: float,
    *,
    runs: int = FEWER_RUNS,
    requests: int = REQUESTS,
    independent: bool = False,
) -> dict[BudgetVerdict, int]:
    """Return how often each verdict is given for the limit `scale` times the exact quantile."""
    latencies, exact = SERVERS[name]
    criterion: DependentQuantileCriterion | QuantileCriterion = DependentQuantileCriterion(share, ERRORS)
    if independent:
        criterion = QuantileCriterion(share, ERRORS, None)
    counted = dict.fromkeys(BudgetVerdict, 0)
    for run in range(runs):
        values = latencies(requests, np.random.default_rng((3, run))).tolist()
        counted[criterion.decide(values, scale * exact(share), final=True).verdict] += 1
    return counted


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("name", SERVERS)
def test_the_error_rates_hold_where_the_limit_is_the_exact_quantile(name: str, share: float, runs: int) -> None:
    found = verdicts(name, share, 1.0, runs=runs)
    assert found[BudgetVerdict.EXCEEDED] <= at_most(ERRORS.exceeded, runs)
    assert found[BudgetVerdict.WITHIN] <= at_most(ERRORS.within, runs)


@pytest.mark.parametrize("name", IN_TURNS)
def test_the_error_rates_hold_for_requests_that_take_turns(name: str) -> None:
    """Neighbours differ by their turns, which hides that one part of the requests is slow for a long time."""
    latencies, share, exact = IN_TURNS[name]
    of_latency, of_errors = dict.fromkeys(BudgetVerdict, 0), dict.fromkeys(BudgetVerdict, 0)
    for run in range(FEWER_RUNS):
        values = latencies(REQUESTS, np.random.default_rng((3, run)))
        of_latency[DependentQuantileCriterion(share, ERRORS).decide(values.tolist(), exact, final=True).verdict] += 1
        failed = (values > exact).astype(float).tolist()
        of_errors[DependentShareCriterion(ERRORS).decide(failed, 100 * (1 - share), final=True).verdict] += 1
    for found in (of_latency, of_errors):
        assert found[BudgetVerdict.EXCEEDED] <= at_most(ERRORS.exceeded, FEWER_RUNS)
        assert found[BudgetVerdict.WITHIN] <= at_most(ERRORS.within, FEWER_RUNS)


@pytest.mark.parametrize(("scale", "verdict"), [(0.1, BudgetVerdict.EXCEEDED), (3, BudgetVerdict.WITHIN)])
def test_a_limit_far_from_requests_that_take_turns_is_decided(scale: float, verdict: BudgetVerdict) -> None:
    latencies, share, exact = IN_TURNS["three back ends in turns"]
    values = latencies(REQUESTS, np.random.default_rng(3)).tolist()
    assert decided(values, scale * exact, share).verdict is verdict


@pytest.mark.parametrize("name", SERVERS)
def test_bounds_for_independent_values_are_too_sure(name: str) -> None:
    found = verdicts(name, 0.95, 1.0, independent=True)
    assert found[BudgetVerdict.EXCEEDED] > 2 * at_most(ERRORS.exceeded, FEWER_RUNS)
    assert found[BudgetVerdict.WITHIN] > at_most(ERRORS.within, FEWER_RUNS)


@pytest.mark.parametrize(
    ("name", "share", "scale", "verdict", "least"),
    [
        ("M/M/1 at 50 %", 0.95, 0.7, BudgetVerdict.EXCEEDED, 0.8),
        ("M/M/1 at 50 %", 0.95, 1.4, BudgetVerdict.WITHIN, 0.8),
        ("M/M/1 at 80 %", 0.5, 0.5, BudgetVerdict.EXCEEDED, 0.8),
        ("M/M/1 at 80 %", 0.5, 1.8, BudgetVerdict.WITHIN, 0.8),
        ("bursty", 0.5, 0.8, BudgetVerdict.EXCEEDED, 0.8),
        ("bursty", 0.99, 2.0, BudgetVerdict.WITHIN, 0.3),
    ],
)
def test_a_limit_that_is_clearly_wrong_or_right_is_decided(
    name: str, share: float, scale: float, verdict: BudgetVerdict, least: float
) -> None:
    assert verdicts(name, share, scale)[verdict] >= least * FEWER_RUNS


@pytest.mark.parametrize("runs", COUNTS)
def test_the_error_rates_hold_for_runs_that_are_too_short(runs: int) -> None:
    """At 95 % utilisation the queue forgets after some 1,500 requests, so 2,000 say next to nothing."""
    found = verdicts("M/M/1 at 95 %", 0.5, 1.0, requests=2_000, runs=runs)
    assert found[BudgetVerdict.EXCEEDED] <= at_most(ERRORS.exceeded, runs)
    assert found[BudgetVerdict.WITHIN] <= at_most(ERRORS.within, runs)


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize("requests", [100, 120, 300])
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("name", SERVERS)
def test_the_error_rates_hold_for_a_hundred_requests(name: str, share: float, requests: int, runs: int) -> None:
    """Where so few requests are worth fewer than 60 independent ones, only a limit far from all of them is decided."""
    latencies, exact = SERVERS[name]
    found = [
        decided(latencies(requests, np.random.default_rng((3, run))).tolist(), exact(share), share)
        for run in range(runs)
    ]
    verdicts = [one.verdict for one in found if (one.effective or 0) < FEWEST]
    assert verdicts.count(BudgetVerdict.EXCEEDED) <= at_most(ERRORS.exceeded, runs)
    assert verdicts.count(BudgetVerdict.WITHIN) <= at_most(ERRORS.within, runs)


def alike(count: int) -> list[float]:
    """Return latencies of 600 to 602 ms, in a slow wave, so that 300 of them are worth 33 independent ones."""
    wave = np.sin(np.arange(count) / 40) + np.random.default_rng(4).uniform(-0.1, 0.1, count)
    return [601 + one / 1.1 for one in wave.tolist()]


@pytest.mark.parametrize(
    ("limit", "count", "verdict"),
    [
        (500, 300, "exceeded"),
        (595, 300, "undecided"),  # fewer than 12 times the spread of the values below them
        (700, 300, "within"),
        (606, 300, "undecided"),
        (500, 99, "undecided"),
        (700, 110, "undecided"),  # a p95 needs 117 requests to be within
    ],
)
def test_a_limit_far_from_values_that_hardly_differ_needs_fewer_of_them(limit: float, count: int, verdict: str) -> None:
    found = decided(alike(count), limit)
    assert (found.verdict.value, (found.effective or 0) < FEWEST) == (verdict, True)


LOOKS = [200, 400, 800, 1_600, 3_200]
"""The numbers of requests at which a running load is looked at."""


def ends_early(values: list[float], limit: float, share: float) -> int | None:
    """Return the number of requests after which a run is ended because its limit is exceeded; None if it is not."""
    for number, requests in enumerate(LOOKS, start=1):
        criterion = DependentQuantileCriterion(share, at_look(ERRORS, number))
        if criterion.decide(values[:requests], limit, final=True).verdict is BudgetVerdict.EXCEEDED:
            return requests
    return None


@pytest.mark.parametrize("runs", COUNTS)
@pytest.mark.parametrize("name", ["M/M/1 at 50 %", "M/M/1 at 80 %", "bursty"])
def test_a_run_that_keeps_its_limit_is_hardly_ever_ended_early(name: str, runs: int) -> None:
    """The true p95 is 0.9 of the limit."""
    latencies, exact = SERVERS[name]
    simulated = (latencies(LOOKS[-1], np.random.default_rng((5, run))).tolist() for run in range(runs))
    ended = sum(ends_early(values, exact(0.95) / 0.9, 0.95) is not None for values in simulated)
    assert ended <= at_most(ERRORS.exceeded, runs)


def test_a_run_far_beyond_its_limit_is_ended_soon() -> None:
    latencies, exact = SERVERS["M/M/1 at 50 %"]
    runs = [latencies(LOOKS[-1], np.random.default_rng((6, run))).tolist() for run in range(FEWER_RUNS)]
    ended = [ends_early(values, exact(0.5), 0.95) for values in runs]
    assert sum(one in LOOKS[:3] for one in ended) >= 0.95 * FEWER_RUNS


def test_all_looks_together_spend_the_error_of_a_run() -> None:
    spent = [at_look(ERRORS, number) for number in [None, *range(1, 40)]]
    assert sum(one.exceeded for one in spent) == pytest.approx(ERRORS.exceeded)
    assert sum(one.within for one in spent) == pytest.approx(ERRORS.within)


def decided(values: list[float], limit: float, share: float = 0.95) -> CriterionResult:
    """Return the decision on all values."""
    return DependentQuantileCriterion(share, ERRORS).decide(values, limit, final=True)


@given(st.integers(0, 10**6), st.integers(1, 1_500), st.floats(0.1, 10), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_bounds_say_what_the_verdict_says(seed: int, count: int, limit: float, share: float) -> None:
    values = np.random.default_rng(seed).exponential(1, count).round(2).tolist()
    found = decided(values, limit, share)
    for bound in (found.lower, found.upper):
        assert bound is None or bound in values or (found.effective or 0) < FEWEST
    assert found.lower is None or found.lower <= found.estimate
    assert found.upper is None or found.upper >= found.estimate
    exceeded = found.lower is not None and found.lower > limit
    assert (found.verdict is BudgetVerdict.EXCEEDED) is exceeded
    within = not exceeded and found.upper is not None and found.upper <= limit
    assert (found.verdict is BudgetVerdict.WITHIN) is within


def test_the_bounds_of_independent_values_are_those_of_half_as_many() -> None:
    values = list(range(1_000))
    np.random.default_rng(8).shuffle(values)
    half = effective_size(values, 500, 0.5) / 2
    found = decided([float(one) for one in values], 500, 0.5)
    assert found.lower == 1_000 - np.ceil(1_000 * (binomial_count(half, 0.5, 0.99) + 1) / half)
    assert found.upper == 999 - int(1_000 * binomial_count(half, 0.5, 0.05) / half)


def test_a_constant_latency_is_decided() -> None:
    assert decided([5.0] * 1000, 6).verdict is BudgetVerdict.WITHIN
    assert decided([5.0] * 1000, 4).verdict is BudgetVerdict.EXCEEDED


def test_nothing_is_decided_before_the_end() -> None:
    found = DependentQuantileCriterion(0.95, ERRORS).decide([5.0] * 1000, 4, final=False)
    assert found.verdict is BudgetVerdict.UNDECIDED
    assert DependentQuantileCriterion(0.95, ERRORS).looks() == ()


@pytest.mark.parametrize("coefficient", [0.0, 0.5, 0.9])
def test_the_autocorrelation_time_of_an_autoregression_is_known(coefficient: float) -> None:
    """It is (1 + c) / (1 - c) for x[i + 1] = c x[i] + noise."""
    generator = np.random.default_rng(1)
    values = [0.0]
    for noise in generator.normal(size=200_000):
        values.append(coefficient * values[-1] + noise)
    assert autocorrelation_time(values) == pytest.approx((1 + coefficient) / (1 - coefficient), rel=0.1)


def test_latencies_that_never_exceed_the_limit_are_not_independent_for_that() -> None:
    values = queue(5_000, 0.8, np.random.default_rng(2)).tolist()
    assert effective_size(values, max(values) + 1, 0.95) < 1_000


@pytest.mark.parametrize(("trials", "probability", "share"), [(100, 0.05, 0.99), (59, 0.05, 0.05), (200, 0.5, 0.3)])
def test_the_binomial_count_lies_between_whole_counts(trials: int, probability: float, share: float) -> None:
    whole = binom.ppf(share, trials, probability)
    assert whole - 1 <= binomial_count(trials, probability, share) <= whole


def test_too_few_trials_bound_nothing() -> None:
    """59 independent values are the fewest whose maximum bounds the p95 at 95 %."""
    assert binomial_count(58, 0.05, 0.05) == -1
    assert binomial_count(59, 0.05, 0.05) >= 0
