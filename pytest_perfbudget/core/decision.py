"""The decision about a session: the findings that its results give under the user's policy, and whether it fails.

The texts of a finding are written elsewhere (`report.findings`). They decide nothing: a finding fails its test by its
severity, with or without a text.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.baseline_update import UpdateAction, UpdateSummary
from pytest_perfbudget.core.finding import (
    CHANGED,
    DOUBT,
    LOOSENED,
    MISSING,
    NEAR_LIMIT,
    NOT_RECORDED,
    NOT_UPDATED,
    NOTHING_COMPARED,
    UNMEASURED,
    Case,
    Finding,
    Missing,
    Severity,
)
from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.loosening import Loosening
from pytest_perfbudget.core.measurement import Measurement, file_of
from pytest_perfbudget.core.metrics import METRICS, TIME
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.span_budgets import SpanBudget
from pytest_perfbudget.core.spans.names import covers
from pytest_perfbudget.errors import nearest


class GateMode(enum.Enum):
    """The effect of an exceeded budget or a regression."""

    FAIL = "fail"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Policy:
    """The user's policy for findings.

    Attributes:
        gate: the effect of a finding that fails its test: a failure, or only a warning.
        strict: whether a number that could not be judged fails its test as well.
        warn_at: the share of a limit from which a budget is near its limit.
    """

    gate: GateMode = GateMode.FAIL
    strict: bool = False
    warn_at: float = 0.8

    def judge(self, *, fails: bool, otherwise: Severity) -> Judgement:
        """Return how a finding is judged.

        Args:
            fails: whether the finding fails its test while the gate is on.
            otherwise: the severity of a finding that does not fail its test.
        """
        if not fails:
            return Judgement(otherwise)
        return Judgement(Severity.FAILURE if self.gate is GateMode.FAIL else Severity.WARNING, is_gated=True)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement of a result under the user's policy.

    Attributes:
        severity: the urgency of the finding.
        is_gated: whether the finding fails its test while the gate is on.
    """

    severity: Severity
    is_gated: bool = False


def find(measurements: Iterable[Measurement], policy: Policy) -> list[Case]:
    """Return the findings about measurements, in their order; the budgets of each come before its comparisons."""
    return [case for one in measurements for case in _find(one, policy)]


def find_missing(missing: Iterable[Missing], policy: Policy, *, can_be_mended: bool) -> list[Finding]:
    """Return a finding for each missing measurement.

    Args:
        missing: the missing measurements.
        policy: the user's policy.
        can_be_mended: whether the user can make the measurements exist again, or remove them from the other side:
            true for the baseline, false for another commit, which keeps its tests for ever.
    """
    judged = policy.judge(fails=policy.strict and can_be_mended, otherwise=Severity.WARNING)
    return [
        Finding(
            MISSING,
            judged.severity,
            one.test,
            one.name,
            is_gated=judged.is_gated,
            file=file_of(one.test),
            headline=one.reason,
        )
        for one in missing
    ]


