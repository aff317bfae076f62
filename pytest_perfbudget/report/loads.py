"""The wording of findings about loads: errors, steps of a request, and loads that are too short."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import CAPACITY, ERROR_RATE, RPS, SUCCESS_RATE
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.report.numbers import counted, quantity

_MOST_GROUPS: Final = 3
_MOST_TRACEBACK: Final = 3
_MOST_STEPS: Final = 5
_OF_POOLS: Final = ("PoolTimeout", "EmptyPoolError", "WaitQueueTimeoutError")
_NO_CONNECTION: Final = (
    "all connections of the pool were in use: allow it more of them, or the service is too slow for this load"
)
"""What the errors of a pool mean, be it of a client or of a service; see `measure.load.missing_answers`."""

OF_ERRORS: Final = (ERROR_RATE.name, SUCCESS_RATE.name)


def depends_on_errors(budget: BudgetResult, measurement: Measurement) -> bool:
    """Return whether the errors of a load explain a finding, and no other finding has them."""
    if budget.metric != RPS.name:  # the rate is that of the successful requests
        return budget.metric in (*OF_ERRORS, CAPACITY.name)
    return not any(one.metric in OF_ERRORS and one.verdict is BudgetVerdict.EXCEEDED for one in measurement.budgets)


def error_lines(measurement: Measurement) -> Iterator[str]:
    """Yield the largest groups of errors, and the end of the first traceback."""
    for number, group in enumerate(measurement.errors[:_MOST_GROUPS]):
        first, last = (quantity(at_ns, "ns") for at_ns in (group.first_ns, group.last_ns))
        when = f"at {first}" if group.count == 1 else f"the first at {first}, the last at {last}"
        message = group.message.partition("\n")[0]
        yield f"{group.count:,} x {group.kind}{f': {message}' if message else ''} ({when})"
        if group.kind in _OF_POOLS:
            yield f"  {_NO_CONNECTION}"
        if number == 0 and group.traceback:
            frames = [line for line in group.traceback.rstrip().splitlines() if line.startswith("  File ")]
            yield from (f"  {line.strip()}" for line in frames[-_MOST_TRACEBACK:])
    if more := measurement.errors[_MOST_GROUPS:]:
        yield f"{sum(one.count for one in more):,} more errors of {counted(len(more), 'further type')}"


def too_many_text(budget: BudgetResult, alpha: float) -> str:
    """Return how sure it is that a load has more errors than a limit allows.

    Args:
        budget: the limit, which is exceeded.
        alpha: the probability of a false `exceeded`.
    """
    failed, share = counted(failures_of(budget), "error"), f"{100 * alpha:.3g} %"
    return f"{failed}: a service at the limit has so many by chance in at most {share} of its loads"


def failures_of(budget: BudgetResult) -> int:
    """Return the number of errors behind the result of a limit on errors."""
    observed = budget.estimate or 0.0
    return round((observed if budget.metric == ERROR_RATE.name else 100 - observed) * budget.rounds / 100)


def step_lines(budget: BudgetResult, load: LoadFacts) -> Iterator[str]:
    """Yield the slowest named steps of a request, by the statistic of a budget; nothing if no step has a name."""
    times = {name: found[budget.metric] for name, found in load.steps.items() if budget.metric in found}
    if times:
        slowest = sorted(times, key=lambda name: -times[name])
        shown = ", ".join(f"{name} {quantity(times[name], 'ns')}" for name in slowest[:_MOST_STEPS])
        more = f", and {len(slowest) - _MOST_STEPS} more" if len(slowest) > _MOST_STEPS else ""
        yield f"{budget.metric} of the steps of a request: {shown}{more}"


def undecided_text(
    budget: BudgetResult, amount: str, written: str, errors: Sequence[ErrorGroup] = (), ended_early: str = ""
) -> str:
    """Return the reason why a budget on a load is undecided, and the remedy, unless a longer load would end as early.

    Args:
        budget: the budget.
        amount: the number of requests behind its result, in words.
        written: the limit as the user writes it.
        errors: the errors of the load, the largest group first.
        ended_early: the reason why the load ended before its time; empty if the load came to its end.
    """
    if budget.metric in OF_ERRORS and errors:
        failed = sum(one.count for one in errors)
        kinds = ", ".join(f"{one.count:,} x {one.kind}" for one in errors[:_MOST_GROUPS])
        allowed = budget.used or 0.0
        text = f"{budget.metric}: {failed:,} of {budget.rounds:,} requests failed ({kinds})"
        if allowed > 1:
            text = f"{text}, {allowed:.3g} times as many as allowed, which may be chance"
        else:
            text = f"{text}; this load does not tell how often that happens"
        return f"{text}: {LOAD.more_samples}"
    metric, needs, had = budget.metric, budget.needs_rounds or 0, budget.rounds
    text, says = f"{metric}: {amount} are too few to be sure", budget.effective or 0.0
    if metric in OF_ERRORS:
        says = had
        if had < needs:
            limit = f"{budget.keyword}={written}"
            text = f"{metric} needs at least {needs:,} requests without an error for {limit}, had {had:,}"
    elif had < needs:
        text = f"{metric} needs {needs:,} requests, had {had:,}"
    elif says < needs:
        independent = f"which say as much as {says:,.0f} independent requests"
        text = f"{metric} needs {needs:,} independent requests, had {had:,} requests, {independent}"
    if ended_early:
        return f"{text}: the load ended early, because {ended_early}"
    factor = needs / min(says or math.inf, had or math.inf)
    if 1 < factor < math.inf:
        return f"{text}: make the load at least {math.ceil(10 * factor) / 10:g} times as long"
    return f"{text}: {LOAD.more_samples}"
