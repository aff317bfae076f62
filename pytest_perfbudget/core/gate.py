"""The one place where a measurement's numbers meet its budgets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, cast

from pytest_perfbudget.core.budgets import QUANTILES, Budget, Metric, Resource
from pytest_perfbudget.core.calibration import TOO_FAST, TOO_TIGHT
from pytest_perfbudget.core.criteria import Criterion, Errors
from pytest_perfbudget.core.criteria.extreme import ExtremeCriterion
from pytest_perfbudget.core.criteria.mean import MeanCriterion
from pytest_perfbudget.core.criteria.quantile import QuantileCriterion
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, CriterionResult
from pytest_perfbudget.core.samples import Samples

EXPOSURE_NS = 1_000_000_000
"""Rounds must have taken this long before one of many looks may call a budget exceeded: a stall of
the machine is no evidence against the code. The last look may at any time."""


def criterion(metric: Metric, errors: Errors, planned_rounds: int | None) -> Criterion:
    """Return what decides a statistic of a time."""
    if metric.statistic in QUANTILES:
        return QuantileCriterion(QUANTILES[metric.statistic], errors, planned_rounds)
    if metric.statistic == "mean":
        return MeanCriterion(errors, planned_rounds)
    return ExtremeCriterion(cast("Literal['min', 'max']", metric.statistic), planned_rounds)


def is_timed(budget: Budget) -> bool:
    """Return whether rounds decide this budget; the others take a pass of their own."""
    return budget.metric.resource in (Resource.WALL, Resource.CPU)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The resources that a kind of measurement cannot measure, and why."""

    resources: frozenset[Resource] = frozenset()
    why: str = ""


@dataclass(frozen=True)
class BudgetGate:
    """Judges the timed budgets of one measurement, while it runs and at its end."""

    budgets: Sequence[Budget]
    errors: Errors
    unsupported: Unsupported = Unsupported()

    def next_look(self, samples: Samples) -> int | None:
        """Return the number of rounds at which to stop and look again; None once all is decided."""
        done = len(samples.wall_ns)
        upcoming = []
        for budget in filter(is_timed, self.budgets):
            if done and (self._refusal(budget, samples) or self._decided(budget, samples)):
                continue
            looks = criterion(budget.metric, self.errors, samples.planned_rounds).looks()
            upcoming += [next((at for at in looks if at > done), None)]
        return min((at for at in upcoming if at is not None), default=None)

    def all_above(self, samples: Samples) -> bool:
        """Return whether some undecided budget was exceeded by every round so far."""
        return any(
            bool(values := samples.of(budget.metric.resource)) and min(values) > budget.limit
            for budget in filter(is_timed, self.budgets)
            if not self._decided(budget, samples)
        )

    def judge(self, samples: Samples) -> list[BudgetResult]:
        """Return the final judgement on every timed budget, and on those that cannot be measured."""
        judged = [self._judge(one, samples) for one in self.budgets if is_timed(one) and not self._is_unsupported(one)]
        missing = [one for one in self.budgets if self._is_unsupported(one) and not one.general]
        return judged + [unmeasured(one, self.unsupported.why) for one in missing]

    def left_out(self) -> list[str]:
        """Return a note on every general budget that cannot be measured here."""
        return [
            f"{budget.keyword} of {budget.source} is left out: {self.unsupported.why}"
            for budget in self.budgets
            if self._is_unsupported(budget) and budget.general
        ]

    def _is_unsupported(self, budget: Budget) -> bool:
        return budget.metric.resource in self.unsupported.resources

    def _decided(self, budget: Budget, samples: Samples) -> bool:
        return self._decide(budget, samples, final=False).verdict is not BudgetVerdict.UNDECIDED

    def _decide(self, budget: Budget, samples: Samples, *, final: bool) -> CriterionResult:
        earliest = _rounds_of_exposure(samples.wall_ns, samples.iterations)
        decider = criterion(budget.metric, self.errors, samples.planned_rounds)
        values = samples.of(budget.metric.resource)
        return decider.decide(values, budget.limit, final=final, earliest_exceeded=earliest)

    def _judge(self, budget: Budget, samples: Samples) -> BudgetResult:
        reason = self._refusal(budget, samples)
        if reason:
            return unmeasured(budget, reason)
        decision = self._decide(budget, samples, final=True)
        return judgement(budget, decision)

    def _refusal(self, budget: Budget, samples: Samples) -> str:
        """Return why these samples say nothing about this budget, or an empty text."""
        values = samples.of(budget.metric.resource)
        if not values:
            return "no round was measured"
        name = str(budget.metric)
        single = budget.metric.statistic != "mean"
        instead = budget.keyword.replace(budget.metric.statistic, "mean").replace("p50", "mean")
        if samples.iterations > 1 and single:
            return (
                f"each sample is the mean of {samples.iterations} calls, which has no {name} of calls: "
                f"budget {instead} instead"
            )
        cpu = budget.metric.resource is Resource.CPU
        overhead_ns = (samples.cpu_overhead_ns if cpu else samples.overhead_ns) or 0.0
        tight = budget.limit * samples.iterations < TOO_TIGHT * overhead_ns
        fast = math.fsum(values) / len(values) * samples.iterations < TOO_FAST * overhead_ns
        if tight and fast:
            return (
                f"one call is too short to hold against this limit (its clock resolves {overhead_ns:.0f} ns): "
                f"give {instead} a measurement of its own, without percentiles"
            )
        return ""


def _rounds_of_exposure(wall_ns: Sequence[float], iterations: int) -> int:
    totals = accumulate(value * iterations for value in wall_ns)
    return next((at for at, total in enumerate(totals, start=1) if total >= EXPOSURE_NS), len(wall_ns) + 1)


def unmeasured(budget: Budget, reason: str) -> BudgetResult:
    """Return the judgement on a budget for which there is no number."""
    return BudgetResult(
        metric=str(budget.metric),
        keyword=budget.keyword,
        unit=budget.metric.resource.unit,
        limit=budget.limit,
        source=budget.source,
        verdict=BudgetVerdict.UNMEASURED,
        reason=reason,
    )


def judgement(budget: Budget, decision: CriterionResult) -> BudgetResult:
    """Return a decision together with the budget it is about."""
    return replace(
        unmeasured(budget, ""),
        verdict=decision.verdict,
        estimate=decision.estimate,
        lower=decision.lower,
        upper=decision.upper,
        rounds=decision.rounds,
        needs_rounds=decision.needs_rounds,
    )


def judge_count(budget: Budget, count: float, passes: int) -> BudgetResult:
    """Return the judgement on a number that a pass of its own found: peak bytes, function calls."""
    verdict = BudgetVerdict.WITHIN if count <= budget.limit else BudgetVerdict.EXCEEDED
    return judgement(budget, CriterionResult(verdict, count, count, count, passes))


def tally(verdicts: Iterable[BudgetVerdict]) -> Mapping[str, int]:
    """Return how often each verdict fell, every verdict named."""
    fallen = list(verdicts)
    return {verdict.value: fallen.count(verdict) for verdict in BudgetVerdict}
