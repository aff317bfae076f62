"""A session in short, as the history keeps it: the circumstances, and a point for each number of each measurement."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from pytest_perfbudget.core.history.point_errors import value_and_error
from pytest_perfbudget.core.kinds import BODY, CALL, LOAD, TIMER
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS, STATISTICS, TIME, Direction
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult

VERSION: Final = 2
"""The version of the form in which sessions travel; version 1 does not say how rounds were timed."""
READ: Final = (1, VERSION)
"""The versions that can be read."""

_KEPT: Final = ("median", "mean", "p95", "rps", "error_rate", "capacity", "ratio")
"""The statistics that the history keeps of measurements without a budget on them."""

RERUN: Final = "rerun"
"""The verdict on a number whose limit an attempt before a rerun exceeded."""

_TIMED_HERE: Final = (BODY, CALL, TIMER)
"""The kinds whose own rounds a comparison times in another way; pytest-benchmark times its rounds itself."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The circumstances of a session.

    Attributes:
        id: the identity of the session, by which copies of the session are recognized.
        at_s: the time of the start, in s since 1970.
        commit: the full name of the commit; empty outside git.
        branch: the branch; empty outside git and for a detached head.
        is_dirty: whether tracked files differed from the commit.
        folder: the path from the top of the repository to pytest's root folder.
        machine_key: the key of the machine's profile.
        machine: the processor, the architecture and the system.
        python: the implementation and the version of Python, such as `CPython 3.11.7`.
        lock: a digest of the lock file, or the versions of the distributions that the project uses; empty if these are
            not known. See `core.history.dependencies`.
    """

    id: str
    at_s: float
    commit: str = ""
    branch: str = ""
    is_dirty: bool = False
    folder: str = ""
    machine_key: str = ""
    machine: str = ""
    python: str = ""
    lock: str = ""


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """A number of a measurement in a session.

    Attributes:
        test: the node id of the test.
        name: the measurement's own name; empty for a test's body.
        component: the component; empty if there is none.
        metric: the name of the metric; that of a budget on spans begins with the spans' name.
        unit: the base unit of the numbers.
        direction: the direction in which the metric is better.
        value: the number.
        std_error: the standard error of the number's logarithm; None if it is not known.
        lower: the lower bound of the number, as the budget's verdict used it; None if there is none, or if the verdict
            used another number, such as that of the first rounds.
        upper: the upper bound likewise.
        verdict: the verdict on the number; empty if there is none, and `rerun` if an attempt before a rerun exceeded
            the limit and the last attempt did not.
        limit: the limit of the number's budget; None if there is no budget.
        canaries: whether the rounds were timed in blocks between readings of the canaries, as for a baseline, which
            leave the caches colder; None if the number is no time of such rounds, or that is not known.
    """

    test: str
    name: str
    component: str
    metric: str
    unit: str
    direction: Direction
    value: float
    std_error: float | None = None
    lower: float | None = None
    upper: float | None = None
    verdict: str = ""
    limit: float | None = None
    canaries: bool | None = None


@dataclass(frozen=True, slots=True)
class HistorySession:
    """A session in short."""

    circumstances: Circumstances
    points: Sequence[HistoryPoint] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the session as builtins."""
        facts = {one.name: getattr(self.circumstances, one.name) for one in fields(Circumstances)}
        points = [[part.value if isinstance(part, Direction) else part for part in _parts(one)] for one in self.points]
        return {"version": VERSION, **facts, "points": points}

    @classmethod
    def from_dict(cls, data: object) -> HistorySession:
        """Rebuild a session from the result of `to_dict`.

        Raises:
            ValueError: the data is of another version, or damaged.
        """
        version = data.get("version") if isinstance(data, dict) else None
        if not isinstance(data, dict) or version not in READ:
            message = f"version must be one of {READ}"
            raise ValueError(message)
        try:
            given = {one.name: _checked(data[one.name], str(one.type)) for one in fields(Circumstances)}
            if version == VERSION:
                points = [_point(row) for row in data["points"]]
            else:
                points = _with_canaries([_point([*row, None]) for row in data["points"]])
        except (KeyError, TypeError, OverflowError) as error:
            message = f"damaged: {error}"
            raise ValueError(message) from error
        return cls(Circumstances(**given), points)


