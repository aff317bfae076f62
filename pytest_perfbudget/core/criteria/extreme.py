"""Verdicts on the fastest and the slowest round, as observed: no inference about other calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_perfbudget.core.criteria.quantile import MOST_ROUNDS
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult

WATCHED_ROUNDS = 59
"""Rounds over which a maximum is watched while time allows: the number that bounds a p95."""


@dataclass(frozen=True)
class ExtremeCriterion:
    """Whether the observed minimum or maximum lies within a limit.

    More rounds can only lower a minimum and raise a maximum. So one round can clear a minimum or
    break a maximum; the other verdict waits for the last round (the maximum's for
    `WATCHED_ROUNDS` of them).
    """

    statistic: Literal["min", "max"]
    planned_rounds: int | None

    def looks(self) -> Sequence[int]:
        """Return 1, 2, 4, ... rounds; a maximum is watched for no more than `WATCHED_ROUNDS`."""
        if self.planned_rounds is None:
            return ()
        last = MOST_ROUNDS if self.statistic == "min" else WATCHED_ROUNDS
        doubled = (2**power for power in range(last.bit_length()))
        return (*(at for at in doubled if at < last), last)

    def decide(
        self,
        values: Sequence[float],
        limit: float,
        *,
        final: bool,
        earliest_exceeded: int = 0,  # noqa: ARG002 - an observation is not early
    ) -> CriterionResult:
        """See `Criterion.decide`."""
        observed = min(values) if self.statistic == "min" else max(values)
        complete = final or (self.planned_rounds is not None and len(values) >= self.looks()[-1])
        verdict = BudgetVerdict.UNDECIDED
        if observed <= limit and (complete or self.statistic == "min"):
            verdict = BudgetVerdict.WITHIN
        elif observed > limit and (complete or self.statistic == "max"):
            verdict = BudgetVerdict.EXCEEDED
        return CriterionResult(verdict, observed, observed, observed, len(values))
