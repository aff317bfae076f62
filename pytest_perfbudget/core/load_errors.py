"""Limits on the errors of a load: which limits these are, and whether a load keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.dependent import DependentShareCriterion
from pytest_perfbudget.core.criteria.error_share import ErrorShareCriterion, fails_more_often, is_above
from pytest_perfbudget.core.load.error_count import ErrorCount
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load_lateness import why_late, without_unanswered
from pytest_perfbudget.core.metrics import ERROR_RATE, SUCCESS_RATE
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, CriterionResult

NO_ERROR: Final = "the default: no error is allowed without max_error_rate or min_success_rate"

_MANY_ERRORS: Final = 1.0
"""The error rate in per cent above which a load that allows no error ends early. A single error does not end the load,
because its other numbers may be of interest."""

_RARE: Final = 0.5
"""The largest share of errors that can be rare errors by chance; few requests cannot tell by a comparison."""

_NONE_ALLOWED: Final = BudgetResult(
    ERROR_RATE.name, "max_error_rate", ERROR_RATE.unit, 0.0, NO_ERROR, BudgetVerdict.EXCEEDED
)

_LONG: Final = 0.1
"""The part of a load's duration after which a service that has answered no request is taken for one that never will."""


def limits_errors(budget: Budget) -> bool:
    """Return whether a limit is on errors."""
    return budget.metric in (ERROR_RATE, SUCCESS_RATE)


def allows_no_error(budget: Budget) -> bool:
    """Return whether a limit on errors allows none, so that the errors are counted and nothing is inferred."""
    return limits_errors(budget) and not _most(budget)


def decide_errors(budget: Budget, record: LoadRecord, errors: Errors) -> CriterionResult | None:
    """Return the verdict of a limit on errors on a load that has ended; None without a request."""
    if not record.requests:
        return None
    if allows_no_error(budget):
        seen = 100 * record.error_rate
        seen = 100 - seen if budget.metric is SUCCESS_RATE else seen
        verdict = BudgetVerdict.EXCEEDED if record.failures else BudgetVerdict.WITHIN
        return CriterionResult(verdict, seen, seen, seen, record.requests)
    return _turned(budget, ErrorShareCriterion(errors).decide(record.failed, _most(budget), final=True))


def fails_often(budgets: Sequence[Budget], record: LoadRecord, errors: Errors) -> Budget | None:
    """Return a limit on errors that the requests so far show to be exceeded, whatever the length of the load; or None.

    A load that has only seen errors may have seen a single burst that is over soon. That ends a load without a limit
    only, which fails for its first error.
    """
    limits = [one for one in budgets if limits_errors(one) and not allows_no_error(one)]
    if limits and record.failures == record.requests:
        return None
    limits = limits or [Budget(ERROR_RATE, _MANY_ERRORS, "max_error_rate", NO_ERROR)]
    decided = ((one, DependentShareCriterion(errors).decide(record.failed, _most(one), final=True)) for one in limits)
    return next((one for one, found in decided if found.verdict is BudgetVerdict.EXCEEDED), None)


def expected_requests(plan: LoadPlan, failures: int, requests: int, elapsed_ns: int) -> int:
    """Return the expected number of requests of users who make requests until the duration ends; 0 if not known.

    The number is known only if nothing but errors has come for a while. Else the users are slowed down by errors, or
    made faster, for an unknown part of the time.
    """
    if failures < requests or elapsed_ns < _LONG * plan.duration_ns:
        return 0
    return round(requests * plan.duration_ns / max(elapsed_ns, 1))


def why_lost(budgets: Sequence[Budget], failures: int, requests: int, planned: int, error: float) -> str:
    """Return the reason why a limit on errors is exceeded whatever follows; empty if it may still hold.

    Args:
        budgets: the limits.
        failures: the number of errors so far.
        requests: the number of requests so far.
        planned: the number of requests of the whole load.
        error: the probability of a false `exceeded`.
    """
    limits = (one for one in budgets if limits_errors(one) and not allows_no_error(one))
    found = next((one for one in limits if is_above(failures, max(planned, requests), _most(one), error)), None)
    return "" if found is None else f"{found.metric.name} exceeds its limit, whatever the further requests"


def burst_text(budget: Budget, record: LoadRecord, errors: Errors) -> str:
    """Return that the errors which exceed a limit say nothing about other loads; empty if they do."""
    if allows_no_error(budget):
        return ""
    found = DependentShareCriterion(errors).decide(record.failed, _most(budget), final=True)
    if found.verdict is BudgetVerdict.EXCEEDED:
        return ""
    return "the errors came close together: they are a fact of this load, and say little about the next"


def count_errors(record: LoadRecord) -> ErrorCount:
    """Return the errors of a load, without the requests that a late generator may have given up."""
    judged = without_unanswered(record) if why_late((), record) else record
    return ErrorCount(judged.requests, judged.failures, tuple(record.errors))


def exceeded_by(
    budgets: Sequence[BudgetResult], count: ErrorCount, error: float, other: ErrorCount | None = None
) -> list[BudgetResult]:
    """Return the limits on errors that loads of other processes have exceeded, with the numbers of those loads.

    Args:
        budgets: the results of the session's own load; without a limit on errors none is allowed.
        count: the errors of the other loads, which are judged together.
        error: the probability of a false `exceeded`.
        other: the errors of loads that these are compared with. Without a limit on errors, these have to fail more
            often, or most of their requests: the more processes a comparison takes, the more chances a rare error has.
            None if there are no such loads, so that a single error exceeds the limit.
    """
    if not count.failures:
        return []
    limits = [one for one in budgets if one.metric in (ERROR_RATE.name, SUCCESS_RATE.name) and not one.span]
    if all(one.source == NO_ERROR for one in limits) and other is not None and other.requests:
        is_rare = count.failures <= _RARE * count.requests or other.failures > _RARE * other.requests
        if is_rare and not fails_more_often(count.failures, count.requests, other.failures, other.requests, error):
            return []
    observed = 100 * count.failures / count.requests
    found = []
    for one in limits or [_NONE_ALLOWED]:
        most = 100 - one.limit if one.metric == SUCCESS_RATE.name else one.limit
        if most and not is_above(count.failures, count.requests, most, error):
            continue
        estimate = 100 - observed if one.metric == SUCCESS_RATE.name else observed
        found.append(
            replace(
                one,
                verdict=BudgetVerdict.EXCEEDED,
                estimate=estimate,
                lower=None,
                upper=None,
                rounds=count.requests,
                needs_rounds=(one.needs_rounds or 1) if most else None,
                effective=None,
                reason="",
            )
        )
    return found


def _most(budget: Budget) -> float:
    """Return the largest share of errors that a limit allows, in per cent."""
    return 100 - budget.limit if budget.metric is SUCCESS_RATE else budget.limit


def _turned(budget: Budget, found: CriterionResult) -> CriterionResult:
    """Return the result for a share of errors as the result for the metric of a limit."""
    if budget.metric is not SUCCESS_RATE:
        return found
    lower = None if found.upper is None else 100 - found.upper
    upper = None if found.lower is None else 100 - found.lower
    return replace(found, estimate=100 - found.estimate, lower=lower, upper=upper)
