"""Verdicts on the quantile of values that depend on each other, such as latencies under load.

The number of values above the limit is binomial only for independent values. Here the exact binomial bounds (Clopper
and Pearson 1934, Biometrika 26, 404-413) are taken for half of the effective sample size, and no verdict is given for
fewer than 40 effective values, because the autocorrelation time of a short run is underestimated. Both numbers were
chosen by simulation, of queues at 50 to 95 % utilisation and of a server with bursts; see the tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.autocorrelation import effective_size
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.distributions import binomial_count
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult
from pytest_perfbudget.core.samples import quantile

FEWEST: Final = 40
"""The fewest effective values for a verdict."""

_CAUTION: Final = 2.0
"""The effective sample size is divided by this value, because the autocorrelation time is an estimate."""


def at_look(errors: Errors, number: int | None) -> Errors:
    """Return the errors that a look may spend, so that all looks at a run together spend no more than `errors`.

    Half is kept for the end of the run. The early looks spend a quarter, an eighth, and so on, however many there are,
    because a run that deserves an early end is far beyond its limit (alpha spending by Bonferroni's inequality).

    Args:
        errors: for the run.
        number: of the early look, from 1 on; None for the end.
    """
    part = 0.5 if number is None else 0.5 ** (number + 1)
    return Errors(*(part * one for one in errors))


@dataclass(frozen=True)
class DependentQuantileCriterion:
    """The criterion for the quantile at `share` of values that depend on each other."""

    share: float
    errors: Errors

    def looks(self) -> Sequence[int]:
        """Return no rounds: the only look is at the end."""
        return ()

    def decide(
        self,
        values: Sequence[float],
        limit: float,
        *,
        final: bool,
        earliest_exceeded: int = 0,  # noqa: ARG002 - the only look is at the end
    ) -> CriterionResult:
        """See `Criterion.decide`; without `final` nothing is decided."""
        ordered = sorted(values)
        estimate = quantile(ordered, self.share)
        lower = upper = None
        verdict = BudgetVerdict.UNDECIDED
        effective = effective_size(values, limit, self.share) if final else 0.0
        if effective >= FEWEST:
            count = len(ordered)
            independent = effective / _CAUTION
            above = 1 - self.share
            # A bound is the order statistic whose share of values above just is, or just is not, too large for `above`.
            most = binomial_count(independent, above, 1 - self.errors.exceeded) + 1
            least = binomial_count(independent, above, self.errors.within)
            too_many = math.ceil(most / independent * count)
            if too_many <= count:
                lower = ordered[count - too_many]
            if least >= 0:
                upper = ordered[count - 1 - int(least / independent * count)]
            if lower is not None and lower > limit:
                verdict = BudgetVerdict.EXCEEDED
            elif upper is not None and upper <= limit:
                verdict = BudgetVerdict.WITHIN
        return CriterionResult(verdict, estimate, lower, upper, len(ordered), FEWEST)
