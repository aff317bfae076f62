"""The points of a history at which a number changed for good.

Points with the same marker (machine, Python, lock file) are compared with each other, and with no others. A change of
the marker is therefore never a change of the code. A point's variance is that between sessions, and its own as far as
the scatter of the points shows that. Where `core.levels` finds a change of the level, a t test compares the two levels
beside the change; the least significant change goes first. Changes to and fro between the same two levels are two modes
of the sessions, and none of the code. All of this is done with logarithms, and nothing is random.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.level_fit import LevelFit, fit_levels
from pytest_perfbudget.core.level_modes import changes_of_modes
from pytest_perfbudget.core.level_scales import ScaledLevels, find_scaled_levels
from pytest_perfbudget.core.level_scatter import Scatter, scatter_about, scatter_of_neighbours
from pytest_perfbudget.core.levels import Floats

_FEWEST: Final = 5
"""The fewest points with the same marker that can show a change."""

_ALPHA: Final = 0.001
"""The level of significance between two levels, for a place that is given. A series without a change has many places;
simulated series of 20 to 200 independent points show less than one false change in 1,000 points. Points that depend on
each other have many more."""
_FEW: Final = 20
_ALPHA_OF_FEW: Final = 0.0004
"""The same for series of fewer than `_FEW` points, whose scatter is less well known: with `_ALPHA`, 12 points whose
stored errors are far too large show 1.4 false changes in 1,000 points. With this level, 700 simulated series each of 8,
12 and 19 points show at most 0.83, whether their errors fit, are far too large or far too small."""

_CONFIDENCE: Final = 0.95

_MUCH_LESS_CERTAIN: Final = 4.0
"""The standard deviation of a point, in multiples of that of the certain points, from which the point is left out.
Such points would count little. But their errors have a cause, such as other work on the machine, which neighbours have
in common: these errors do not cancel out as independent errors do."""
_CERTAIN: Final = 0.25
"""The share of the points, the most certain first, whose standard deviation is that of the certain points."""
_PLAIN: Final = 4.0
"""The distance of uncertain neighbours from the certain points, in standard deviations of one of them, from which they
count nevertheless. Errors that neighbours have in common explain no such distance."""
_NEAREST: Final = 5
"""The certain points that are nearest to uncertain neighbours, from which the distance is taken."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the level.

    Attributes:
        index: the index of the first point of the new level.
        previous: the index of the last point before with the same marker. The change lies after this point.
        before: the level before, a geometric mean in which outliers count less.
        after: the level from the change on.
        ratio: after / before.
        lower: the lower bound of the 95 % interval for the ratio.
        upper: the upper bound of this interval.
        p_value: the two-sided p-value of the two levels, for a place that is given.
    """

    index: int
    previous: int
    before: float
    after: float
    ratio: float
    lower: float
    upper: float
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Return the change as builtins."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A last point far from the level before: a change or an outlier, which only further points can tell.

    Attributes:
        index: the index of the point.
        before: the level before, a geometric mean in which outliers count less.
        value: the value of the point.
        ratio: value / before.
        p_value: the two-sided p-value of such a point if the level has not changed.
    """

    index: int
    before: float
    value: float
    ratio: float
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Return the candidate as builtins."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Bend:
    """A point at which a growth beside the changes begins or ends.

    Attributes:
        index: the index of the point.
        growth: the growth of the logarithm to the last point from the point before; 0 if the growth ends at the bend.
    """

    index: int
    growth: float


@dataclass(frozen=True, slots=True)
class ChangePoints:
    """The changes of a history.

    Attributes:
        changes: the changes, in the order of their indices.
        candidate: the last point if it is a candidate; None if it is not.
        left_out: the indices of the points that are too uncertain to show a change.
        bend: the bend among the points with the marker of the last point; None if there is none.
    """

    changes: tuple[Change, ...] = ()
    candidate: Candidate | None = None
    left_out: tuple[int, ...] = ()
    bend: Bend | None = None


