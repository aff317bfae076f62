"""The findings that belong to a session and to none of its tests, and whether they fail the session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_perfbudget.core.baseline_update import UpdateAction, UpdateSummary
from pytest_perfbudget.core.finding import (
    DRIFT,
    LOOSENED,
    MISSING,
    NOT_RECORDED,
    NOT_UPDATED,
    NOTHING_COMPARED,
    Finding,
    Missing,
    Severity,
)
from pytest_perfbudget.core.loosening import COUNTING, Loosening
from pytest_perfbudget.core.measurement import Measurement, file_of
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.span_budgets import SpanBudget
from pytest_perfbudget.core.spans.known_names import KnownNames
from pytest_perfbudget.core.spans.names import covers
from pytest_perfbudget.errors import nearest

_UNHELD: Final = (
    "because only a run shows the base's value: write the limit as a plain value, or let a reviewer accept it"
)
_UNCOUNTED: Final = (
    "because processes of both sides did not count: restore the setting, or let a reviewer accept its loss"
)


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
    measurements: Iterable[Measurement],
    others: Iterable[tuple[str, str, Loosening]],
    policy: Policy,
    *,
    is_enforced: bool,
) -> list[Finding]:
    """Return a finding for each limit that the working tree loosens.

    Args:
        measurements: all measurements of the session, each with the limits that are loosened for it.
        others: further limits, each with a test and the name of a measurement, which are empty for the whole session.
        policy: the user's policy.
        is_enforced: whether the limits of the other commit hold.
    """

    def effect(one: Loosening) -> str:
        if not is_enforced:
            return "accepted"
        if one.is_held:
            return "the base's value holds"
        if one.remedy:
            return f"the session fails: {one.remedy} {policy.by_label}"
        return f"the session fails, {_UNCOUNTED if one.base == COUNTING else _UNHELD} {policy.by_label}"

    found = [
        *others,
        *((measured.nodeid, measured.name, one) for measured in measurements for one in measured.loosened),
    ]
    return [
        Finding(
            LOOSENED,
            policy.judge(fails=is_enforced and not one.is_held, otherwise=Severity.WARNING).severity,
            test,
            name,
            one.base.partition(" = ")[0],
            file=file_of(test),
            headline=f"{one.base} -> {one.head}{f', {one.source}' if one.source else ''}: {effect(one)}",
        )
        for test, name, one in found
    ]


def find_not_recorded(
    budgets: Iterable[SpanBudget], measurements: Iterable[Measurement], policy: Policy, known: KnownNames
) -> list[Finding]:
    """Return a finding for each limit on spans that no measurement of the session has recorded.

    No such span is the aim of a limit of 0, if its name is known.

    Args:
        budgets: the limits that hold for every test; a limit of a test has a result in the test.
        measurements: all measurements of the session.
        policy: the user's policy.
        known: the names of spans that exist.
    """
    recorded = {node.path[-1] for one in measurements if one.spans is not None for node in one.spans.nodes}
    sources = {one.span: one.budget.source for one in budgets if one.budget.limit or not known.has(one.span)}
    judged = policy.judge(fails=policy.strict, otherwise=Severity.WARNING)
    return [
        Finding(
            NOT_RECORDED,
            judged.severity,
            "",
            is_gated=judged.is_gated,
            headline=f"{source}: no test recorded a span of the name {span!r}{nearest(span, recorded, cutoff=0.7)}",
            span=span,
        )
        for span, source in sources.items()
        if not any(covers(span, name) for name in recorded)
    ]


def drift_not_judged(problem: str, policy: Policy) -> Finding:
    """Return the finding of a session whose drift is asked for and cannot be judged, with the problem in words."""
    return _open_drift(f"not judged: {problem}", policy)


def drift_undecided(problem: str, policy: Policy) -> Finding:
    """Return the finding of a session whose drift may or may not be above its limit, with the numbers in words."""
    return _open_drift(f"undecided: {problem}", policy)


def _open_drift(headline: str, policy: Policy) -> Finding:
    judged = policy.judge(fails=policy.strict, otherwise=Severity.WARNING)
    return Finding(DRIFT, judged.severity, "", is_gated=judged.is_gated, headline=headline)


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
