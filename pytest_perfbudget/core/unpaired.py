"""Where a measurement meets the baseline: whether its time has grown since."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.reference import Estimate, Prior, Reference, compare, estimate_for
from pytest_perfbudget.core.slowdown import SlowdownTest
from pytest_perfbudget.core.weather import BlockTime

BLOCKS: Final = 40
"""Blocks of a run. On recorded sessions 10 have twice the error of 40, and 60 gain little."""

DOUBLED: Final = 2 * BLOCKS
"""A run that looks slower goes on for as many again, which is cheaper than a fresh process."""

_STALE = math.log(2.5)
"""Of the weather of a shared machine nothing beyond a factor of 1.8 was seen."""


_ENOUGH_TO_CLEAR = 0.3
"""A fresh run that shows no slowdown ends a confirmation unless the weather was so bad that it means
nothing: on recorded sessions that lets 8 % slowdowns escape half as often, for 0.07 processes a test more."""

_SUSPECT_SHARE = 0.5
_SUSPECT_OF_RUNS = 0.25
_SUSPECT_OF_PAIRS = 0.5
"""A run is suspect above so much of what is allowed, with at least so small a p-value. Where fresh runs confirm,
lower bars catch no more of a 10 % slowdown and start more processes. Pairs know smaller ones, and no weather: on
recorded processes and pairs, with 2 % allowed, the higher p-value catches 95 % of slowdowns by 5 % instead of 85 %,
for a pair more in every fifth clean test."""


@dataclass(frozen=True, slots=True)
class UnpairedSlowdownTest(SlowdownTest[Estimate]):
    """Whether a time has grown since the baseline.

    Attributes:
        reference: the baseline's.
        prior: the typical spread of the baseline's tests.
        in_pairs: whether it is pairs that confirm a suspect.
    """

    enough = 3
    """Three or four runs in calm weather, more in bad."""

    reference: Reference
    prior: Prior
    in_pairs: bool = field(default=False, kw_only=True)

    def more_blocks(self, blocks: Sequence[BlockTime]) -> int:
        """Return how many blocks the screening run still wants."""
        done = len(blocks)
        if done == BLOCKS and self.is_suspect(self.estimate(blocks)):
            return BLOCKS
        return max((DOUBLED if done > BLOCKS else BLOCKS) - done, 0)

    def estimate(self, blocks: Sequence[BlockTime]) -> Estimate:
        """Return the estimate of a run, at least one block, as it is compared."""
        return estimate_for(self.reference, blocks)

    def is_stale(self, run: Estimate) -> bool:
        """Return whether the canaries are so far from the reference's that it must be of another machine."""
        return bool(self.reference.weights) and abs(run.weather) > _STALE

    def is_suspect(self, *runs: Estimate) -> bool:
        """See `SlowdownTest.is_suspect`: they look slower than allowed."""
        found = self.effect(runs)
        bar = _SUSPECT_OF_PAIRS if self.in_pairs else _SUSPECT_OF_RUNS
        return found.log_ratio > _SUSPECT_SHARE * self.limit and found.p_slower < bar

    def is_hopeless(self, fresh: Sequence[Estimate]) -> bool:
        """See `SlowdownTest.is_hopeless`: they do not look slower."""
        precision = sum(one.weight for one in fresh)
        return precision >= _ENOUGH_TO_CLEAR and self.effect(fresh).log_ratio < _SUSPECT_SHARE * self.limit

    def effect(self, runs: Sequence[Estimate]) -> Effect:
        """See `SlowdownTest.effect`."""
        return compare(self.reference, runs, self.prior)

    def before_ns(self, runs: Sequence[Estimate]) -> float:  # noqa: ARG002 - the baseline's, whatever was run
        """See `SlowdownTest.before_ns`."""
        return self.reference.time_ns

    def smallest_found(self) -> float:
        """Return the slowdown, as a share, from which calm fresh runs that agree would be called regressed."""
        calm = Estimate(math.log(self.reference.time_ns), self.reference.weather, 1.0)
        least = -self.effect([calm] * self.enough).bound(self.alpha_per_look)
        return math.expm1(max(least, self.limit))
