"""A trend: one number of one measurement from session to session, with markers where the circumstances changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import accumulate, pairwise
from typing import Any, Final

from pytest_perfbudget.core.history.dependencies import changed_dependencies, filled, told_dependencies
from pytest_perfbudget.core.history.session import Circumstances, HistoryPoint
from pytest_perfbudget.core.metrics import Direction

_PREFERRED: Final = ("time", "median", "mean", "ratio", "rps", "capacity", "p95")
"""The metrics that stand for a measurement, the best first."""
_CIRCUMSTANCES: Final = ("machine", "Python", "dependencies", "timing")
"""The words for what may differ between two points with the same code."""
BETWEEN_READINGS: Final = "between readings of the weather"
_TIMINGS: Final = {
    None: "",
    False: "without readings of the weather",
    True: f"{BETWEEN_READINGS} (with a baseline)",
}
"""The words for the ways of timing, by `HistoryPoint.canaries`."""
_MOST: Final = 0.9
"""The share of the sessions that a number needs to stand for a measurement before the next best."""


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """The identity of a trend.

    Attributes:
        test: the node id of the test.
        name: the measurement's own name; empty for a test's body.
        metric: the name of the metric.
    """

    test: str
    name: str
    metric: str


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A number of one session; see `HistoryPoint` and `Circumstances` for the attributes."""

    at_s: float
    commit: str
    branch: str
    is_dirty: bool
    machine: str
    python: str
    lock: str
    value: float
    std_error: float | None
    lower: float | None
    upper: float | None
    verdict: str
    limit: float | None = None
    canaries: bool | None = None

    @property
    def timing(self) -> str:
        """The way in which the rounds were timed, in words; empty if it is not known or does not matter."""
        return _TIMINGS[self.canaries]


