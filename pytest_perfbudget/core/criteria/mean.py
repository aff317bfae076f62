"""Verdicts on a mean, by a t interval corrected for skewness.

Times are skewed to the right. For such times the upper end of the plain t interval is too low, so a mean that exceeds
its limit would be called within. Hall's monotone transformation (1992, JRSS B 54, 221-228) removes the skewness. The
resulting interval is approximate, and a distribution without a second moment has no interval of this kind at all. The
error is shared equally among the looks (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult

FEWEST_ROUNDS = 20
"""The fewest rounds for an interval. With fewer rounds the skewness cannot be estimated, and the rare slow or fast call
that a mean depends on may not be among them."""

_LOOKS = (FEWEST_ROUNDS, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480)


def bound(values: Sequence[float], error: float, side: int, independent: float | None = None) -> float:
    """Return the lower (side -1) or upper (side 1) confidence bound of the mean.

    Args:
        values: the values.
        error: the probability that the mean lies beyond the bound.
        side: -1 or 1.
        independent: the number of independent values that determine the mean as precisely; by default all values.
    """
    mean = math.fsum(values) / len(values)
    deviations = [value - mean for value in values]
    sigma = math.sqrt(math.fsum(d * d for d in deviations) / len(values))
    if sigma <= abs(mean) * 1e-12:
        return mean
    skew = math.fsum((d / sigma) ** 3 for d in deviations) / len(values)
    count = len(values) if independent is None else independent
    # `sigma` divides by n, whereas Student's t needs n - 1 under the root.
    target = -side * t_quantile(count - 1, 1 - error) / math.sqrt(count - 1)
    if abs(skew) < 1e-9:
        return mean - sigma * target
    inner = 1 + skew * (target - skew / (6 * count))
    return mean - sigma * (3 / skew) * (math.copysign(abs(inner) ** (1 / 3), inner) - 1)


@dataclass(frozen=True)
class MeanCriterion:
    """The criterion for a mean; if `planned_rounds` is None, the only look is at the end.

    `least` is the smallest possible value: 0 for times.
    """

    errors: Errors
    planned_rounds: int | None
    least: float = 0.0

    def looks(self) -> Sequence[int]:
        """Return 20, 40, 80, ... rounds; none if there is only the end."""
        return () if self.planned_rounds is None else _LOOKS

    def decide(
        self, values: Sequence[float], limit: float, *, final: bool, earliest_exceeded: int = 0
    ) -> CriterionResult:
        """See `Criterion.decide`."""
        looks: Sequence[int] = self.looks()
        reached = [at for at in looks if at <= len(values)]
        if final and self.planned_rounds is None and values:
            looks = reached = [len(values)]
        lower = upper = None
        for at in reached:
            seen = values[:at]
            if at >= FEWEST_ROUNDS:
                lower = max(self.least, bound(seen, self.errors.exceeded / len(looks), -1))
                upper = bound(seen, self.errors.within / len(looks), 1)
            closing = final and at == reached[-1]
            early = at < earliest_exceeded and not closing
            # A mean depends on its rare slow calls: before `within`, a tenth of the exposure has to pass without them.
            too_soon = at < earliest_exceeded / 10 and not closing
            verdict = BudgetVerdict.UNDECIDED
            if lower is not None and lower > limit and not early:
                verdict = BudgetVerdict.EXCEEDED
            elif upper is not None and upper <= limit and not too_soon:
                verdict = BudgetVerdict.WITHIN
            if verdict is not BudgetVerdict.UNDECIDED:
                return CriterionResult(verdict, math.fsum(seen) / at, lower, upper, at, FEWEST_ROUNDS)
        estimate = math.fsum(values) / len(values)
        return CriterionResult(BudgetVerdict.UNDECIDED, estimate, lower, upper, len(values), FEWEST_ROUNDS)
