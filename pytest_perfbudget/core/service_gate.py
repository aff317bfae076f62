"""The gate for the budgets of a running service: verdicts on a window of its requests.

The criterion is that of budgets in tests, in the form that a service can afford: with n requests, of which k are above
a limit that a share p may exceed, the probability of k or more (or of k or fewer) is at most exp(-n KL(k/n || p)), by
the bound of Chernoff (1952). It decides as the exact binomial bound does where no request is above the limit: a p95
needs 59 requests. As in a load, a request that fails within a limit on a time does not count for this limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import unmeasured
from pytest_perfbudget.core.metrics import ERROR_RATE, QUANTILES, SUCCESS_RATE, WALL
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.core.tally import Cumulated


def is_monitored(budget: Budget) -> bool:
    """Return whether a service's requests show the number of a budget: a wall-clock time but the least, or errors."""
    if budget.metric in (ERROR_RATE, SUCCESS_RATE):
        return True
    return budget.metric.series == WALL and budget.metric.statistic != "min"


def judge_window(window: Cumulated, budgets: Iterable[Budget], errors: Errors) -> list[BudgetResult]:
    """Return the result of each budget that a service shows; none without requests.

    Args:
        window: the requests of the window.
        budgets: the budgets of the component.
        errors: the largest probabilities of wrong verdicts, if requests did not depend on each other.
    """
    if not window.tally.count:
        return []
    return [_judge(window, one, errors) for one in budgets if is_monitored(one)]


def verdict_on_share(above: int, number: int, allowed: float, errors: Errors) -> BudgetVerdict:
    """Return the verdict on a share that is allowed to be above a limit.

    Args:
        above: the number of requests above the limit, or with an error.
        number: the number of requests.
        allowed: the allowed share, at least 0 and below 1.
        errors: the largest probabilities of wrong verdicts.
    """
    if not allowed:
        return BudgetVerdict.EXCEEDED if above else BudgetVerdict.WITHIN
    evidence = number * _divergence(above / number, allowed)
    if above > number * allowed:
        return BudgetVerdict.EXCEEDED if evidence >= -math.log(errors.exceeded) else BudgetVerdict.UNDECIDED
    return BudgetVerdict.WITHIN if evidence >= -math.log(errors.within) else BudgetVerdict.UNDECIDED


def _judge(window: Cumulated, budget: Budget, errors: Errors) -> BudgetResult:
    metric = budget.metric
    if metric.series == WALL:
        answered = window.tally.without_fast_errors(budget.limit)
        if not answered.count:
            return unmeasured(budget, "no request was answered")
        window = window if answered is window.tally else answered.cumulated()
    tally = window.tally
    if metric in (ERROR_RATE, SUCCESS_RATE):
        is_error_rate = metric is ERROR_RATE
        estimate = 100 * (tally.error_rate if is_error_rate else 1 - tally.error_rate)
        allowed = (budget.limit if is_error_rate else 100 - budget.limit) / 100
        verdict = verdict_on_share(tally.errors, tally.count, min(allowed, 1 - 1e-9), errors)
    elif metric.statistic in QUANTILES:
        share = QUANTILES[metric.statistic]
        estimate = window.quantile_ns(share)
        above = tally.count - window.at_most(budget.limit)
        verdict = verdict_on_share(above, tally.count, 1 - share, errors)
    else:  # the mean or the longest: as observed
        estimate = tally.mean_ns if metric.statistic == "mean" else float(tally.most_ns)
        verdict = BudgetVerdict.EXCEEDED if estimate > budget.limit else BudgetVerdict.WITHIN
    return BudgetResult(
        metric.name,
        budget.keyword,
        metric.unit,
        budget.limit,
        budget.source,
        verdict,
        metric.direction,
        estimate,
        rounds=tally.count,
    )


def _divergence(share: float, other: float) -> float:
    """Return the Kullback-Leibler divergence between two binomial shares, in nats; `other` is neither 0 nor 1."""
    kept = share * math.log(share / other) if share else 0.0
    return kept + ((1 - share) * math.log((1 - share) / (1 - other)) if share < 1 else 0.0)