def change_points(
    values: Sequence[float],
    errors: Sequence[float | None] | None = None,
    markers: Sequence[Hashable] | None = None,
) -> ChangePoints:
    """Return the points at which a number changed for good, rising or falling.

    Args:
        values: the values from the oldest to the newest, above zero.
        errors: the standard error of the logarithm of each value; None where it is not known.
        markers: the circumstances of each value; values are compared where these are equal.

    Raises:
        ValueError: the sequences differ in length, or a value or an error is not a number that it may be.
    """
    own = [None] * len(values) if errors is None else errors
    marks = [None] * len(values) if markers is None else markers
    _check(values, own, marks)
    groups: dict[Hashable, list[int]] = {}
    for index, marker in enumerate(marks):
        groups.setdefault(marker, []).append(index)
    changes: list[Change] = []
    candidate, bend = None, None
    left_out: list[int] = []
    for every in groups.values():
        kept = _certain(every, values, own)
        places = kept.places
        left_out += set(every).difference(places)
        if len(places) < _FEWEST:
            continue
        found = _judge(kept)
        changes += found.changes
        candidate = found.candidate if places[-1] == len(values) - 1 else candidate
        bend = found.bend if every[-1] == len(values) - 1 else bend
    ordered = tuple(sorted(changes, key=lambda one: one.index))
    return ChangePoints(ordered, candidate, tuple(sorted(left_out)), bend)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The points with the same marker that can show a change.

    Attributes:
        places: their indices.
        logs: the logarithms of their values.
        own: their errors.
        common: the part of the error that a point has in common with its neighbours.
    """

    places: Sequence[int]
    logs: Floats
    own: Floats
    common: Floats


def _certain(places: Sequence[int], values: Sequence[float], errors: Sequence[float | None]) -> _Kept:
    """Return those points with the same marker that are not much less certain than others, or plainly elsewhere."""
    logs, own = np.log([values[one] for one in places]), _known([errors[one] for one in places])
    if len(places) < _FEWEST:
        return _Kept(places, logs, own, np.zeros(len(places)))
    # What neighbours have in common is not in their scatter, so the whole of the errors counts here.
    deviations = np.sqrt(Scatter(scatter_of_neighbours(logs, own).spread, shown=1.0).variances(own))
    is_certain = deviations < _MUCH_LESS_CERTAIN * np.quantile(deviations, _CERTAIN)
    is_kept = is_certain | _is_plain(logs, deviations, is_certain)
    kept = [one for one, is_one in zip(places, is_kept, strict=True) if is_one]
    return _Kept(kept, logs[is_kept], own[is_kept], np.where(is_certain, 0.0, own)[is_kept])


def _is_plain(logs: Floats, deviations: Floats, is_certain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which uncertain points lie, with their uncertain neighbours, far from the certain points beside them."""
    certain = np.flatnonzero(is_certain)
    found = np.zeros(len(logs), dtype=bool)
    for run in np.split(np.arange(len(logs)), np.flatnonzero(np.diff(is_certain)) + 1):
        if is_certain[run[0]]:
            continue
        before = certain[certain < run[0]][-_NEAREST:]
        beside = before if len(before) else certain[:_NEAREST]
        distances = (logs[run] - np.median(logs[beside])) / deviations[run]
        found[run] = abs(np.median(distances)) > _PLAIN
    return found


def _check(values: Sequence[float], errors: Sequence[float | None], markers: Sequence[Hashable]) -> None:
    if not len(values) == len(errors) == len(markers):
        lengths = f"{len(values)}, {len(errors)} and {len(markers)}"
        raise ValueError(f"values, errors and markers must be equally many, found {lengths}")
    for index, (value, error) in enumerate(zip(values, errors, strict=True)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"value {index} must be a number above zero, found {value!r}")
        if error is not None and not (math.isfinite(error) and error >= 0):
            raise ValueError(f"error {index} must be None or a number from zero up, found {error!r}")


