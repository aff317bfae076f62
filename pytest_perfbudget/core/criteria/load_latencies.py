"""Verdicts on the latencies of a load, with requests that were never answered and with more than a million requests.

A request without an answer is slower than any limit: its answer, if there had been one, would have come later than the
load waited. So it belongs to the slowest requests, and a mean with such a request has no upper bound.

The order of the requests, which the effective sample size depends on, is known of the first million. Bounds beyond are
order statistics of all requests, at ranks for the effective size of the first million. Such a limit is `within` only if
the first million alone says so, too.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, cast

from pytest_perfbudget.core.criteria import Criterion, Errors
from pytest_perfbudget.core.criteria.dependent import (
    DependentMeanCriterion,
    DependentQuantileCriterion,
    bound_ranks,
    deviation_of_mean,
)
from pytest_perfbudget.core.criteria.extreme import ExtremeCriterion
from pytest_perfbudget.core.load.latencies import NEVER_ANSWERED_NS, Latencies
from pytest_perfbudget.core.metrics import QUANTILES, Metric
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult


def decide_latencies(metric: Metric, latencies: Latencies, limit: float, errors: Errors) -> CriterionResult:
    """Return the verdict on an upper limit for a statistic of a load's latencies.

    Args:
        metric: the statistic.
        latencies: of the load, at least one.
        limit: the limit, in ns.
        errors: the probabilities of wrong verdicts.

    Returns:
        The verdict. Estimates and bounds among the requests without an answer are the times that these waited.
    """
    if metric.statistic == "mean":
        found = DependentMeanCriterion(errors).decide(latencies.sequence, limit, final=True)
        if not latencies.is_exact:
            found = _mean_of_all(found, latencies, limit)
        if latencies.unanswered and found.verdict is BudgetVerdict.WITHIN:
            found = replace(found, verdict=BudgetVerdict.UNDECIDED, upper=None)
        return found
    found = _criterion(metric, errors).decide(latencies.judged, limit, final=True)
    if not latencies.is_exact:
        found = _order_statistics_of_all(found, metric, latencies, limit, errors)
    return _as_waited(found, metric, latencies) if latencies.unanswered else found


def _criterion(metric: Metric, errors: Errors) -> Criterion:
    if metric.statistic in QUANTILES:
        return DependentQuantileCriterion(QUANTILES[metric.statistic], errors)
    return ExtremeCriterion(cast("Literal['min', 'max']", metric.statistic), None)


def _mean_of_all(found: CriterionResult, latencies: Latencies, limit: float) -> CriterionResult:
    """Return the verdict on the mean of all requests, from that on the mean of the first million."""
    mean, lower, upper = latencies.mean_ns, None, None
    if found.lower is not None and found.upper is not None:
        # The requests beyond may be more scattered than the first million.
        deviation = deviation_of_mean(latencies.deviation_ns, found.effective or 1.0)
        lower = mean - max(found.estimate - found.lower, 3 * deviation)
        upper = mean + max(found.upper - found.estimate, 3 * deviation)
    return _judged(replace(found, estimate=mean, lower=lower, upper=upper, rounds=len(latencies)), limit)


def _order_statistics_of_all(
    found: CriterionResult, metric: Metric, latencies: Latencies, limit: float, errors: Errors
) -> CriterionResult:
    """Return the verdict on a quantile or an extreme of all requests, from that on the first million."""
    count = len(latencies)
    if metric.statistic in QUANTILES:
        share = QUANTILES[metric.statistic]
        estimate = latencies.ranked(max(math.ceil(share * count - 1e-9), 1))
        ranks = bound_ranks(share, found.effective or 0.0, count, errors)
        lower, upper = (None if rank is None else latencies.ranked(rank) for rank in ranks)
    else:
        estimate = lower = upper = latencies.ranked(1 if metric.statistic == "min" else count)
    return _judged(replace(found, estimate=estimate, lower=lower, upper=upper, rounds=count), limit)


def _judged(found: CriterionResult, limit: float) -> CriterionResult:
    """Return a result on all requests, whose verdict is still that of the first million, with the verdict on all."""
    verdict = BudgetVerdict.UNDECIDED
    if found.lower is not None and found.lower > limit:
        verdict = BudgetVerdict.EXCEEDED
    elif found.upper is not None and found.upper <= limit and found.verdict is BudgetVerdict.WITHIN:
        verdict = BudgetVerdict.WITHIN
    return replace(found, verdict=verdict)


def _as_waited(found: CriterionResult, metric: Metric, latencies: Latencies) -> CriterionResult:
    """Return a result with the time waited in place of a latency that would have been longer."""
    if found.estimate < NEVER_ANSWERED_NS and (found.upper or 0.0) < NEVER_ANSWERED_NS:
        return found
    share = {"min": 0.0, "max": 1.0, **QUANTILES}[metric.statistic]
    (waited,) = latencies.quantiles([share])
    lower = found.lower
    return replace(
        found,
        estimate=min(found.estimate, waited),
        lower=None if lower is None else min(lower, waited),
        upper=None if found.upper is None or found.upper >= NEVER_ANSWERED_NS else found.upper,
    )
