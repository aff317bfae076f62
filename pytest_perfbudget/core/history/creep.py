"""Creep: the drift of a trend since the sessions of a fixed anchor, with the spread between sessions in its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist, fmean, geometric_mean
from typing import Final

import numpy as np

from pytest_perfbudget.core.change_points import change_points
from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.drift import ALPHA, FEWEST, WARN_AT, Anchored, Drift, DriftVerdict, judge_drift
from pytest_perfbudget.core.history.trend import Trend, TrendPoint
from pytest_perfbudget.core.level_fit import fit_levels
from pytest_perfbudget.core.level_scatter import LEAST_SPREAD, Scatter, scatter_about, scatter_of_neighbours
from pytest_perfbudget.core.levels import Floats, find_levels, without_drift
from pytest_perfbudget.core.metrics import Direction

_MOST: Final = 0.5
"""The share of a drift from which one step is most of it."""

_FAR: Final = 2.75
"""The difference between the worst session of a commit and the others, or the session before if there is no other, in
standard deviations, from which the session may be an outlier. So it is with the sessions of the anchor, or its only
session and those before and after. A creep comes in smaller steps."""


@dataclass(frozen=True, slots=True)
class Creep:
    """The drift of a trend since an anchor.

    Attributes:
        drift: the drift with its verdict.
        before: the number at the anchor, a geometric mean of its sessions.
        after: the number now, a geometric mean of the sessions of the last point's commit.
        anchors: the number of sessions of the anchor.
        presents: the number of sessions of the last point's commit.
        sessions: the number of sessions with the same machine, Python and dependencies as the last point.
        error: the standard error of a single session's logarithm; None if it is not known.
        is_by_anchor: whether the drift is a candidate because of a session of the anchor.
    """

    drift: Drift
    before: float
    after: float
    anchors: int
    presents: int
    sessions: int
    error: float | None = None
    is_by_anchor: bool = False


def find_creep(trend: Trend, anchor: str, *, warn_at: float = WARN_AT, max_drift: float | None = None) -> Creep | None:
    """Return the drift of a trend's last point since the anchor.

    Sessions of the same machine, Python and dependencies as the last point count, and no others. A drift of fewer than
    `FEWEST` of them is unmeasured, because they do not show how much unchanged code differs from session to session.

    Args:
        trend: the trend.
        anchor: the full name of the anchor's commit.
        warn_at: the growth for the worse that is a warning, as a share.
        max_drift: the growth for the worse that fails, as a share; None if none does.

    Returns:
        The drift; None if there is no session of the anchor to compare with, or the last point is of the anchor itself.
    """
    environments = trend.environments
    points = [one for one, where in zip(trend.points, environments, strict=True) if where == environments[-1]]
    if not points or min(one.value for one in points) <= 0:
        return None
    last = points[-1]
    before = [index for index, one in enumerate(points) if one.commit == anchor and not one.is_dirty]
    if not before or last.commit == anchor:
        return None
    now = [len(points) - 1] if last.is_dirty else _of_commit(points, last.commit)
    logs = np.log([one.value for one in points])
    own = np.array([one.std_error or 0.0 for one in points])
    variances = _scatter(logs, own).variances(own) if len(points) >= FEWEST else None
    values = [one.value for one in points]
    judge = partial(judge_drift, direction=trend.direction, warn_at=warn_at, max_drift=max_drift)
    means = [_mean([values[one] for one in places], places, variances) for places in (before, now)]
    drift, is_by_anchor = judge(*means), False
    if drift.verdict is DriftVerdict.EXCEEDED and variances is not None:

        def exceeds(anchors: Sequence[int], presents: Sequence[int]) -> bool:
            both = [_mean([values[one] for one in places], places, variances) for places in (anchors, presents)]
            return judge(*both).verdict is DriftVerdict.EXCEEDED

        worse = logs if trend.direction is Direction.LOWER else -logs
        beside = [one for one in (before[0] - 1, before[-1] + 1) if 0 <= one < len(points)]
        others_now = _without_outlier(now, [len(points) - 2], worse, variances)
        others_before = _without_outlier(before, beside, -worse, variances)
        is_by_now = bool(others_now) and not exceeds(before, others_now)
        is_by_anchor = bool(others_before) and not is_by_now and not exceeds(others_before, now)
        if is_by_now or is_by_anchor:
            drift = replace(drift, verdict=DriftVerdict.CANDIDATE)
    error = None if variances is None else math.sqrt(fmean(variances[[*before, *now]]))
    return Creep(drift, means[0].value, means[1].value, len(before), len(now), len(points), error, is_by_anchor)


def is_above(creep: Creep) -> bool:
    """Return whether a drift is a warning or a failure."""
    return creep.drift.verdict in (DriftVerdict.EXCEEDED, DriftVerdict.DRIFTING)


def is_step(trend: Trend, creep: Creep) -> bool:
    """Return whether a change at one place is most of a drift, so that one commit may be behind it."""
    changes = change_points(trend.values, trend.errors, trend.environments).changes
    growth = math.log(creep.drift.ratio)
    return any(math.log(one.ratio) / growth > _MOST for one in changes) if growth else False


def _without_outlier(places: Sequence[int], beside: Sequence[int], logs: Floats, variances: Floats) -> Sequence[int]:
    """Return the places that are left without the highest session; empty if that is not far from all others.

    Args:
        places: the places of the sessions.
        beside: the places of the sessions before and after; these are left if there is one session.
        logs: the numbers, such that the highest is the most pressing.
        variances: their variances.
    """
    worst = max(places, key=lambda one: logs[one])
    others = [one for one in places if one != worst]
    groups = [others] if others else [[one] for one in beside]
    errors = [math.sqrt(variances[worst] + fmean(variances[one]) / len(one)) for one in groups]
    is_far = all(logs[worst] - fmean(logs[one]) > _FAR * error for one, error in zip(groups, errors, strict=True))
    return (others or beside) if is_far else ()


def _of_commit(points: Sequence[TrendPoint], commit: str) -> list[int]:
    """Return the places of the last sessions in a row that are of a commit."""
    start = len(points)
    while start and points[start - 1].commit == commit and not points[start - 1].is_dirty:
        start -= 1
    return list(range(start, len(points)))


def _mean(values: Sequence[float], places: Sequence[int], variances: Floats | None) -> Anchored:
    """Return the geometric mean of the sessions at some places; the error is not known without variances."""
    value = values[0] if len(values) == 1 else geometric_mean(values)
    return Anchored(value, None if variances is None else math.sqrt(fmean(variances[places]) / len(places)))


def _scatter(logs: Floats, own: Floats) -> Scatter:
    """Return the scatter of sessions about their levels.

    The spread of a few sessions may come out too small. It is raised by the ratio of the quantiles of Student's and the
    normal distribution, so that a drift of exactly the limit exceeds it with the probability that `ALPHA` states.
    """
    variances = scatter_of_neighbours(logs, own).variances(own)
    levels = find_levels(logs, variances)
    flat = without_drift(logs, levels.drift)
    fit = fit_levels(flat, variances, levels.starts)
    dof = max(fit.dof - 1, 1)
    raised = t_quantile(dof, 1 - ALPHA) / NormalDist().inv_cdf(1 - ALPHA)
    found = scatter_about(flat, own, fit)
    return Scatter(raised * max(found.spread, LEAST_SPREAD), found.shown)
