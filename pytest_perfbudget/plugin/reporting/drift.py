"""The drift of a session's numbers since the anchor, as findings of the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_perfbudget.core.drift import DriftVerdict
from pytest_perfbudget.core.finding import DRIFT, Finding, Severity
from pytest_perfbudget.core.history.creep import FEWEST, Creep, find_creep, is_above
from pytest_perfbudget.core.history.session import HistorySession
from pytest_perfbudget.core.history.trend import SeriesKey, Trend, extended, main_points
from pytest_perfbudget.core.history.unheld import why_unheld
from pytest_perfbudget.core.measurement import Measurement, file_of
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.session_findings import drift_not_judged
from pytest_perfbudget.history.anchor import Anchor
from pytest_perfbudget.history.schema import is_there
from pytest_perfbudget.history.store import circumstances_of, trends
from pytest_perfbudget.report.drift import drift_remedy, drift_text, unheld_text
from pytest_perfbudget.report.regressions import Typed


@dataclass(frozen=True, slots=True)
class DriftHistory:
    """The history that a session is held against.

    Attributes:
        file: the file.
        typed: the file as an argument of pytest.
        oldest_s: the time before which sessions are too old, in s since 1970.
        anchor: the commit since which drift is judged.
    """

    file: Path
    typed: str
    oldest_s: float
    anchor: Anchor


def find_drift(
    result: RunResult, now: HistorySession, history: DriftHistory, policy: Policy, typed: Typed = str
) -> list[Finding]:
    """Return a finding for each measurement that drifted, or a finding on why no number was judged.

    Args:
        result: the session's result.
        now: the session in short, which the history does not have yet.
        history: the history.
        policy: the user's policy.
        typed: a function that returns a node id as a user types it where the session was started.

    Raises:
        HistoryError: the history cannot be read.
    """
    if not now.points:
        return []
    anchor = history.anchor
    if now.circumstances.commit == anchor.commit:
        headline = f"not judged: this commit is the anchor, {anchor.name}, with which later commits are compared"
        return [Finding(DRIFT, Severity.NOTE, "", headline=headline)]
    measured = {(one.nodeid, one.name): one for one in result.measurements}
    points = {SeriesKey(one.test, one.name, one.metric): one for one in main_points(now.points)}
    has_history = is_there(history.file)
    since, now_s = history.oldest_s, now.circumstances.at_s
    kept = trends(history.file, list(points), since, anchor.commit, now_s=now_s) if has_history else []
    held = [extended(trend, points[trend.key], now.circumstances) for trend in kept]
    found = [(trend, _creep(trend, anchor, measured[trend.key.test, trend.key.name])) for trend in held]
    judged = [(trend, creep) for trend, creep in found if creep is not None]
    if not judged:
        unheld = why_unheld(now.circumstances, circumstances_of(history.file, anchor.commit) if has_history else None)
        return [drift_not_judged(unheld_text(unheld, anchor.name, history.typed), policy)]
    if all(creep.drift.verdict is DriftVerdict.UNMEASURED for _, creep in judged):
        few = f"{FEWEST} sessions with this machine, Python and dependencies are needed, the history has fewer"
        return [drift_not_judged(few, policy)]
    return list(_above(judged, anchor, policy, typed))


def _creep(trend: Trend, anchor: Anchor, measurement: Measurement) -> Creep | None:
    limit = measurement.max_drift
    if measurement.max_regression is None:
        return find_creep(trend, anchor.commit, max_drift=limit)
    return find_creep(trend, anchor.commit, warn_at=measurement.max_regression, max_drift=limit)


def _above(judged: list[tuple[Trend, Creep]], anchor: Anchor, policy: Policy, typed: Typed) -> Iterator[Finding]:
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
                remedy=drift_remedy(typed(key.test), key.name, anchor.name),
            )