def _known(errors: Sequence[float | None]) -> Floats:
    """Return the errors; an error that is not known is assumed to be a typical error of the others."""
    known = [error for error in errors if error is not None]
    typical = float(np.median(known)) if known else 0.0
    return np.array([typical if error is None else error for error in errors])


def _judge(kept: _Kept) -> ChangePoints:
    """Return the changes, the candidate and the bend among points with the same marker."""
    places, logs, own = kept.places, kept.logs, kept.own
    scatter = scatter_of_neighbours(logs, own)
    for is_last in (False, True):  # the differences of neighbours give a first scatter, the residuals a better
        found = find_scaled_levels(logs, scatter.variances(own))
        if not is_last:
            scatter = scatter_about(found.flat, own, fit_levels(found.flat, found.variances, found.starts))
    fit, p_values = _tested(found)
    is_of_modes = changes_of_modes(fit.centres.tolist())
    changes = tuple(
        _change(fit, which, kept, found, p) for which, p in enumerate(p_values, 1) if not is_of_modes[which - 1]
    )
    bend = None if found.bend is None else Bend(places[found.bend], _growth_now(found))
    return ChangePoints(changes, _candidate(found, fit, places), bend=bend)


def _growth_now(found: ScaledLevels) -> float:
    """Return the growth of the logarithm from the last point but one to the last, by the curve."""
    growth = float(found.growth[-1] - found.growth[-2])
    if found.unit is None:
        return growth
    now = float(np.median(found.flat)) + float(found.growth[-1])
    return math.log(now / (now - growth)) if now > growth and now > 0 else 0.0


def _tested(found: ScaledLevels) -> tuple[LevelFit, list[float]]:
    """Return the levels whose changes are all significant, and the p-values of these changes."""
    starts, alpha = found.starts, _ALPHA if len(found.flat) >= _FEW else _ALPHA_OF_FEW
    while True:
        fit = fit_levels(found.flat, found.variances, starts)
        p_values = [fit.p_value(*fit.difference(which)) for which in range(1, len(starts))]
        worst = max(p_values, default=0.0)
        if worst < alpha:
            return fit, p_values
        which = p_values.index(worst) + 1
        starts = (*starts[:which], *starts[which + 1 :])


def _change(fit: LevelFit, which: int, kept: _Kept, found: ScaledLevels, p_value: float) -> Change:
    difference, error = fit.difference(which)
    start, places = fit.starts[which], kept.places
    level = float(fit.centres[which - 1] + found.growth[start])
    # What the points of a level have in common does not become smaller by their number.
    common = [float(np.median(one)) for one in np.split(kept.common, fit.starts[1:])[which - 1 : which + 1]]
    scale = 1.0 if found.unit is None else max(abs(level), abs(level + difference))
    half = t_quantile(fit.dof, (1 + _CONFIDENCE) / 2) * math.hypot(error, *(scale * one for one in common))
    before = found.value(level)
    after, lower, upper = (found.value(level + one) for one in (difference, difference - half, difference + half))
    return Change(
        places[start], places[start - 1], before, after, after / before, lower / before, upper / before, p_value
    )


def _candidate(found: ScaledLevels, fit: LevelFit, places: Sequence[int]) -> Candidate | None:
    """Return the last point if it is far from the level before; the level does not know the point."""
    flat, variances = found.flat, found.variances
    before = fit_levels(flat[:-1], variances[:-1], fit.starts)
    difference = float(flat[-1] - before.centres[-1])
    error = math.hypot(before.errors[-1], before.scale * math.sqrt(variances[-1]))
    p_value = before.p_value(difference, error)
    if p_value >= _ALPHA:
        return None
    level, value = (found.value(float(one + found.growth[-1])) for one in (before.centres[-1], flat[-1]))
    return Candidate(places[-1], level, value, value / level, p_value)