def find_nothing_compared(
    measurements: Iterable[Measurement],
    policy: Policy,
    against: str,
    *,
    is_lost: bool,
    has_perf_tests: bool,
    deselected: int = 0,
    settings: str = "",
    may_compare_nothing: bool = False,
) -> list[Finding]:
    """Return a finding if a session compared nothing with another commit, unless all its perf tests are new.

    Args:
        measurements: all measurements of the session.
        policy: the user's policy.
        against: the name of the other commit.
        is_lost: whether a perf test that both sides have did not run to its end, such as a skipped test, or lacks a
            measurement of the other side.
        has_perf_tests: whether a perf test was collected, also if it was deselected then.
        deselected: the number of perf tests, if all of them were deselected.
        settings: what deselects tests other than the command line, with a remedy; empty if there is nothing.
        may_compare_nothing: whether a session of measurements that are never compared passes.
    """
    found = [*measurements]
    changes = [change for one in found for change in one.changes]
    is_lost = is_lost or any(one.unmeasured for one in found)
    is_lost = is_lost or any(change.verdict is RegressionVerdict.UNMEASURED for change in changes)
    if any(not change.verdict.is_unjudged for change in changes):
        return []
    fails = True
    if deselected:
        number = "the only perf test is" if deselected == 1 else f"all {deselected} perf tests are"
        lift = f", by {settings}" if settings else ""
        headline = f"{number} deselected, so nothing was compared with {against}{lift}"
        fails = bool(settings) or policy.strict
    elif not has_perf_tests and not found:
        remedy = "mark the tests with perf_budget, or name them in [tool.perfbudget.budgets]"
        headline = f"no perf test was collected, so nothing was compared with {against}: {remedy}"
    elif is_lost:
        headline = f"no test was compared with {against}, although both sides have tests, so the session fails"
    elif found and not changes:
        fails = not may_compare_nothing
        allow = "" if may_compare_nothing else ', or allow it: unmeasured = "warn" in pyproject.toml'
        kinds = "ratios, capacities, loads of locust and loads whose rate changes"
        headline = (
            f"this session measured only what is never compared with {against} ({kinds}): "
            f"measure a call or a steady load as well{allow}"
        )
    else:
        return []
    judged = policy.judge(fails=fails, otherwise=Severity.WARNING)
    return [Finding(NOTHING_COMPARED, judged.severity, "", is_gated=judged.is_gated, headline=headline)]


def find_loosened(
    measurements: Iterable[Measurement], others: Iterable[tuple[str, str, Loosening]], *, is_enforced: bool
) -> list[Finding]:
    """Return a finding for each limit that the working tree loosens.

    Args:
        measurements: all measurements of the session, each with the limits that are loosened for it.
        others: further limits, each with a test and the name of a measurement, which are empty for the whole session.
        is_enforced: whether the limits of the other commit hold.
    """
    effect = "the base's value holds" if is_enforced else "accepted"
    found = [
        *others,
        *((measured.nodeid, measured.name, one) for measured in measurements for one in measured.loosened),
    ]
    return [
        Finding(
            LOOSENED,
            Severity.WARNING,
            test,
            name,
            one.base.partition(" = ")[0],
            file=file_of(test),
            headline=f"{one.base} -> {one.head}{f', {one.source}' if one.source else ''}: {effect}",
        )
        for test, name, one in found
    ]


def find_not_recorded(
    budgets: Iterable[SpanBudget], measurements: Iterable[Measurement], policy: Policy
) -> list[Finding]:
    """Return a finding for each limit on spans that no measurement of the session has recorded.

    Args:
        budgets: the limits that hold for every test; a limit of a test has a result in the test.
        measurements: all measurements of the session.
        policy: the user's policy.
    """
    recorded = {node.path[-1] for one in measurements if one.spans is not None for node in one.spans.nodes}
    sources = {one.span: one.budget.source for one in budgets}
    judged = policy.judge(fails=policy.strict, otherwise=Severity.WARNING)
    return [
        Finding(
            NOT_RECORDED,
            judged.severity,
            "",
            is_gated=judged.is_gated,
            headline=f"{source}: no test recorded a span of the name {span!r}{nearest(span, recorded, cutoff=0.7)}",
        )
        for span, source in sources.items()
        if not any(covers(span, name) for name in recorded)
    ]


def find_not_updated(update: UpdateSummary) -> list[Finding]:
    """Return a finding for everything that an update of the baseline should have updated and did not."""
    if update.problem:
        return [Finding(NOT_UPDATED, Severity.FAILURE, "", headline=update.problem)]
    found = [
        Finding(NOT_UPDATED, Severity.FAILURE, test, file=file_of(test), headline=why)
        for test, why in update.kept_out.items()
    ]
    # With a reason, a number that cannot be told from noise was to be accepted as well.
    kept = (UpdateAction.REFUSED, UpdateAction.UNDECIDED) if update.is_accepting else (UpdateAction.REFUSED,)
    return found + [
        Finding(NOT_UPDATED, Severity.FAILURE, one.test, one.name, file=file_of(one.test), headline=one.action.value)
        for one in update.lines
        if one.action in kept
    ]


