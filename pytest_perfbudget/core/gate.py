"""The budget gate: the only place where the numbers of a measurement are compared with its budgets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final, Literal, cast

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.calibration import TOO_FAST, TOO_TIGHT
from pytest_perfbudget.core.criteria import Criterion, Errors
from pytest_perfbudget.core.criteria.extreme import ExtremeCriterion
from pytest_perfbudget.core.criteria.mean import MeanCriterion
from pytest_perfbudget.core.criteria.mirrored import MirroredCriterion
from pytest_perfbudget.core.criteria.quantile import QuantileCriterion
from pytest_perfbudget.core.instructions import MOST_COUNTED, costliest
from pytest_perfbudget.core.kinds import CALL, MeasurementKind
from pytest_perfbudget.core.metrics import CPU, INSTRUCTIONS, QUANTILES, WALL, Direction, Metric
from pytest_perfbudget.core.recording import Counted
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, CriterionResult
from pytest_perfbudget.core.samples import Samples, describe_code

EXPOSURE_NS = 1_000_000_000
"""The time that the rounds must have taken before one of many looks may call a budget exceeded: a stall of the machine
is no evidence against the code. The last look may call a budget exceeded at any time."""


_MIRRORED_EXTREME: Final = {"min": "max", "max": "min"}


def criterion(metric: Metric, errors: Errors, planned_rounds: int | None) -> Criterion:
    """Return the criterion for a statistic of rounds, with an upper limit or, where higher is better, a lower limit."""
    is_mirrored = metric.direction is Direction.HIGHER
    found = _criterion(metric.statistic, errors, planned_rounds, is_mirrored=is_mirrored)
    return MirroredCriterion(found) if is_mirrored else found


def _criterion(statistic: str, errors: Errors, planned_rounds: int | None, *, is_mirrored: bool) -> Criterion:
    if statistic in QUANTILES:
        share = QUANTILES[statistic]
        return QuantileCriterion(1 - share if is_mirrored else share, errors, planned_rounds)
    if statistic == "mean":
        return MeanCriterion(errors, planned_rounds, least=-math.inf if is_mirrored else 0.0)
    name = _MIRRORED_EXTREME[statistic] if is_mirrored else statistic
    return ExtremeCriterion(cast("Literal['min', 'max']", name), planned_rounds)


@dataclass(frozen=True)
class BudgetGate:
    """The gate for the timed budgets of one measurement, while the measurement runs and at its end."""

    budgets: Sequence[Budget]
    errors: Errors
    kind: MeasurementKind = CALL

    def next_look(self, samples: Samples) -> int | None:
        """Return the number of rounds at which to stop and look again; None if no budget needs another look."""
        done = len(samples.wall_ns)
        upcoming = []
        for budget in self._timed():
            if done and (self._refusal(budget, samples) or self._is_decided(budget, samples)):
                continue
            looks = criterion(budget.metric, self.errors, samples.planned_rounds).looks()
            upcoming += [next((at for at in looks if at > done), None)]
        return min((at for at in upcoming if at is not None), default=None)

    def all_above(self, samples: Samples) -> bool:
        """Return whether some undecided budget was exceeded by every round so far."""
        return any(
            bool(values := samples.of(budget.metric.series))
            and all(budget.metric.is_worse(value, budget.limit) for value in values)
            for budget in self._timed()
            if not self._is_decided(budget, samples)
        )

    def rounds_that_decide(self, samples: Samples, most: int) -> int | None:
        """Return the fewest rounds that would decide a budget if further rounds were like those so far.

        Only budgets are considered whose limit has every round so far on the same side; None if no budget is left.

        Args:
            samples: the rounds so far.
            most: the largest number of rounds that may be made.
        """
        found = []
        for budget in self._timed():
            values = samples.of(budget.metric.series)
            sides = {budget.metric.is_worse(value, budget.limit) for value in (*values, *samples.without_waits())}
            is_decided = self._decide(budget, samples, final=True).verdict is not BudgetVerdict.UNDECIDED
            if len(sides) != 1 or is_decided or self._refusal(budget, samples):
                continue
            decider = criterion(budget.metric, self.errors, samples.planned_rounds)
            for at in (one for one in decider.looks() if len(values) < one <= most):
                alike = [*values, *[values[-1]] * (at - len(values))]
                if decider.decide(alike, budget.limit, final=True).verdict is not BudgetVerdict.UNDECIDED:
                    found.append(at)
                    break
        return min(found, default=None)

    def judge(self, samples: Samples) -> list[BudgetResult]:
        """Return the result of every timed budget, and of each specific budget that cannot be measured here."""
        judged = [self._result(one, samples) for one in self._timed() if self.kind.can_measure(one.metric)]
        missing = [one for one in self.budgets if not self.kind.can_measure(one.metric) and not one.general]
        return judged + [unmeasured(one, self.kind.refusal(one.metric)) for one in missing]

    def left_out(self) -> list[str]:
        """Return a note for each budget of a component that cannot be measured here."""
        return [
            f"{budget.keyword} of {budget.source} is left out: {self.kind.refusal(budget.metric)}"
            for budget in self.budgets
            if budget.general and not budget.everywhere and not self.kind.can_measure(budget.metric)
        ]

    def _timed(self) -> Iterator[Budget]:
        return (budget for budget in self.budgets if budget.metric.is_timed)

    def _is_decided(self, budget: Budget, samples: Samples) -> bool:
        return self._decide(budget, samples, final=False).verdict is not BudgetVerdict.UNDECIDED

    def _decide(self, budget: Budget, samples: Samples, *, final: bool) -> CriterionResult:
        earliest = _rounds_of_exposure(samples.wall_ns, samples.iterations)
        decider = criterion(budget.metric, self.errors, samples.planned_rounds)
        values = samples.of(budget.metric.series)
        found = decider.decide(values, budget.limit, final=final, earliest_exceeded=earliest)
        own_ns = samples.without_waits()
        if found.verdict is BudgetVerdict.WITHIN or budget.metric.series != WALL or not own_ns:
            return found
        # Time in which another process held the CPU is no evidence against the code.
        alone = decider.decide(own_ns, budget.limit, final=final, earliest_exceeded=earliest)
        if alone.verdict is BudgetVerdict.EXCEEDED:  # waits widen the bounds of a mean, but make no code faster
            return _with_lower_of(alone, found) if found.verdict is alone.verdict else alone
        if alone.verdict is found.verdict:
            return found
        undecided = replace(found, verdict=BudgetVerdict.UNDECIDED, without_waits=alone.estimate)
        return _with_lower_of(alone, undecided)

    def _result(self, budget: Budget, samples: Samples) -> BudgetResult:
        reason = self._refusal(budget, samples)
        if reason:
            return unmeasured(budget, reason)
        return budget_result(budget, _of_all_rounds(budget, self._decide(budget, samples, final=True), samples))

    def _refusal(self, budget: Budget, samples: Samples) -> str:
        """Return why these samples say nothing about this budget; empty if they say something."""
        values = samples.of(budget.metric.series)
        if not values:
            return "no round was measured"
        name = budget.metric.name
        single = budget.metric.statistic != "mean"
        instead = budget.keyword.replace(budget.metric.statistic, "mean").replace("p50", "mean")
        if samples.iterations > 1 and single:
            return (
                f"each sample is the mean of {samples.iterations} calls, which has no {name} of calls: "
                f"budget {instead} instead"
            )
        overhead_ns = (samples.cpu_overhead_ns if budget.metric.series == CPU else samples.overhead_ns) or 0.0
        tight = budget.limit * samples.iterations < TOO_TIGHT * overhead_ns
        fast = math.fsum(values) / len(values) * samples.iterations < TOO_FAST * overhead_ns
        if tight and fast:
            return (
                f"one call is too short to hold against this limit (its clock resolves {overhead_ns:.0f} ns): "
                f"give {instead} a measurement of its own, without percentiles"
            )
        return ""


def _with_lower_of(alone: CriterionResult, found: CriterionResult) -> CriterionResult:
    """Return a result with the lower bound of the time without waits, which is one of the whole time as well.

    A report has the estimates of both, and a bound between them would contradict the smaller.
    """
    bounds = [one for one in (alone.lower, found.lower) if one is not None]
    return replace(found, lower=None if alone.lower is None else min(bounds))


def _of_all_rounds(budget: Budget, found: CriterionResult, samples: Samples) -> CriterionResult:
    """Return a verdict `within` with the statistic of all rounds, without waits, which is the most precise estimate.

    The verdict, and its bounds, stay those of the look that decided: a choice among several numbers would void the
    probabilities of its errors. So if all rounds are beyond the limit, the result has the numbers of the look alone.
    """
    if found.verdict is not BudgetVerdict.WITHIN:
        return found
    estimate = describe_code(samples).get(budget.metric.name, found.estimate)
    if budget.metric.is_worse(estimate, budget.limit):
        return found
    return replace(
        found,
        estimate=estimate,
        lower=None if found.lower is None else min(found.lower, estimate),
        upper=None if found.upper is None else max(found.upper, estimate),
        rounds=len(samples.of(budget.metric.series)),
    )


def _rounds_of_exposure(wall_ns: Sequence[float], iterations: int) -> int:
    totals = accumulate(value * iterations for value in wall_ns)
    return next((at for at, total in enumerate(totals, start=1) if total >= EXPOSURE_NS), len(wall_ns) + 1)


def unmeasured(budget: Budget, reason: str) -> BudgetResult:
    """Return the result for a budget without a number."""
    return BudgetResult(
        metric=budget.metric.name,
        keyword=budget.keyword,
        unit=budget.metric.unit,
        direction=budget.metric.direction,
        limit=budget.limit,
        source=budget.source,
        verdict=BudgetVerdict.UNMEASURED,
        reason=reason,
    )


def budget_result(budget: Budget, found: CriterionResult) -> BudgetResult:
    """Return the result of a criterion as the result for its budget."""
    return replace(
        unmeasured(budget, ""),
        verdict=found.verdict,
        estimate=found.estimate,
        lower=found.lower,
        upper=found.upper,
        rounds=found.rounds,
        needs_rounds=found.needs_rounds,
        effective=found.effective,
        without_waits=found.without_waits,
    )


def judge_count(budget: Budget, count: float, passes: int) -> BudgetResult:
    """Return the result for a number that separate passes counted: peak bytes, function calls."""
    verdict = BudgetVerdict.EXCEEDED if budget.metric.is_worse(count, budget.limit) else BudgetVerdict.WITHIN
    return budget_result(budget, CriterionResult(verdict, count, count, count, passes))


def judge_counts(budgets: Iterable[Budget], counted: Counted) -> list[BudgetResult]:
    """Return the results of all budgets on counted numbers."""
    found = []
    for budget in budgets:
        name = budget.metric.name
        if not budget.metric.is_counted:
            continue
        if name in counted.counts:
            found.append(_explained(judge_count(budget, counted.counts[name], counted.passes[name]), counted))
        else:
            found.append(unmeasured(budget, counted.problems.get(name, "nothing counts it")))
    return found


def _explained(result: BudgetResult, counted: Counted) -> BudgetResult:
    """Return the result for a count; too many instructions are explained by the functions that have the most."""
    if result.metric != INSTRUCTIONS.name or result.verdict is not BudgetVerdict.EXCEEDED:
        return result
    count = counted.counts[result.metric]
    reason = f"counting stopped at {MOST_COUNTED:,}: the execution has more" if count > MOST_COUNTED else ""
    return replace(result, reason=reason, instructions=costliest(counted.instructions, count))
