"""The drift of a session's numbers since the anchor, as findings of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_perfbudget.core.drift import DriftVerdict
from pytest_perfbudget.core.finding import DRIFT, Finding, Severity
from pytest_perfbudget.core.history.creep import Creep, find_creep, is_above
from pytest_perfbudget.core.history.session import HistorySession
from pytest_perfbudget.core.history.trend import SeriesKey, Trend, extended, main_points
from pytest_perfbudget.core.measurement import Measurement, file_of
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.history.anchor import Anchor
from pytest_perfbudget.history.store import trends
from pytest_perfbudget.report.drift import drift_text


def find_drift(
    result: RunResult, now: HistorySession, file: Path, *, oldest_s: float, anchor: Anchor, policy: Policy
) -> list[Finding]:
    """Return a finding for each measurement that drifted, or a finding on why no number was judged.

    Args:
        result: the session's result.
        now: the session in short, which the history does not have yet.
        file: the history.
        oldest_s: the time before which sessions are too old, in s since 1970.
        anchor: the commit since which drift is judged.
        policy: the user's policy.

    Raises:
        HistoryError: the history cannot be read.
    """
    if not now.points:
        return []
    if now.circumstances.commit == anchor.commit:
        headline = f"not judged: this commit is the anchor, {anchor.name}, with which later commits are compared"
        return [Finding(DRIFT, Severity.NOTE, "", headline=headline)]
    measured = {(one.nodeid, one.name): one for one in result.measurements}
    points = {SeriesKey(one.test, one.name, one.metric): one for one in main_points(now.points)}
    kept = trends(file, list(points), oldest_s, anchor.commit) if file.is_file() else []
    held = [extended(trend, points[trend.key], now.circumstances) for trend in kept]
    found = [(trend, _creep(trend, anchor, measured[trend.key.test, trend.key.name])) for trend in held]
    judged = [(trend, creep) for trend, creep in found if creep is not None]
    return [*_nothing(judged, anchor, policy), *_above(judged, anchor, policy)]


def _creep(trend: Trend, anchor: Anchor, measurement: Measurement) -> Creep | None:
    limit = measurement.max_drift
    if measurement.max_regression is None:
        return find_creep(trend, anchor.commit, max_drift=limit)
    return find_creep(trend, anchor.commit, warn_at=measurement.max_regression, max_drift=limit)


def _nothing(judged: list[tuple[Trend, Creep]], anchor: Anchor, policy: Policy) -> Iterator[Finding]:
    """Yield a finding if no number could be judged."""
    severity = policy.judge(fails=policy.strict, otherwise=Severity.NOTE)
    if not judged:
        why = f"the history has no session of {anchor.name} with this machine, Python and dependencies"
        headline = f"nothing to hold against {anchor.name}: {why}: run the tests there once"
    elif all(creep.drift.verdict is DriftVerdict.UNMEASURED for _, creep in judged):
        headline = f"drift since {anchor.name} is judged from eight sessions of this machine on"
    else:
        return
    yield Finding(DRIFT, severity.severity, "", is_gated=severity.is_gated, headline=headline)


def _above(judged: list[tuple[Trend, Creep]], anchor: Anchor, policy: Policy) -> Iterator[Finding]:
    for trend, creep in judged:
        if is_above(creep):
            fails = creep.drift.verdict is DriftVerdict.EXCEEDED
            judgement = policy.judge(fails=fails, otherwise=Severity.WARNING)
            key = trend.key
            yield Finding(
                DRIFT,
                judgement.severity,
                key.test,
                key.name,
                key.metric,
                judgement.is_gated,
                file_of(key.test),
                headline=drift_text(creep, key.metric, trend.unit, anchor.name),
            )