def fails_session(findings: Iterable[Finding]) -> bool:
    """Return whether findings that belong to no test fail the session; the others have failed their tests."""
    return any(one.is_failure for one in findings if not one.belongs_to_test)


def is_near(result: BudgetResult, warn_at: float) -> bool:
    """Return whether a budget that holds is used up to the share from which a report warns.

    A number that is the same each time is never near its limit, because users set the limit to that number.
    """
    metric = METRICS.get(result.metric)
    if metric is not None and metric.is_exact:
        return False
    spent = result.spent
    return result.verdict is BudgetVerdict.WITHIN and spent is not None and spent >= warn_at


def judge_budget(budget: BudgetResult, policy: Policy) -> Judgement | None:
    """Return the judgement of a budget's result; None if a reader need not know the result."""
    if budget.verdict is BudgetVerdict.WITHIN:
        return Judgement(Severity.WARNING) if is_near(budget, policy.warn_at) else None
    fails = budget.verdict is BudgetVerdict.EXCEEDED or policy.strict
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
        otherwise = Severity.WARNING if verdict is RegressionVerdict.UNMEASURED else Severity.NOTE
        is_needed = change.is_required and verdict is RegressionVerdict.UNMEASURED
        return policy.judge(fails=is_needed or (policy.strict and not is_new_for_ever), otherwise=otherwise)
    if verdict is RegressionVerdict.CHANGED:
        return _NOTED if change.metric == TIME.name else None
    if verdict is RegressionVerdict.UNDECIDED and change.reason:
        return Judgement(Severity.WARNING)
    if change.runs:  # fresh runs did not confirm the suspicion
        return Judgement(Severity.WARNING) if verdict is RegressionVerdict.UNDECIDED else _NOTED
    return None


_NOTED: Final = Judgement(Severity.NOTE)


def _find(measurement: Measurement, policy: Policy) -> Iterator[Case]:
    for budget in measurement.budgets:
        judged = judge_budget(budget, policy)
        if judged is not None:
            is_within = budget.verdict is BudgetVerdict.WITHIN
            yield _case(NEAR_LIMIT if is_within else budget.verdict.value, judged, measurement, budget)
    for change in () if measurement.is_pending else measurement.changes:
        judged = judge_change(change, policy) or _judge_load(measurement, change)
        if judged is not None:
            yield _case(change.verdict.value, judged, measurement, change)
        # A test that changed and is therefore not judged already has a finding, by its verdict.
        is_timed = change.metric == TIME.name and change.verdict is not RegressionVerdict.CHANGED
        if change.is_test_changed and is_timed:
            yield _case(CHANGED, _NOTED, measurement, change)
    if measurement.unmeasured:
        judged = policy.judge(fails=policy.strict, otherwise=Severity.WARNING)
        yield _case(UNMEASURED, judged, measurement, text=measurement.unmeasured)
    for text in measurement.warnings:
        yield _case(DOUBT, _NOTED, measurement, text=text)


def _metric_of(result: BudgetResult | RegressionResult | None) -> str:
    if result is None:
        return ""
    return result.label if isinstance(result, BudgetResult) else result.metric


def _judge_load(measurement: Measurement, change: RegressionResult) -> Judgement | None:
    """Return the judgement of a comparison that was too short: the user decides how long a load is."""
    is_short = measurement.kind is LOAD and change.verdict is RegressionVerdict.UNDECIDED
    return _NOTED if is_short else None


def _case(
    kind: str,
    judged: Judgement,
    measurement: Measurement,
    result: BudgetResult | RegressionResult | None = None,
    text: str = "",
) -> Case:
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
