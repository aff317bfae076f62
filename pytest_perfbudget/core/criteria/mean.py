"""Verdicts on a mean, by a t interval corrected for skewness.

Times are skewed to the right: there the plain t interval ends too early above and would call a
mean within that is not. Hall's monotone transformation (1992, JRSS B 54, 221-228) takes the
skewness out; what is left is approximate, and a distribution without a second moment has no
interval of this kind at all. The error is shared equally among the looks (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult

FEWEST_ROUNDS = 20
"""With fewer rounds the skewness cannot be estimated, and the rare slow or fast call that a mean lives
off may not be among them."""

_LOOKS = (FEWEST_ROUNDS, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480)


def _bound(values: Sequence[float], error: float, side: int) -> float:
    """Return the lower (side -1) or upper (side 1) confidence bound of the mean."""
    count = len(values)
    mean = math.fsum(values) / count
    deviations = [value - mean for value in values]
    sigma = math.sqrt(math.fsum(d * d for d in deviations) / count)
    if sigma <= abs(mean) * 1e-12:
        return mean
    skew = math.fsum((d / sigma) ** 3 for d in deviations) / count
    # sigma divides by n: Student's t wants n - 1 below the root.
    target = -side * t_quantile(count - 1, 1 - error) / math.sqrt(count - 1)
    if abs(skew) < 1e-9:
        return mean - sigma * target
    inner = 1 + skew * (target - skew / (6 * count))
    return mean - sigma * (3 / skew) * (math.copysign(abs(inner) ** (1 / 3), inner) - 1)


@dataclass(frozen=True)
class MeanCriterion:
    """Whether the mean lies within a limit; `planned_rounds` None means one look at the end."""

    errors: Errors
    planned_rounds: int | None

    def looks(self) -> Sequence[int]:
        """Return 20, 40, 80, ... rounds."""
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
                lower = max(0.0, _bound(seen, self.errors.exceeded / len(looks), -1))
                upper = _bound(seen, self.errors.within / len(looks), 1)
            closing = final and at == reached[-1]
            early = at < earliest_exceeded and not closing
            # A mean lives off its rare slow calls: a tenth of that time has to pass without them.
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