def history_session(result: RunResult, circumstances: Circumstances) -> HistorySession:
    """Return a session's result in short; the first of several numbers with the same name counts."""
    points: dict[tuple[str, str, str], HistoryPoint] = {}
    for measurement in result.measurements:
        for point in _points(measurement):
            if math.isfinite(point.value):
                points.setdefault((point.test, point.name, point.metric), point)
    return HistorySession(circumstances, list(points.values()))


def _points(measurement: Measurement) -> Iterator[HistoryPoint]:
    """Yield the numbers of a measurement: those with a verdict, then the statistics."""

    def point(metric: str, unit: str, direction: Direction, value: float) -> HistoryPoint:
        place = measurement.nodeid, measurement.name, measurement.component
        return HistoryPoint(*place, metric, unit, direction, value, canaries=between if unit == TIME.unit else None)

    between = measurement.blocks is not None if measurement.kind in _TIMED_HERE else None

    for change in measurement.changes:
        # Beside another commit, a time is that of its own moment; the baseline's is corrected for the weather.
        if change.after is None or (change.metric == TIME.name and change.against):
            continue
        found = point(change.metric, change.unit, change.direction, change.after)
        yield replace(found, std_error=change.log_std_error or None, verdict=change.verdict.value)
    for budget in measurement.budgets:
        if budget.estimate is not None:
            found = point(budget.label, budget.unit, budget.direction, budget.estimate)
            bounds = replace(found, lower=budget.lower, upper=budget.upper, limit=budget.limit)
            was_exceeded = budget.label in measurement.exceeded_before and budget.verdict is not BudgetVerdict.EXCEEDED
            verdict = RERUN if was_exceeded else budget.verdict.value
            yield replace(_of_all_rounds(bounds, measurement), verdict=verdict)
    for name, value in measurement.statistics.items():
        if name in _KEPT:
            metric = METRICS[name]
            yield _of_all_rounds(point(name, metric.unit, metric.direction, value), measurement)


def _of_all_rounds(found: HistoryPoint, measurement: Measurement) -> HistoryPoint:
    """Return a point with the measurement's own number: that of all rounds; of wall time without waits, with its error.

    A budget may rest on the first rounds alone. A budget of a load rests on all requests, and counts failed requests,
    which the statistics do not.
    """
    of_budget = measurement.kind is LOAD or found.metric not in measurement.statistics
    value, std_error = found.value if of_budget else measurement.statistics[found.metric], found.std_error
    if found.metric in STATISTICS:
        value, std_error = value_and_error(measurement, found.metric, value)
    if value != found.value:  # the bounds are those of another number
        found = replace(found, lower=None, upper=None)
    return replace(found, value=value, std_error=std_error)


def _parts(point: HistoryPoint) -> list[Any]:
    return [getattr(point, one.name) for one in fields(HistoryPoint)]


def _with_canaries(points: Sequence[HistoryPoint]) -> list[HistoryPoint]:
    """Return points of version 1 with what is likely of their rounds: a time against a baseline needs the canaries."""
    compared = {(one.test, one.name) for one in points if one.metric == TIME.name}
    return [replace(one, canaries=(one.test, one.name) in compared) if one.unit == TIME.unit else one for one in points]


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "bool": (bool,),
    "bool | None": (bool, type(None)),
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "Direction": (str,),
}


def _checked(value: object, kind: str) -> Any:  # noqa: ANN401 - of the type that a field names
    """Return a value from outside, if it has the type of its field."""
    is_wrong = not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and not kind.startswith("bool"))
    if is_wrong or (isinstance(value, float) and not math.isfinite(value)):
        message = f"expected {kind}, found {value!r}"
        raise TypeError(message)
    if isinstance(value, int) and kind.startswith("float"):
        return float(value)  # SQLite has no integers of more than 64 bits
    return Direction(value) if kind == "Direction" else value


def _point(row: object) -> HistoryPoint:
    described = fields(HistoryPoint)
    if not isinstance(row, list) or len(row) != len(described):
        message = f"a point has {len(described)} parts"
        raise TypeError(message)
    return HistoryPoint(*(_checked(value, str(one.type)) for value, one in zip(row, described, strict=True)))
