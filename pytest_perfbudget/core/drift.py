"""The drift of a number: its growth since a fixed anchor, which may come in steps too small for any gate.

A gate compares a commit with the last one, or with a baseline that moves along. Twelve commits of +1 % each pass a gate
of 5 %, and are +12.7 % together. Therefore a number is also compared with an anchor that stays, such as the last
release.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

from pytest_perfbudget.core.distributions import t_probability, t_quantile
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.results import RegressionResult

WARN_AT: Final = 0.05
"""The growth from which a drift is a warning."""

ALPHA: Final = 0.01
"""The largest probability that a growth of exactly the limit is called above the limit."""

FEWEST: Final = 8
"""The fewest sessions of the same machine, Python and dependencies that show the spread between sessions."""

_CONFIDENCE: Final = 0.95
_HALF_WIDTH: Final = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)
"""Half the width of the interval for a growth, in standard errors."""

_MOST_DOF: Final = 10_000.0
_HALVINGS: Final = 40

_MOST_ANCHORS: Final = 10
"""The most sessions of the anchor that are worth their time, rather than a second session of each commit."""


class DriftVerdict(enum.Enum):
    """The verdict on the growth of a number since the anchor, members from the most to the least pressing.

    A growth is a candidate if one session alone shows that it is above `max_drift`, undecided if its interval reaches
    beyond `max_drift`, and unmeasured if there is no interval.
    """

    EXCEEDED = "exceeded"
    DRIFTING = "drifting"
    CANDIDATE = "candidate"
    UNDECIDED = "undecided"
    UNMEASURED = "unmeasured"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Anchored:
    """A number with its error.

    Attributes:
        value: the number, above zero.
        log_std_error: the standard error of the number's logarithm, with the spread between sessions in it; None if
            the error is not known.
    """

    value: float
    log_std_error: float | None


@dataclass(frozen=True, slots=True)
class Drift:
    """The growth of a number since the anchor.

    Attributes:
        verdict: the verdict on the growth.
        ratio: the number / the anchor's number.
        lower: the lower bound of the 95 % interval for the ratio; None if an error is not known.
        upper: the upper bound of this interval.
        warn_at: the growth for the worse from which there is a warning, as a share.
        max_drift: the growth for the worse that fails, as a share; None if none does.
        p_value: the one-sided p-value of a growth of exactly `max_drift`; None without a limit or an error.
    """

    verdict: DriftVerdict
    ratio: float
    lower: float | None
    upper: float | None
    warn_at: float
    max_drift: float | None
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the drift as builtins."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "verdict": self.verdict.value}


def judge_drift(
    anchor: Anchored,
    current: Anchored,
    *,
    direction: Direction = Direction.LOWER,
    warn_at: float = WARN_AT,
    max_drift: float | None = None,
) -> Drift:
    """Return the growth of a number since the anchor, with the verdict on the growth for the worse.

    Args:
        anchor: the number at the anchor.
        current: the number now, of the same machine, Python and dependencies.
        direction: the direction in which the number is better.
        warn_at: the growth for the worse that is a warning if the whole interval is above it, as a share.
        max_drift: the growth for the worse that fails if the number is above it at `ALPHA`, as a share.

    Raises:
        ValueError: a number, an error or a limit is not what it may be.
    """
    _check(anchor, current, warn_at, max_drift)
    growth = math.log(current.value / anchor.value)
    ratio = current.value / anchor.value
    if anchor.log_std_error is None or current.log_std_error is None:
        return Drift(DriftVerdict.UNMEASURED, ratio, None, None, warn_at, max_drift, None)
    error = math.hypot(anchor.log_std_error, current.log_std_error)
    half = _HALF_WIDTH * error
    worse = growth if direction is Direction.LOWER else -growth
    p_value = None if max_drift is None else _p_value(worse - _log(max_drift), error)
    verdict = _verdict(p_value, (worse - half, worse + half), warn_at, max_drift)
    return Drift(verdict, ratio, math.exp(growth - half), math.exp(growth + half), warn_at, max_drift, p_value)


def drift_of_pairs(
    change: RegressionResult, *, warn_at: float = WARN_AT, max_drift: float | None = None
) -> Drift | None:
    """Return the growth of a time since the anchor, of a session that compared its code with that of the anchor.

    Processes of both ran side by side, so that no spread between sessions is in the growth.

    Args:
        change: the comparison.
        warn_at: see `judge_drift`.
        max_drift: see `judge_drift`.

    Returns:
        The drift; None if the comparison has no interval.
    """
    ratio, lower, upper, error = change.ratio, change.lower, change.upper, change.log_std_error
    if not ratio or not lower or not upper or not error:
        return None
    p_value = None
    if max_drift is not None:
        dof = _dof(math.log(upper / lower) / 2 / error)
        p_value = t_probability(dof, (_log(max_drift) - math.log(ratio)) / error)
    verdict = _verdict(p_value, (math.log(lower), math.log(upper)), warn_at, max_drift)
    return Drift(verdict, ratio, lower, upper, warn_at, max_drift, p_value)


def _verdict(
    p_value: float | None, interval: tuple[float, float], warn_at: float, max_drift: float | None
) -> DriftVerdict:
    """Return the verdict on a growth for the worse, by the bounds of its logarithm."""
    if p_value is not None and p_value < ALPHA:
        return DriftVerdict.EXCEEDED
    if interval[0] > _log(warn_at):
        return DriftVerdict.DRIFTING
    is_open = max_drift is not None and interval[1] > _log(max_drift)
    return DriftVerdict.UNDECIDED if is_open else DriftVerdict.WITHIN


def _dof(quantile: float) -> float:
    """Return the degrees of freedom with which an interval is so many standard errors wide to each side."""
    low, high = 0.0, math.log(_MOST_DOF)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_wider = t_quantile(math.exp(middle), (1 + _CONFIDENCE) / 2) > quantile
        low, high = (middle, high) if is_wider else (low, middle)
    return math.exp(high)


def sessions_needed(max_drift: float, error: float, anchors: int, presents: int) -> tuple[int, int] | None:
    """Return how many sessions of the anchor and of a commit show that unchanged code is within its limit.

    More sessions of the anchor alone are enough if they are not very many: each later commit is compared with them.

    Args:
        max_drift: the growth for the worse that fails, as a share above zero.
        error: the standard error of the logarithm of a single session's number, above zero.
        anchors: the sessions of the anchor so far.
        presents: the sessions of the commit so far.

    Returns:
        The numbers; None if there are as many already, so that it is the growth that is near the limit.
    """
    share = (math.log1p(max_drift) / (_HALF_WIDTH * error)) ** 2  # the largest variance of the growth, in sessions
    rest = share - 1 / presents
    needed = (max(math.ceil(1 / rest), anchors), presents) if rest > 0 else None
    if needed is None or needed[0] > _MOST_ANCHORS:
        each = math.ceil(2 / share)
        needed = (max(each, anchors), max(each, presents))
    return None if needed == (anchors, presents) else needed


def _log(limit: float) -> float:
    """Return the logarithm of the largest allowed ratio: 210 is no more than 5 % above 200, in spite of rounding."""
    return math.log1p(limit) + 1e-12


def _p_value(above: float, error: float) -> float:
    """Return the probability that a number at its limit looks at least so far above the limit."""
    if not error:
        return 0.0 if above > 0 else 1.0
    return NormalDist().cdf(-above / error)


def _check(anchor: Anchored, current: Anchored, warn_at: float, max_drift: float | None) -> None:
    for name, one in (("anchor", anchor), ("current number", current)):
        if not (math.isfinite(one.value) and one.value > 0):
            raise ValueError(f"the {name} must be above zero, found {one.value!r}")
        if one.log_std_error is not None and not (math.isfinite(one.log_std_error) and one.log_std_error >= 0):
            raise ValueError(f"the error of the {name} must be None or from zero up, found {one.log_std_error!r}")
    for name, limit in (("warn_at", warn_at), ("max_drift", max_drift)):
        if limit is not None and not (math.isfinite(limit) and limit >= 0):
            raise ValueError(f"{name} must be a share from zero up, found {limit!r}")