@dataclass(frozen=True, slots=True)
class Marker:
    """A change of the circumstances between two points, which explains a step without blaming the code.

    Attributes:
        index: the index of the first point after the change.
        changed: the old and the new value of each circumstance that changed: `machine`, `Python`, `dependencies`,
            `timing`.
    """

    index: int
    changed: Mapping[str, tuple[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """Return the marker as builtins."""
        return {"index": self.index, "changed": {name: list(both) for name, both in self.changed.items()}}


@dataclass(frozen=True, slots=True)
class Trend:
    """One number of one measurement from session to session.

    Attributes:
        key: the identity of the trend.
        component: the component of the measurement in the last session; empty if there is none.
        unit: the base unit of the numbers.
        direction: the direction in which the metric is better.
        points: the points in the order of their code, the oldest first; their times may fall, see `along_line`.
    """

    key: SeriesKey
    component: str
    unit: str
    direction: Direction
    points: Sequence[TrendPoint]

    @property
    def values(self) -> list[float]:
        """The number of each point."""
        return [one.value for one in self.points]

    @property
    def errors(self) -> list[float | None]:
        """The standard error of each number's logarithm; None where it is not known."""
        return [one.std_error for one in self.points]

    @property
    def code_times_s(self) -> list[float]:
        """The time of each point's code, not falling: an old commit that ran again is no younger than later commits."""
        return [*accumulate((one.at_s for one in reversed(self.points)), min)][::-1]

    @property
    def environments(self) -> list[str]:
        """The machine, Python, dependencies and timing of each point, as one word that is equal where these are.

        A circumstance that is not known is that of the point before, or else of the point after.
        """
        return ["\n".join(one) for one in self._circumstances()]

    @property
    def markers(self) -> list[Marker]:
        """The changes of the circumstances; a circumstance that is not known has not changed."""
        found = []
        for index, both in enumerate(pairwise(self._circumstances()), start=1):
            pairs = dict(zip(_CIRCUMSTANCES, zip(*both, strict=True), strict=True))
            if changed := {name: _differing(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]}:
                found.append(Marker(index, changed))
        return found

    def timing_since(self, commit: str) -> tuple[str, str] | None:
        """Return the timing in the sessions of a commit and that of the last point, if nothing but the timing differs.

        Args:
            commit: the full name of the commit; sessions with uncommitted changes do not count.
        """
        *_, now = circumstances = self._circumstances()
        clean = [one.commit == commit and not one.is_dirty for one in self.points]
        found = [one for one, is_clean in zip(circumstances, clean, strict=True) if is_clean and one[:-1] == now[:-1]]
        return (found[-1][-1], now[-1]) if found and now not in found else None

    def _circumstances(self) -> list[tuple[str, ...]]:
        """Return the machine, Python, dependencies and timing of each point, as far as they are known at all."""
        # The last point has no timing if none matters; what a migration guesses of earlier points does not either.
        matters = bool(self.points and self.points[-1].timing)
        known = (
            filled([one.machine for one in self.points]),
            filled([one.python for one in self.points]),
            told_dependencies([one.lock for one in self.points]),
            filled([one.timing if matters else "" for one in self.points]),
        )
        return list(zip(*known, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the trend as builtins; of versions, a point has those that are not the same at all points."""
        told = told_dependencies([one.lock for one in self.points])
        locks = [own if " " in one.lock else one.lock for one, own in zip(self.points, told, strict=True)]
        return {
            **asdict(self.key),
            "component": self.component,
            "unit": self.unit,
            "direction": self.direction.value,
            "points": [{**asdict(one), "lock": lock} for one, lock in zip(self.points, locks, strict=True)],
            "markers": [one.to_dict() for one in self.markers],
        }


def extended(trend: Trend, point: HistoryPoint, circumstances: Circumstances) -> Trend:
    """Return a trend with a further point at its end."""
    sources = {one.name: circumstances for one in fields(Circumstances)} | {one.name: point for one in fields(point)}
    last = TrendPoint(**{one.name: getattr(sources[one.name], one.name) for one in fields(TrendPoint)})
    described = replace(trend, component=point.component, unit=point.unit, direction=point.direction)
    return replace(described, points=[*trend.points, last])


@dataclass(frozen=True, slots=True)
class Line:
    """The commits that led to the present one.

    Attributes:
        commits: the commits of the line itself; merged branches are left out. Empty if the line is not known.
        merged: all commits that led to the present one, those of merged branches, too; empty if no branch is merged.
        branch: the branch that is checked out; empty if there is none, or no branch is merged.
        places: the place of each commit that the present one has by first parents only, from the oldest on.
        is_shallow: whether the line is not known because the clone does not have all of its commits.
    """

    commits: frozenset[str] = frozenset()
    merged: frozenset[str] = frozenset()
    branch: str = ""
    places: Mapping[str, int] = field(default_factory=dict)
    is_shallow: bool = False

    def has(self, point: TrendPoint) -> bool:
        """Return whether a point is of the line: by its commit, or of the same branch as another clone has it."""
        return point.commit in self.commits or (point.branch == self.branch and point.commit in self.merged)

    def ordered(self, points: Sequence[TrendPoint]) -> list[TrendPoint]:
        """Return points in the order of their commits, those of a commit in the given order.

        An old commit that ran again moves back to its earlier sessions. A point whose commit has no place stays behind
        the latest code that ran before it.
        """
        places = [self.places.get(one.commit, -1) for one in points]
        latest = accumulate(places, max)
        keys = [now if place < 0 else place for place, now in zip(places, latest, strict=True)]
        return [points[at] for at in sorted(range(len(points)), key=keys.__getitem__)]


def along_line(trends: Sequence[Trend], line: Line, anchor: str = "") -> tuple[list[Trend], int]:
    """Return trends without the sessions of other branches, whose code came and went, and the number of these sessions.

    The points are in the order of their commits, where that is known.

    Args:
        trends: the trends; those that have no other session are left out.
        line: the commits that led to the present one. If no session is of these, nothing is left out.
        anchor: a commit whose sessions stay; empty if there is none.
    """
    points = [one for trend in trends for one in trend.points]
    if not any(map(line.has, points)):
        return list(trends), 0

    def stays(point: TrendPoint) -> bool:
        return point.commit in ("", anchor) or line.has(point)

    left_out = {(one.at_s, one.commit) for one in points if not stays(one)}
    kept = [replace(one, points=line.ordered([*filter(stays, one.points)])) for one in trends]
    return [one for one in kept if one.points], len(left_out)


def ranked_points(points: Iterable[HistoryPoint]) -> list[list[HistoryPoint]]:
    """Return the points that may stand for each measurement of a session, the best of a measurement first."""
    found: dict[tuple[str, str], dict[str, HistoryPoint]] = {}
    for one in points:
        found.setdefault((one.test, one.name), {})[one.metric] = one
    return [
        [metrics[name] for name in _PREFERRED if name in metrics] or [metrics[main_metric(metrics)]]
        for metrics in found.values()
    ]


def _differing(circumstance: str, before: str, after: str) -> tuple[str, str]:
    """Return the parts of a circumstance that differ, before and after."""
    parts = changed_dependencies(before, after) if circumstance == "dependencies" else None
    return parts or (before, after)


def main_metric(metrics: Iterable[str]) -> str:
    """Return the metric that stands for a measurement, out of one or more."""
    return main_metrics(metrics)[0]


def main_metrics(metrics: Iterable[str]) -> list[str]:
    """Return the two metrics that may stand for a measurement, the better first; of one or more, at least one."""
    known = list(metrics)
    preferred: list[str] = [one for one in _PREFERRED if one in known]
    return preferred[:2] or [min(known)]


def main_trends(trends: Iterable[Trend]) -> list[Trend]:
    """Return the trend that stands for each measurement: the best that most of the sessions have.

    A better number may be newer than the sessions, such as the time against a baseline, or may have ended with it.
    """
    found: dict[tuple[str, str], Trend] = {}
    for one in trends:
        best = found.setdefault((one.key.test, one.key.name), one)
        if len(best.points) < _MOST * len(one.points):
            found[one.key.test, one.key.name] = one
    return list(found.values())
