"""The verdict on the capacity of a service."""

from __future__ import annotations

from dataclasses import replace

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.gate import budget_result, unmeasured
from pytest_perfbudget.core.load.capacity import CapacitySearch
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, CriterionResult


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
