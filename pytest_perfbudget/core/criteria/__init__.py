"""The criteria that compare rounds with a limit: one interface, and one module for each kind of statistic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pytest_perfbudget.core.results import CriterionResult


class Errors(NamedTuple):
    """The largest probabilities of wrong verdicts, over all looks at one measurement together.

    `exceeded` is the probability that a budget that holds is called exceeded. `within` is the probability that a budget
    that does not hold is called within.
    """

    exceeded: float
    within: float


class Criterion(Protocol):
    """The criterion for one statistic, which looks at the rounds on a schedule fixed before the first round."""

    def looks(self) -> Sequence[int]:
        """Return the numbers of rounds, ascending, at which a decision can be made."""

    def decide(
        self, values: Sequence[float], limit: float, *, final: bool, earliest_exceeded: int = 0
    ) -> CriterionResult:
        """Replay every look that `values` allows, and return the first decision.

        Args:
            values: the rounds in the order in which they ran, in base units.
            limit: the limit in the same units.
            final: whether no further rounds will come.
            earliest_exceeded: the number of rounds below which `exceeded` is not yet allowed.
        """
