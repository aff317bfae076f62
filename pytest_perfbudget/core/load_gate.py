"""The gate of a load: the only place where the numbers of a load are compared with its budgets.

The latencies of a load depend on each other, so their criteria count effective requests; see `core.criteria.dependent`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.dependent import at_look
from pytest_perfbudget.core.criteria.late import exceeded_in_spite, exceeded_undisturbed
from pytest_perfbudget.core.criteria.load_latencies import decide_latencies
from pytest_perfbudget.core.gate import budget_result, unmeasured
from pytest_perfbudget.core.kinds import LOAD, why_never
from pytest_perfbudget.core.load.disturbances import PAUSE_NS
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.result import describe_load
from pytest_perfbudget.core.load_errors import (
    NO_ERROR,
    allows_no_error,
    burst_text,
    decide_errors,
    fails_often,
    limits_errors,
    why_lost,
)
from pytest_perfbudget.core.load_lateness import (
    MOST_LATENESS,
    highest_rps,
    late_for,
    lateness_text,
    why_late,
    without_unanswered,
)
from pytest_perfbudget.core.metrics import (
    CPU_PERCENT,
    ERROR_RATE,
    RPS,
    RSS,
    WALL,
)
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, CriterionResult
from pytest_perfbudget.core.units import time_text

_OF_PROCESS: Final = (RSS, CPU_PERCENT)

_FIRST_LOOK: Final = 50
"""The number of requests before the first early look; each further look comes when the number has doubled."""


@dataclass(frozen=True)
class LoadGate:
    """The gate for the budgets of one load, while the load runs and at its end."""

    budgets: Sequence[Budget]
    errors: Errors

    def judge(self, record: LoadRecord) -> list[BudgetResult]:
        """Return the result of every budget on the load, and of each specific budget that a load cannot measure."""
        refused = [(one, _refusal(one, record)) for one in self.budgets]
        judged = [self._judge(one, record) for one, why in refused if not why]
        missing = [unmeasured(one, why) for one, why in refused if why and not one.general]
        return [*judged, *self._unallowed(record), *missing]

    def left_out(self, record: LoadRecord) -> list[str]:
        """Return a note for each budget of a component that a load cannot measure."""
        return [
            f"{budget.keyword} of {budget.source} is left out: {why}"
            for budget in self.budgets
            if budget.general and not budget.everywhere and (why := _refusal(budget, record))
        ]

    def why_end_early(self, record: LoadRecord, look: int) -> str:
        """Return the reason to end a load before its time: a budget that is exceeded by far; empty if there is none.

        Args:
            record: the load so far.
            look: the number of the look, from 1 on, by which the errors of all looks are kept.
        """
        errors = at_look(self.errors, look)
        often = None if why_late([], record) else fails_often(list(self._measurable()), record, errors)
        if often is not None:
            return _far(often)
        for budget in self._measurable():
            if budget.metric.series != WALL or budget.metric.statistic in ("min", "max"):
                continue  # not inferred, so only the end tells
            if self._why_late(budget, record):
                continue
            found = self._decide(budget, record, errors)
            if found is not None and found.verdict is BudgetVerdict.EXCEEDED:
                return _far(budget)
        return ""

    def why_lost(self, failures: int, requests: int, planned: int) -> str:
        """Return the reason why a limit on errors is exceeded whatever follows; see `core.load_errors.why_lost`."""
        return why_lost(self.budgets, failures, requests, planned, self.errors.exceeded)

    @property
    def limits_errors(self) -> bool:
        """Whether a limit allows some errors, so that the number of requests matters."""
        return any(limits_errors(one) and not allows_no_error(one) for one in self.budgets)

    def broken(self, record: LoadRecord) -> BudgetResult | None:
        """Return the result of a limit that a short load has broken, by its estimate; None if it has kept all."""
        judged = self.judge(record)
        return next((one for one in judged if one.verdict is BudgetVerdict.EXCEEDED or (one.used or 0) > 1), None)

    def why_late(self, record: LoadRecord) -> str:
        """Return the reason why the generator and not the server determined the numbers; empty if it did not."""
        return why_late(self.budgets, record)

    @staticmethod
    def is_due(requests: int, look: int) -> bool:
        """Return whether enough requests have ended for a look."""
        return requests >= _FIRST_LOOK << (look - 1)

    def _measurable(self) -> Iterator[Budget]:
        return (one for one in self.budgets if LOAD.can_measure(one.metric))

    def _why_late(self, budget: Budget, record: LoadRecord) -> str:
        """Return the reason why the generator determined the number of a limit; empty if it did not.

        The lateness that a time or an answer may have is that of its own limit. A rate is lowered by any lateness.
        """
        if budget.metric is RPS:
            return why_late(self.budgets, record)
        return why_late([budget] if budget.metric.series == WALL else [], record)

    def _unallowed(self, record: LoadRecord) -> Iterator[BudgetResult]:
        """Yield the result of the limit that holds where no limit on errors was given."""
        if record.failures and not any(limits_errors(one) for one in self.budgets):
            yield self._judge(Budget(ERROR_RATE, 0.0, "max_error_rate", NO_ERROR), record)

    def _judge(self, budget: Budget, record: LoadRecord) -> BudgetResult:
        late = self._why_late(budget, record)
        is_time = budget.metric.series == WALL
        if late and is_time:
            return self._judge_late(budget, record) or unmeasured(budget, late)
        found = self._decide(budget, record, self.errors)
        if found is None:
            return unmeasured(budget, _no_answer(record))
        # Requests are missing or were never made, or the process was not there for all of them.
        partial = late if record.generator.overloaded else _why_ended(budget, record)
        if partial and found.verdict is not BudgetVerdict.EXCEEDED:
            return unmeasured(budget, partial)
        if found.verdict is BudgetVerdict.EXCEEDED:
            if why := late_for(budget, record, late):
                return (self._judge_late(budget, record) if is_time else None) or unmeasured(budget, why)
            if late and limits_errors(budget):
                answered = self._decide(budget, without_unanswered(record), self.errors)
                if answered is None or answered.verdict is not BudgetVerdict.EXCEEDED:
                    return unmeasured(budget, late)
        reason = _slow_end(budget, record) or _not_answered(budget, record)
        if found.verdict is BudgetVerdict.EXCEEDED and limits_errors(budget):
            reason = burst_text(budget, record, self.errors)
        if late and found.verdict is BudgetVerdict.EXCEEDED and budget.metric is RPS:
            reason = f"without the lateness of the generator the rate is at most {highest_rps(record):,.3g} rps"
        return replace(budget_result(budget, found), reason=reason)

    def _judge_late(self, budget: Budget, record: LoadRecord) -> BudgetResult | None:
        """Return the result of a limit that the server exceeds however late the generator was; else None.

        The estimate is the measured number, like those beside it; the bound, which decides, is that of the server.
        """
        generator, is_open = record.generator, record.plan.is_open
        values = record.latencies.with_failed(budget.limit).sequence
        if generator.overloaded or not values:
            return None
        errors = Errors(self.errors.exceeded / 2, self.errors.within)  # two ways to show that a limit is exceeded
        found = exceeded_in_spite(budget.metric, values, budget.limit, errors, generator, is_open=is_open)
        how = "the bound is without this lateness, the number with it"
        if found is None:
            allowed_ns = max(MOST_LATENESS * budget.limit, PAUSE_NS)
            clear, disturbed = record.disturbances.undisturbed(values, allowed_ns)
            if disturbed:  # another generator does not tell which requests met its pauses
                found = exceeded_undisturbed(budget.metric, clear, budget.limit + allowed_ns, errors)
            how = f"{disturbed:,} of {len(values):,} requests, which this may have delayed, count as fast in the bound"
        if found is None:
            return None
        measured = self._decide(budget, record, errors)
        estimate = found.estimate if measured is None else measured.estimate
        text = f"the generator was late, {lateness_text(budget.metric, record)}: {how}"
        return replace(budget_result(budget, found), estimate=estimate, reason=text)

    def _decide(self, budget: Budget, record: LoadRecord, errors: Errors) -> CriterionResult | None:
        metric, limit = budget.metric, budget.limit
        if metric in (RPS, *_OF_PROCESS):
            seen = describe_load(record).get(metric.name)
            if seen is None:
                return None
            verdict = BudgetVerdict.EXCEEDED if metric.is_worse(seen, limit) else BudgetVerdict.WITHIN
            return CriterionResult(verdict, seen, seen, seen, record.requests)
        if limits_errors(budget):
            return decide_errors(budget, record, errors)
        latencies = record.latencies.with_failed(limit)
        return decide_latencies(metric, latencies, limit, errors) if len(latencies) else None


def _refusal(budget: Budget, record: LoadRecord) -> str:
    return why_never(LOAD, budget.metric, has_process=record.process is not None)


def _why_ended(budget: Budget, record: LoadRecord) -> str:
    """Return that the process of a limit did not live to the end of the load; empty if it did, or if there is none."""
    ended_ns = None if record.process is None else record.process.ended_ns
    if ended_ns is None or budget.metric not in _OF_PROCESS:
        return ""
    return f"the process ended {f'after {time_text(ended_ns)}' if ended_ns > 0 else 'before the load'}"


def _slow_end(budget: Budget, record: LoadRecord) -> str:
    """Return which answers a rate counts, if those after the planned duration would lower the rate; else nothing."""
    duration_ns = record.plan.duration_ns
    if budget.metric is not RPS or record.rps == record.whole_rps:
        return ""
    if record.keeps_up():
        return f"of the {time_text(duration_ns)} in which requests were due: the service kept up with them"
    return f"of the {time_text(duration_ns)} of the load, in which {record.in_time:,} successful requests ended"


def _not_answered(budget: Budget, record: LoadRecord) -> str:
    """Return how the requests without an answer, and those that failed, count in a limit; empty if none do."""
    if budget.metric.series != WALL:
        return ""
    latencies, parts = record.latencies, []
    if number := latencies.unanswered:
        had = "request had no answer and counts" if number == 1 else "requests had no answer and count"
        parts.append(f"{number:,} {had} as slower than any limit; the numbers have the time that was waited")
    if number := len(latencies.with_failed(budget.limit)) - len(latencies):
        had = (
            "request failed after more than the limit and counts"
            if number == 1
            else "requests failed after more than the limit and count"
        )
        parts.append(f"{number:,} {had} with the time until then")
    return "; ".join(parts)


def _no_answer(record: LoadRecord) -> str:
    """Return that no request was answered, with the largest group of errors."""
    if not record.errors:
        return "no request was answered"
    first = record.errors[0]
    error = f"{first.kind}: {first.message}" if first.message else first.kind
    many = f"all {first.count:,}" if first.count == record.failures else f"{first.count:,} of {record.failures:,}"
    return f"no request was answered: {many} failed with {error}"


def _far(budget: Budget) -> str:
    return f"{budget.metric.name} exceeds its limit by far"
