"""The scatter of points about their levels: the spread from session to session, and what the points' own errors add.

The error that a session states for its number can be wrong: rounds of a busy machine differ by far more than the
medians of sessions do, and sessions differ for reasons that no round shows. So the spread between sessions is
estimated from the scatter beyond the errors, as the variance between the studies of a random-effects model (Paule and
Mandel 1982), and the errors count only as far as the scatter shows them. Otherwise the few points with the smallest
errors would be the levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pytest_perfbudget.core.level_fit import LIMITED_SQUARE, TUNING, LevelFit
from pytest_perfbudget.core.levels import Floats, pieces

LEAST_SPREAD: Final = 1e-4
"""The smallest standard deviation that is assumed, as a share of the value: counts have none."""
_SHARES: Final = np.array([1.0, 1 / 4, 1 / 16, 1 / 64, 0.0])
"""The shares of the squares of the errors that are tried."""
_BETTER: Final = 2.0
"""The logarithm of the likelihood that a smaller share than the whole must gain."""
_CAP: Final = 2.75
"""The residual, in standard deviations, from which a point is no less likely."""

_LEFT_OUT: Final = 0.05
"""The share of squares that is left out where most values are equal."""

_QUARTILE: Final = NormalDist().inv_cdf(0.75)
_HALVINGS: Final = 40
_LEAST: Final = 1e-300


@dataclass(frozen=True, slots=True)
class Scatter:
    """The variance of points about their levels.

    Attributes:
        spread: the standard deviation between sessions, beyond the errors.
        shown: the share of the square of a point's own error that the scatter shows, from 0 to 1.
    """

    spread: float
    shown: float

    def variances(self, errors: Floats) -> Floats:
        """Return the variance of each point about its level, above zero."""
        variances: Floats = max(self.spread, LEAST_SPREAD) ** 2 + self.shown * errors**2
        return variances


def scatter_of_neighbours(values: Floats, errors: Floats) -> Scatter:
    """Return the scatter of values, from the differences of neighbours.

    Steps and drifts hardly matter: few differences hold a step.
    """
    squares = np.diff(values) ** 2
    own = errors[1:] ** 2 + errors[:-1] ** 2

    def is_small(variances: Floats) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.median(squares / variances, axis=1) > _QUARTILE**2
        return found

    found = _likeliest(squares, own, 2.0, float(squares.max()) / _QUARTILE**2, is_small)
    return _of_few_values(found, squares / 2) if _has_few_values(values) else found


def scatter_about(flat: Floats, errors: Floats, fit: LevelFit) -> Scatter:
    """Return the scatter of values about their levels."""
    squares = (flat - fit.centres[pieces(fit.starts, len(flat))]) ** 2

    def is_small(variances: Floats) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.minimum(squares / variances, TUNING**2).sum(axis=1) > LIMITED_SQUARE * fit.dof
        return found

    found = _likeliest(squares, errors**2, 1.0, 4 * float(squares.max()), is_small)
    return _of_few_values(found, squares * len(flat) / max(fit.dof, 1)) if _has_few_values(flat) else found


def _has_few_values(values: Floats) -> bool:
    """Return whether most values are equal to their neighbours, as counts are."""
    return bool(np.median(np.abs(np.diff(values))) < LEAST_SPREAD)


def _of_few_values(found: Scatter, squares: Floats) -> Scatter:
    """Return the scatter of values most of which are equal, from the squares of residuals.

    A count that is larger by one call in every fifth session scatters, although its median residual is zero. The
    largest squares are left out, because outliers and steps are among them.
    """
    kept = np.sort(squares)[: max(round((1 - _LEFT_OUT) * len(squares)), 1)]
    return replace(found, spread=max(found.spread, float(np.sqrt(kept.mean()))))


def _likeliest(
    squares: Floats, own: Floats, number: float, most: float, is_small: Callable[[Floats], NDArray[np.bool_]]
) -> Scatter:
    """Return the scatter under which squares are likeliest.

    Args:
        squares: the squares of residuals.
        own: the variance of each by the errors of its points.
        number: the number of points in a residual.
        most: a square of the spread that is too large.
        is_small: whether variances, one row for each share, are too small for the squares.
    """
    shares = _SHARES if own.any() else _SHARES[:1]
    shown = shares[:, None] * own

    def variances(spread: Floats) -> Floats:
        found: Floats = shown + (number * spread**2)[:, None] + _LEAST
        return found

    low, high = np.zeros(len(shares)), np.full(len(shares), np.sqrt(most))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        small = is_small(variances(middle))
        low, high = np.where(small, middle, low), np.where(small, high, middle)
    of_points = variances(np.maximum(high, LEAST_SPREAD))
    likelihood = -0.5 * (np.log(of_points) + np.minimum(squares / of_points, _CAP**2)).sum(axis=1)
    best = int(likelihood.argmax())
    which = best if likelihood[best] > likelihood[0] + _BETTER else 0
    return Scatter(float(high[which]), float(shares[which]))
