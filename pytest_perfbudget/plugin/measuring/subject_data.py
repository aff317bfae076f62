"""The data on one subject: rounds for the budgets, and blocks and counts for the comparison, each taken once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.recording import Counted, Recording
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.measure.counting import count_executions
from pytest_perfbudget.measure.plan import Plan
from pytest_perfbudget.measure.probes import LooksBad
from pytest_perfbudget.measure.runner import Outcome, measure
from pytest_perfbudget.measure.subject import Subject, source_file


@dataclass(frozen=True)
class SubjectData:
    """The data of one measurement.

    Attributes:
        result: the result of the first call.
        samples: the rounds.
        counted: the counts that a budget or the comparison needs.
        recording: the data of the comparison; None if nothing is compared.
        looks_slower: whether the comparison finds the run suspect.
    """

    result: Any
    samples: Samples
    counted: Counted
    recording: Recording | None
    looks_slower: bool


async def take_data(
    subject: Subject, plan: Plan, budgets: Sequence[Budget], request: MeasurementRequest | None
) -> SubjectData:
    """Measure a subject for its budgets and for a comparison.

    Args:
        subject: the code to be measured.
        plan: the plan for the budgets alone.
        budgets: the budgets that hold; the metrics of those on counts are counted.
        request: the comparison's request; None if nothing is compared.
    """
    __tracebackhide__ = True
    outcome = await measure(subject, _with_request(plan, request))
    is_too_slow = _call_ns(outcome.samples) > plan.max_time_ns
    with plan.silence():
        over_budget = _over_budget(budgets)
        counted = await count_executions(
            subject,
            _wanted(over_budget, None if is_too_slow else request),
            plan.clock,
            over_budget=over_budget,
            with_costs=request is not None,
            with_profiles=request is not None and request.is_profiled,
        )
    recording = None if request is None else _recording(subject, outcome, counted, request, is_too_slow=is_too_slow)
    looks_slower = request is not None and request.is_suspect(outcome.samples.blocks)
    return SubjectData(outcome.result, outcome.samples, counted, recording, looks_slower)


def _with_request(plan: Plan, request: MeasurementRequest | None) -> Plan:
    if request is None:
        return plan
    more_blocks = request.more_blocks if request.more_blocks or request.turns else plan.more_blocks
    one_cpu = False if request.one_cpu is None and not request.pin else request.one_cpu
    if request.more_blocks is None:
        one_cpu = False
    return replace(
        plan,
        more_blocks=more_blocks,
        turns=request.turns,
        with_cpus=request.with_cpus,
        one_cpu=one_cpu,
        is_brief=request.is_measured_elsewhere,
    )


def _call_ns(samples: Samples) -> float:
    return min(samples.wall_ns, default=0.0) * samples.iterations


def _over_budget(budgets: Sequence[Budget]) -> dict[str, LooksBad]:
    """Return the metrics whose counts have budgets, each with a function that says whether a count exceeds one."""
    limits: dict[str, list[LooksBad]] = {}
    for budget in budgets:
        if budget.metric.is_counted:
            limits.setdefault(budget.metric.name, []).append(_is_over(budget))
    return {metric: _any_of(found) for metric, found in limits.items()}


def _wanted(over_budget: Mapping[str, LooksBad], request: MeasurementRequest | None) -> dict[str, LooksBad]:
    """Return the metrics to count.

    Each metric has a function that says whether a count is worth a second pass, because a budget or the comparison
    finds the count bad.
    """
    reasons = {metric: [exceeds] for metric, exceeds in over_budget.items()}
    for metric, looks_bad in (request.counts if request is not None else {}).items():
        reasons.setdefault(metric, []).append(looks_bad)
    return {metric: _any_of(found) for metric, found in reasons.items()}


def _is_over(budget: Budget) -> LooksBad:
    return lambda count: budget.metric.is_worse(count, budget.limit)


def _any_of(reasons: Sequence[LooksBad]) -> Callable[[float], bool]:
    return lambda count: any(looks_bad(count) for looks_bad in reasons)


def _recording(
    subject: Subject, outcome: Outcome, counted: Counted, request: MeasurementRequest, *, is_too_slow: bool
) -> Recording:
    """Return the data of the comparison.

    Counting multiplies the time of a call, so a call that takes longer than `max_time` is not counted.
    """
    samples = outcome.samples
    problems = [counted.problems[metric] for metric in request.counts if metric in counted.problems]
    why = "one call takes longer than max_time" if is_too_slow else next(iter(problems), "")
    return Recording(
        samples.blocks,
        counts={metric: counted.counts[metric] for metric in request.counts if metric in counted.counts},
        functions=counted.functions,
        costs=counted.costs,
        files=counted.files or [file for file in [source_file(subject.function)] if file],
        uncounted=why,
        turns=samples.turns,
        cpus=outcome.cpus,
        one_cpu=outcome.one_cpu,
        graph=counted.graph,
        instructions=counted.instructions,
        rounds=RoundTimes.of(samples.wall_ns, samples.iterations, samples.waited_ns),
    )
