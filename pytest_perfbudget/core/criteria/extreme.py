"""Verdicts on the fastest and the slowest round as observed, without inference about other calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_perfbudget.core.criteria.quantile import MOST_ROUNDS
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult

WATCHED_ROUNDS = 59
"""The number of rounds over which a maximum is watched while time allows: the number of rounds that bounds a p95."""


@dataclass(frozen=True)
class ExtremeCriterion:
    """The criterion for the observed minimum or maximum.

    More rounds can only lower a minimum and raise a maximum. So one round can clear a minimum or break a maximum. The
    other verdict waits for the last round; for a maximum it waits for `WATCHED_ROUNDS` rounds only.
    """

    statistic: Literal["min", "max"]
    planned_rounds: int | None

    def looks(self) -> Sequence[int]:
        """Return 1, 2, 4, ... rounds, for a maximum up to `WATCHED_ROUNDS`; none if there is only the end."""
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
        earliest_exceeded: int = 0,  # noqa: ARG002 - an observation is never too early
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
