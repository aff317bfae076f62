"""The decision about measurements: the findings that their results give under the user's policy.

The texts of a finding are written elsewhere (`report.findings`). They decide nothing: a finding fails its test by its
severity, with or without a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pytest_perfbudget.core.finding import (
    CHANGED,
    DOUBT,
    NEAR_LIMIT,
    UNMEASURED,
    Case,
    Finding,
    Severity,
)
from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS, TIME
from pytest_perfbudget.core.policy import Judgement, Policy
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict


def find(measurements: Iterable[Measurement], policy: Policy) -> list[Case]:
    """Return the findings about measurements, in their order; the budgets of each come before its comparisons.

    In a test that is expected to fail, a finding that would fail the test is a warning, and nothing counts it as a
    failure.
    """
    return [case for one in measurements for case in _find(one, policy)]


def is_near(result: BudgetResult, warn_at: float) -> bool:
    """Return whether a budget that holds is used up to the share from which a report warns.

    A number that is the same each time is never near its limit, because users set the limit to that number.
    """
    metric = METRICS.get(result.metric)
    if metric is not None and metric.is_exact:
        return False
    return result.verdict is BudgetVerdict.WITHIN and result.used is not None and result.used >= warn_at


def judge_budget(budget: BudgetResult, policy: Policy) -> Judgement | None:
    """Return the judgement of a budget's result; None if a reader need not know the result."""
    if budget.verdict is BudgetVerdict.WITHIN:
        return Judgement(Severity.WARNING) if is_near(budget, policy.warn_at) else None
    fails = budget.verdict is BudgetVerdict.EXCEEDED or budget.is_required or policy.strict
    return policy.judge(fails=fails, otherwise=Severity.WARNING)


def judge_change(change: RegressionResult, policy: Policy) -> Judgement | None:
    """Return the judgement of a comparison's result; None if a reader need not know the result."""
    verdict = change.verdict
    if verdict in (RegressionVerdict.REGRESSED, RegressionVerdict.WRONG_CODE):
        # Unlike an unmeasured time, which may be measured tomorrow, a base that runs the head's code would stay green
        # for ever.
        return policy.judge(fails=True, otherwise=Severity.WARNING)
    if verdict.is_unjudged:
        is_new_for_ever = bool(change.against) and verdict is RegressionVerdict.NEW
        is_told = verdict is RegressionVerdict.UNMEASURED or change.needs_reason
        otherwise = Severity.WARNING if is_told else Severity.NOTE
        is_needed = change.is_required and verdict is RegressionVerdict.UNMEASURED
        return policy.judge(fails=is_needed or (policy.strict and not is_new_for_ever), otherwise=otherwise)
    if verdict is RegressionVerdict.CHANGED:
        return _NOTED if change.metric == TIME.name else None
    if verdict is RegressionVerdict.UNDECIDED:
        return Judgement(Severity.WARNING) if _is_open(change) else None
    return _NOTED if change.runs else None  # fresh runs did not confirm the suspicion


_NOTED: Final = Judgement(Severity.NOTE)


def is_unsuspicious(measurement: Measurement, change: RegressionResult) -> bool:
    """Return whether an undecided comparison asks for nothing, because nothing looks slower than is allowed.

    Intervals that reach beyond the tolerance are usual for a session's own run, and for the few fresh processes that
    measure a suspect which looked far too fast. Nobody but the user can make a load more precise, so an undecided load
    asks for that, unless its interval shows that the limit holds.
    """
    if change.verdict is not RegressionVerdict.UNDECIDED or _is_open(change):
        return False
    holds = change.upper is not None and change.upper <= 1 + change.limit
    return measurement.kind is not LOAD or holds


def _is_open(change: RegressionResult) -> bool:
    """Return whether an undecided comparison leaves a doubt: it has a reason, or fresh processes look slower, too."""
    is_slower = change.ratio is not None and change.ratio > 1 + change.limit
    return bool(change.reason) or (change.runs > 0 and is_slower)


def has_numbers(measurement: Measurement) -> bool:
    """Return whether anything was measured; if nothing was, the measurement or its budgets have the reason."""
    return not measurement.unmeasured and bool(measurement.statistics or measurement.rounds)


def told_changes(measurement: Measurement) -> Sequence[RegressionResult]:
    """Return the comparisons of a measurement that a reader is told of.

    A measurement without numbers is unmeasured, and not also new or foreign: it has nothing that the other side lacks.
    """
    if has_numbers(measurement):
        return measurement.changes
    return [one for one in measurement.changes if one.verdict not in _LACKED]


_LACKED: Final = (RegressionVerdict.NEW, RegressionVerdict.FOREIGN)


def _find(measurement: Measurement, policy: Policy) -> Iterator[Case]:
    for budget in measurement.budgets:
        judged = judge_budget(budget, policy)
        if judged is not None:
            is_within = budget.verdict is BudgetVerdict.WITHIN
            yield _case(NEAR_LIMIT if is_within else budget.verdict.value, judged, measurement, budget)
    changes = () if measurement.is_pending else told_changes(measurement)
    for change in changes:
        judged = judge_change(change, policy) or _judge_load(measurement, change)
        if judged is not None:
            yield _case(change.verdict.value, judged, measurement, change)
        # A test that changed and is therefore not judged already has a finding, by its verdict.
        is_timed = change.metric == TIME.name and change.verdict is not RegressionVerdict.CHANGED
        if change.is_test_changed and is_timed:
            yield _case(CHANGED, _NOTED, measurement, change)
    # A comparison that is unmeasured for the same reason has said so, with its remedy.
    if measurement.unmeasured and not any(_is_told(measurement, change) for change in changes):
        judged = policy.judge(fails=policy.strict, otherwise=Severity.WARNING)
        yield _case(UNMEASURED, judged, measurement, text=measurement.unmeasured)
    for text in measurement.warnings:
        yield _case(DOUBT, _NOTED, measurement, text=text)


def _is_told(measurement: Measurement, change: RegressionResult) -> bool:
    """Return whether a comparison tells the reason why a measurement has no numbers."""
    return change.verdict is RegressionVerdict.UNMEASURED and change.reason == measurement.unmeasured


def _metric_of(result: BudgetResult | RegressionResult | None) -> str:
    if result is None:
        return ""
    return result.label if isinstance(result, BudgetResult) else result.metric


def _judge_load(measurement: Measurement, change: RegressionResult) -> Judgement | None:
    """Return the judgement of a comparison that was too short: the user decides how long a load is."""
    is_undecided = measurement.kind is LOAD and change.verdict is RegressionVerdict.UNDECIDED
    return _NOTED if is_undecided and not is_unsuspicious(measurement, change) else None


def _case(
    kind: str,
    judged: Judgement,
    measurement: Measurement,
    result: BudgetResult | RegressionResult | None = None,
    text: str = "",
) -> Case:
    if judged.is_gated and measurement.is_expected_to_fail:
        judged = Judgement(Severity.WARNING)
    finding = Finding(
        kind,
        judged.severity,
        measurement.nodeid,
        measurement.name,
        _metric_of(result),
        judged.is_gated,
        measurement.file,
        measurement.line,
    )
    return Case(finding, measurement, result, text)
