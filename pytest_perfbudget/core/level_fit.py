"""The estimates of levels whose places are known: Huber's M-estimates.

The levels have their scale in common (Huber's proposal 2; Huber and Ronchetti 2009, Robust Statistics, 2nd edition,
section 6.4). The standard errors are those of M-estimates, so they hold for noise with heavy tails, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from pytest_perfbudget.core.distributions import t_probability
from pytest_perfbudget.core.levels import Floats, pieces

TUNING: Final = 1.5
"""The residual, in standard deviations, from which the weight of a point falls."""
LIMITED_SQUARE: Final = 0.7785
"""The mean square of standard normal values that are limited to `TUNING`."""
_STEPS: Final = 12
_LEAST: Final = 1e-300


@dataclass(frozen=True, slots=True)
class LevelFit:
    """The estimates of levels.

    Attributes:
        starts: the index of the first point of each level; the first is 0.
        centres: each level.
        errors: the standard error of each level.
        scale: the standard deviation of a point, in units of the one that was assumed.
        dof: the degrees of freedom of the scale.
    """

    starts: tuple[int, ...]
    centres: Floats
    errors: Floats
    scale: float
    dof: int

    def difference(self, which: int) -> tuple[float, float]:
        """Return the difference of a level from the level before, and its standard error."""
        difference = float(self.centres[which] - self.centres[which - 1])
        return difference, float(np.hypot(self.errors[which], self.errors[which - 1]))

    def p_value(self, difference: float, error: float) -> float:
        """Return the two-sided p-value of a difference whose error rests on the scale."""
        return 2 * t_probability(self.dof, -abs(difference) / error)


def fit_levels(flat: Floats, variances: Floats, starts: tuple[int, ...]) -> LevelFit:
    """Return the estimates of the levels between given places.

    Args:
        flat: the values without their drift.
        variances: the assumed variance of each value about its level, above zero.
        starts: the index of the first point of each level; the first is 0.
    """
    dof = max(len(flat) - len(starts), 1)
    piece = pieces(starts, len(flat))
    centres = np.array([np.median(part) for part in np.split(flat, starts[1:])])
    deviations = np.sqrt(variances)
    scale = 1.0
    for _ in range(_STEPS):
        residuals = (flat - centres[piece]) / deviations
        limited = np.clip(residuals / scale, -TUNING, TUNING)
        scale = max(scale * math.sqrt(float(np.sum(limited**2)) / (LIMITED_SQUARE * dof)), 1e-3)
        weights = np.minimum(1, TUNING * scale / np.maximum(np.abs(residuals), _LEAST)) / variances
        centres = np.bincount(piece, weights * flat) / np.bincount(piece, weights)
    residuals = (flat - centres[piece]) / (scale * deviations)
    inner = max(float(np.mean(np.abs(residuals) < TUNING)), 0.5)
    inflation = float(np.sum(np.clip(residuals, -TUNING, TUNING) ** 2)) / dof / inner**2
    errors = scale * np.sqrt(max(inflation, 1e-6) / np.bincount(piece, 1 / variances))
    return LevelFit(starts, centres, errors, scale, dof)
