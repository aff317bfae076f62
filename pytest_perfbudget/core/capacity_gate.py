"""The verdict on the capacity of a service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.gate import budget_result, unmeasured
from pytest_perfbudget.core.kinds import LOAD, why_never
from pytest_perfbudget.core.load.capacity import CapacitySearch
from pytest_perfbudget.core.metrics import CAPACITY, RPS
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, CriterionResult


def conditions_of(budgets: Iterable[Budget]) -> list[Budget]:
    """Return the limits that a rate has to keep: not those on a rate, which the search chooses."""
    return [one for one in budgets if one.metric not in (CAPACITY, RPS)]


def refused_in_search(budgets: Iterable[Budget]) -> list[BudgetResult]:
    """Return the results of the limits on the achieved rate of a load that were written for this search."""
    why = why_never(LOAD, RPS, has_process=False, is_search=True)
    return [unmeasured(one, why) for one in budgets if one.metric is RPS and not one.general]


def judge_capacity(budget: Budget, search: CapacitySearch, late: str) -> BudgetResult:
    """Return the result of a lower limit on the capacity: the interval of the search decides.

    Args:
        budget: the limit.
        search: the search that has ended.
        late: the reason why the generator could not go on; empty if it could.
    """
    lower, upper = search.lower, search.upper
    verdict = BudgetVerdict.UNDECIDED
    if lower >= budget.limit:
        verdict = BudgetVerdict.WITHIN
    elif upper is not None and upper <= budget.limit:
        verdict = BudgetVerdict.EXCEEDED
    elif late:
        return unmeasured(budget, late)
    found = budget_result(budget, CriterionResult(verdict, search.estimate, lower, upper, len(search.probes)))
    return replace(found, reason=search.ended_early if verdict is BudgetVerdict.UNDECIDED else "")
