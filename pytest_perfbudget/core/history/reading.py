"""The reading of a trend: where its level changed, whether it still moves, and when it crosses its limit."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.change_points import Candidate, Change, ChangePoints, change_points
from pytest_perfbudget.core.drift import WARN_AT
from pytest_perfbudget.core.forecast import Crossing, Growth, crossing, find_growth, find_unsure_growth
from pytest_perfbudget.core.history.creep import Creep, is_above
from pytest_perfbudget.core.history.trend import Trend
from pytest_perfbudget.core.metrics import Direction

_DAY_S: Final = 86_400.0
_LEAST_UNSURE: Final = math.log1p(WARN_AT)
"""The least growth of the logarithm in all from which an unsure trend is worth a line."""
_FEWEST: Final = 5
"""The fewest points that can show a change."""
_NEWEST: Final = 3
"""The number of newest points that say nothing of the present if all of them are uncertain."""


class TrendState(enum.Enum):
    """The state of a trend in a word; the members go from the most to the least pressing."""

    WORSE = "worse"
    CANDIDATE = "candidate"
    WORSENING = "worsening"
    BETTER = "better"
    IMPROVING = "improving"
    PERHAPS_MOVING = "perhaps_moving"
    STEADY = "steady"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Reading:
    """A trend with its meaning.

    Attributes:
        trend: the trend.
        state: the most pressing of the last change, the last point and the growth.
        changes: the points at which the level changed.
        candidate: the last point if it is far from its level; None if it is not.
        growth: the growth since the last change or bend, in shares a day; None if there is none. It may be unsure.
        limit: the limit of the last point that has one; None if no point has a budget.
        crossing: the time at which the growth crosses the limit, in s since 1970; None if there is no such forecast.
        creep: the drift since the anchor; None if there is no anchor to compare with.
        creep_metric: the number that drifted, which may be another number of the measurement than the trend's; empty
            for the trend's own.
        left_out: the indices of the points that are too uncertain to show a change or a growth.
    """

    trend: Trend
    state: TrendState
    changes: Sequence[Change] = ()
    candidate: Candidate | None = None
    growth: Growth | None = None
    limit: float | None = None
    crossing: Crossing | None = None
    creep: Creep | None = None
    left_out: Sequence[int] = ()
    creep_metric: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as builtins."""
        ahead = self.crossing
        return {
            **self.trend.to_dict(),
            "state": self.state.value,
            "changes": [one.to_dict() for one in self.changes],
            "left_out": list(self.left_out),
            "candidate": None if self.candidate is None else self.candidate.to_dict(),
            "growth_per_day": None if self.growth is None else self.growth.to_dict(),
            "limit": self.limit,
            "drift": None if self.creep is None else {"metric": self.drifting, **self.creep.drift.to_dict()},
            "crosses_at_s": None if ahead is None else [ahead.earliest, ahead.at, ahead.latest],
        }

    @property
    def drifting(self) -> str:
        """The metric of the drift."""
        return self.creep_metric or self.trend.key.metric


def read_trend(trend: Trend, creep: Creep | None = None, creep_metric: str = "") -> Reading:
    """Return a trend with its meaning.

    Args:
        trend: the trend.
        creep: the drift since the anchor; None if there is none.
        creep_metric: the metric of the drift; empty for the trend's own.
    """
    values = trend.values
    limit = next((one.limit for one in reversed(trend.points) if one.limit is not None), None)
    if min(values, default=0.0) <= 0:  # a zero has no logarithm: growth from zero is no ratio
        state = TrendState.STEADY if len(values) >= _FEWEST and len({*values}) == 1 else TrendState.UNJUDGED
        return Reading(trend, state, limit=limit, creep=creep, creep_metric=creep_metric)
    found = change_points(values, trend.errors, trend.environments)
    growth = _growth_since(trend, found)
    ahead = None
    if growth is not None and growth.is_sure and limit:
        days = crossing(growth, limit)
        ahead = None if days is None else Crossing(*(one * _DAY_S for one in (days.at, days.earliest, days.latest)))
    state = _state(trend, found, growth)
    unsure = (TrendState.PERHAPS_MOVING, TrendState.STEADY, TrendState.UNJUDGED, TrendState.CANDIDATE)
    if creep is not None and is_above(creep) and state in unsure:
        state = TrendState.WORSENING
    return Reading(
        trend, state, found.changes, found.candidate, growth, limit, ahead, creep, found.left_out, creep_metric
    )


def _growth_since(trend: Trend, found: ChangePoints) -> Growth | None:
    """Return the growth among the points of the last environment since the last change, or since a later bend."""
    start = max([0 if found.bend is None else found.bend.index, *(one.index for one in found.changes)])
    values, times_s = trend.values, trend.code_times_s
    places = [at for at in _present(trend, found) if at >= start]
    kept, days = [values[at] for at in places], [times_s[at] / _DAY_S for at in places]
    growth = find_growth(kept, days)
    if growth is not None:
        return growth
    unsure = find_unsure_growth(kept, days)
    return unsure if unsure is not None and abs(unsure.rate * unsure.spans) >= _LEAST_UNSURE else None


def _state(trend: Trend, found: ChangePoints, growth: Growth | None) -> TrendState:
    def is_worse(rises: bool) -> bool:  # noqa: FBT001 - a fact, not a switch
        return rises is (trend.direction is Direction.LOWER)

    is_sure = growth is not None and growth.is_sure
    # A growth that has just begun shows as a bend before its points are enough for a rate.
    rate = growth.rate if growth is not None and is_sure else 0.0 if found.bend is None else found.bend.growth
    states = []
    last = found.candidate
    if found.changes and not (last and is_worse(found.changes[-1].ratio > 1) and not is_worse(last.ratio > 1)):
        # A last point far off for the better may be the end of the change for the worse.
        states.append(TrendState.WORSE if is_worse(found.changes[-1].ratio > 1) else TrendState.BETTER)
    if last is not None:
        states.append(TrendState.CANDIDATE)
    if rate:
        states.append(TrendState.WORSENING if is_worse(rate > 0) else TrendState.IMPROVING)
    if growth is not None and not is_sure:
        states.append(TrendState.PERHAPS_MOVING)
    if states:
        return min(states, key=[*TrendState].index)
    is_last_uncertain = {*range(len(trend.points))[-_NEWEST:]} <= {*found.left_out}
    is_unjudged = is_last_uncertain or len(_present(trend, found)) < _FEWEST
    return TrendState.UNJUDGED if is_unjudged else TrendState.STEADY


def _present(trend: Trend, found: ChangePoints) -> list[int]:
    """Return the indices of the points of the last environment that are certain enough."""
    environments, left_out = trend.environments, {*found.left_out}
    return [at for at, where in enumerate(environments) if where == environments[-1] and at not in left_out]
