"""The wording of the search for the capacity of a service."""

from __future__ import annotations

from pytest_perfbudget.core.load.capacity import CapacitySearch
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import CAPACITY
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.report.numbers import counted, quantity


def undecided_text(measurement: Measurement, budget: BudgetResult) -> str:
    """Return the reason why the interval does not decide a limit, and the remedy."""
    data = f"{counted(budget.rounds, 'probe')} in {quantity(measurement.elapsed_ns, 'ns')}"
    return f"{budget.metric}: {interval_text(budget)} ({data}): {_remedy(budget)}"


def no_rate_text(search: CapacitySearch) -> str:
    """Return that a search has found no rate that keeps the limits, and the remedy."""
    remedy = "let the service keep the limits, or give looser limits, a lower first_rate= or a longer duration="
    broken = search.broken
    if broken is None:
        return f"no rate kept the limits before the search was over: {remedy}"
    failed = [f"{one.count:,} x {one.kind}: {one.message}" for one in broken.errors[:1]]
    said = "; ".join([broken.reason, *failed])
    return f"no rate kept the limits, and the lowest was {quantity(broken.rate, CAPACITY.unit)} ({said}): {remedy}"


def interval_text(budget: BudgetResult) -> str:
    """Return the interval that the search has found; one of its ends may be missing."""
    lower, upper = (None if one is None else quantity(one, budget.unit) for one in (budget.lower, budget.upper))
    if not budget.rounds:
        return "no rate was probed to its end"
    if upper is None:
        return f"every rate up to {lower} was kept"
    if not budget.lower:
        return f"no rate was kept, and the lowest was {upper}"
    return f"{lower} were kept and {upper} were not"


def _remedy(budget: BudgetResult) -> str:
    if budget.reason:
        return budget.reason
    if budget.upper is None:
        return "raise duration=, or first_rate= with which the search begins"
    if not budget.lower:
        return "raise duration=, or lower first_rate= with which the search begins"
    return "the limit lies between: move it away, or raise duration="
