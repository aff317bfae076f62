"""The drift of a session's numbers since the anchor, as findings of the session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_perfbudget.core.drift import FEWEST, DriftVerdict
from pytest_perfbudget.core.finding import DRIFT, Finding, Severity
from pytest_perfbudget.core.history.creep import Creep, find_creep, is_above, is_step
from pytest_perfbudget.core.history.session import HistorySession
from pytest_perfbudget.core.history.trend import Line, SeriesKey, Trend, along_line, extended, ranked_points
from pytest_perfbudget.core.history.unheld import Lack, Unheld, why_unheld
from pytest_perfbudget.core.measurement import Measurement, file_of, measurement_id
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.session_findings import drift_not_judged, drift_undecided
from pytest_perfbudget.history.anchor import Anchor
from pytest_perfbudget.history.schema import is_there
from pytest_perfbudget.history.store import circumstances_of, trends
from pytest_perfbudget.report.drift import (
    candidate_text,
    drift_remedy,
    drift_text,
    few_sessions_text,
    new_text,
    other_folders_text,
    timing_text,
    undecided_text,
    unheld_text,
    zero_text,
)
from pytest_perfbudget.report.regressions import Typed


@dataclass(frozen=True, slots=True)
class DriftHistory:
    """The history that a session is held against.

    Attributes:
        file: the file.
        typed: the file as an argument of pytest.
        oldest_s: the time before which sessions are too old, in s since 1970.
        anchor: the commit since which drift is judged.
        line: the commits that led to the session's own: sessions of other branches do not count.
    """

    file: Path
    typed: str
    oldest_s: float
    anchor: Anchor
    line: Line


def find_drift(
    result: RunResult, now: HistorySession, history: DriftHistory, policy: Policy, typed: Typed = str
) -> list[Finding]:
    """Return a finding for each measurement that drifted, and findings on why numbers were not judged.

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
    has_history = is_there(history.file)
    found = list(_held(measured, now, history)) if has_history else []
    judged = [(trend, creep) for trend, creep in found if creep is not None]
    if not judged:
        known = circumstances_of(history.file, anchor.commit) if has_history else []
        own = [one for one in known if one.folder == now.circumstances.folder]
        unheld = why_unheld(now.circumstances, own if has_history else None)
        if timings := next(filter(None, (trend.timing_since(anchor.commit) for trend, _ in found)), None):
            unheld = Unheld(Lack.TIMING, {"timing": timings})
        others = other_folders_text(len(known) - len(own)) if len(known) > len(own) else ""
        return [drift_not_judged(f"{unheld_text(unheld, anchor.name, history.typed)}{others}", policy)]
    return [*_above(judged, anchor, policy, typed), *_not_judged(found, history, policy)]


def _held(
    measured: Mapping[tuple[str, str], Measurement], now: HistorySession, history: DriftHistory
) -> Iterator[tuple[Trend, Creep | None]]:
    """Yield the trend that stands for each measurement, with its drift; None if there is nothing to hold it against.

    The best number of a measurement may be newer than the anchor, such as the time against a baseline. The next best
    that the anchor has stands for the measurement then.
    """
    waiting = ranked_points(now.points)
    while waiting:
        points = {SeriesKey(one.test, one.name, one.metric): one for one, *_ in waiting}
        kept = trends(
            history.file,
            list(points),
            history.oldest_s,
            history.anchor.commit,
            now_s=now.circumstances.at_s,
            folder=now.circumstances.folder,
        )
        made = [extended(trend, points[trend.key], now.circumstances) for trend in kept]
        held, _ = along_line(made, history.line, history.anchor.commit)
        found = [_creep(trend, history.anchor, measured[trend.key.test, trend.key.name]) for trend in held]
        again = []
        for trend, creep, (_, *others) in zip(held, found, waiting, strict=True):
            if creep is None and others:
                again.append(others)
            else:
                yield trend, creep
        waiting = again


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
                remedy=drift_remedy(typed(key.test), key.name, anchor.name, is_step=is_step(trend, creep)),
            )


def _not_judged(found: list[tuple[Trend, Creep | None]], history: DriftHistory, policy: Policy) -> Iterator[Finding]:
    """Yield a finding for each reason for which numbers were not judged, although others may have been."""
    anchor = history.anchor
    of_verdict: dict[DriftVerdict, dict[str, Creep]] = {one: {} for one in DriftVerdict}
    new, zero, retimed = list[str](), list[str](), dict[str, tuple[str, str]]()
    for trend, creep in found:
        if creep is None and (timings := trend.timing_since(anchor.commit)):
            retimed[_id(trend.key)] = timings
        elif creep is None:
            (zero if min(trend.values) <= 0 else new).append(_id(trend.key))
        else:
            of_verdict[creep.drift.verdict][_id(trend.key)] = creep
    if few := of_verdict[DriftVerdict.UNMEASURED]:
        yield drift_not_judged(few_sessions_text(few, FEWEST, len(found), anchor.name), policy)
    if retimed:
        problem = timing_text(next(iter(retimed.values())), anchor.name, history.typed, [*retimed])
        yield drift_not_judged(problem, policy)
    for verdict, told in ((DriftVerdict.CANDIDATE, candidate_text), (DriftVerdict.UNDECIDED, undecided_text)):
        if of_verdict[verdict]:
            yield drift_undecided(told(of_verdict[verdict], anchor.name), policy)
    # No later session changes what follows, so these are notes: a new test has no number at the anchor.
    for text, names in ((new_text, new), (zero_text, zero)):
        if names:
            headline = f"not judged: {text(names, anchor.name)}"
            yield Finding(DRIFT, Severity.NOTE, "", headline=headline)


def _id(key: SeriesKey) -> str:
    return measurement_id(key.test, key.name)
