"""How a limit is held against rounds: one interface, one module per kind of statistic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pytest_perfbudget.core.results import CriterionResult


class Errors(NamedTuple):
    """How often a verdict may be wrong, over all looks of one measurement together.

    `exceeded` is the chance that a budget which holds is called exceeded, `within` the chance
    that one which does not hold is called within.
    """

    exceeded: float
    within: float


class Criterion(Protocol):
    """Decides one statistic by looking at the rounds on a schedule fixed before the first round."""

    def looks(self) -> Sequence[int]:
        """Return the numbers of rounds, ascending, at which a decision can fall."""

    def decide(
        self, values: Sequence[float], limit: float, *, final: bool, earliest_exceeded: int = 0
    ) -> CriterionResult:
        """Replay every look that `values` allows and return the first decision that falls.

        Args:
            values: the rounds in the order they ran, base units.
            limit: in the same units.
            final: no further rounds will come.
            earliest_exceeded: the number of rounds below which `exceeded` is not yet allowed.
        """
