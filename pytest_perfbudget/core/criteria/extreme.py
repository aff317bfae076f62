"""Verdicts on the fastest and the slowest round, as observed: no inference about other calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_perfbudget.core.results import Decision, Verdict

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
        """Return 1, 2, 4, ... and the last round."""
        if self.planned_rounds is None:
            return ()
        last = self.planned_rounds if self.statistic == "min" else min(self.planned_rounds, WATCHED_ROUNDS)
        return tuple(sorted({at for at in (1, 2, 4, 8, 16, 32, 59, 128, 256, 512, 1024, 2048) if at < last} | {last}))

    def decide(self, values: Sequence[float], limit: float, *, final: bool, earliest_exceeded: int = 0) -> Decision:  # noqa: ARG002 - an observation is not early
        """See `Criterion.decide`."""
        observed = min(values) if self.statistic == "min" else max(values)
        complete = final or (self.planned_rounds is not None and len(values) >= self.looks()[-1])
        verdict = Verdict.UNDECIDED
        if observed <= limit and (complete or self.statistic == "min"):
            verdict = Verdict.WITHIN
        elif observed > limit and (complete or self.statistic == "max"):
            verdict = Verdict.EXCEEDED
        return Decision(verdict, observed, observed, observed, len(values))
