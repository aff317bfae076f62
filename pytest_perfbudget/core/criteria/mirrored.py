"""The criterion for a lower limit, such as a smallest number of requests per second.

A value at or above a limit is, on the negated axis, a value at or below the negated limit. So each criterion serves
both directions, with the same error rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_perfbudget.core.criteria import Criterion
from pytest_perfbudget.core.results import CriterionResult


@dataclass(frozen=True)
class MirroredCriterion:
    """The criterion for a statistic with a lower limit; `inner` decides the mirrored statistic on negated values."""

    inner: Criterion

    def looks(self) -> Sequence[int]:
        """See `Criterion.looks`."""
        return self.inner.looks()

    def decide(
        self, values: Sequence[float], limit: float, *, final: bool, earliest_exceeded: int = 0
    ) -> CriterionResult:
        """See `Criterion.decide`."""
        negated = [-value for value in values]
        found = self.inner.decide(negated, -limit, final=final, earliest_exceeded=earliest_exceeded)
        lower = None if found.upper is None else -found.upper
        upper = None if found.lower is None else -found.lower
        return replace(found, estimate=-found.estimate, lower=lower, upper=upper)
