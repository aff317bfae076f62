"""The drift of a session that compared its code with that of the anchor, which needs no history."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.core.drift import WARN_AT, Drift, DriftVerdict, drift_of_pairs
from pytest_perfbudget.core.finding import DRIFT, Finding, Severity
from pytest_perfbudget.core.measurement import Measurement, file_of
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.session_findings import drift_undecided
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.history.anchor import Anchor
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.report.drift import judged_by_pairs_text, pairs_text, undecided_pairs_text


@dataclass(frozen=True, slots=True)
class DriftOfPairs:
    """The drift of the times that were compared with the anchor.

    Attributes:
        findings: the findings; empty if no time was compared with the anchor.
        settled: the measurements that nothing else has to judge, by test and name: those whose time was compared, and
            those that are newer than the anchor.
    """

    findings: Sequence[Finding] = ()
    settled: Collection[tuple[str, str]] = ()


def find_drift_of_pairs(session: PerfSession, result: RunResult, anchor: Anchor) -> DriftOfPairs:
    """Return the drift of the times that a session compared with the anchor."""
    against = session.config.option.perf_against
    if against is None or not _is_anchor(session, against, anchor):
        return DriftOfPairs()
    policy = session.policy
    judged = [*_judged(result)]
    found = []
    for measurement, change, drift in judged:
        if drift.verdict in (DriftVerdict.EXCEEDED, DriftVerdict.DRIFTING):
            fails = drift.verdict is DriftVerdict.EXCEEDED
            judgement = policy.judge(fails=fails, otherwise=Severity.WARNING)
            test = measurement.nodeid
            headline = pairs_text(drift, change, anchor.name)
            place = (test, measurement.name, TIME.name, judgement.is_gated, file_of(test))
            found.append(Finding(DRIFT, judgement.severity, *place, headline=headline))
    if undecided := {one.id: drift for one, _, drift in judged if drift.verdict is DriftVerdict.UNDECIDED}:
        found.append(drift_undecided(undecided_pairs_text(undecided, anchor.name), policy))
    if judged and not found:
        headline = judged_by_pairs_text([drift for _, _, drift in judged], anchor.name)
        found.append(Finding(DRIFT, Severity.NOTE, "", headline=headline))
    times = [(one, change) for one in result.measurements for change in one.changes if change.metric == TIME.name]
    new = {(one.nodeid, one.name) for one, change in times if change.verdict is RegressionVerdict.NEW}
    return DriftOfPairs(found, {*new, *((one.nodeid, one.name) for one, _, _ in judged)})


def _is_anchor(session: PerfSession, against: str, anchor: Anchor) -> bool:
    try:
        return find_base(session.config.rootpath, against).commit == anchor.commit
    except GitError:  # a branch may have gone while the session ran
        return False


def _judged(result: RunResult) -> Iterator[tuple[Measurement, RegressionResult, Drift]]:
    for one in result.measurements:
        warn_at = WARN_AT if one.max_regression is None else one.max_regression
        for change in one.changes:
            if change.metric == TIME.name and not change.verdict.is_unjudged:
                drift = drift_of_pairs(change, warn_at=warn_at, max_drift=one.max_drift)
                if drift is not None:
                    yield one, change, drift
