"""The rounds of one measurement as numbers, and the statistics that describe them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.budgets import QUANTILES, Metric, Resource
from pytest_perfbudget.core.weather import BlockTime


@dataclass(frozen=True, slots=True)
class Samples:
    """The rounds of one measurement, in the order they ran.

    Attributes:
        wall_ns: per round, the time of one call; the mean of `iterations` calls if above 1.
        cpu_ns: the same in process CPU time; empty unless it was asked for.
        iterations: calls per round.
        overhead_ns: what reading the clock adds to a round; None if unknown.
        cpu_overhead_ns: the same for the CPU clock, or its tick where that is longer.
        elapsed_ns: time spent, set-up and warm-up included.
        planned_rounds: how many rounds there was thought to be time for before the first of them;
            None if the number of rounds was set elsewhere.
        blocks: the median round of each block with the weather around it; empty unless it was asked for.
        turns: of what was measured in turns, the turn of each block.
    """

    wall_ns: Sequence[float]
    cpu_ns: Sequence[float] = ()
    iterations: int = 1
    overhead_ns: float | None = None
    cpu_overhead_ns: float | None = None
    elapsed_ns: int = 0
    planned_rounds: int | None = None
    blocks: Sequence[BlockTime] = ()
    turns: Sequence[int] = ()

    def of(self, resource: Resource) -> Sequence[float]:
        """Return the rounds of wall-clock or CPU time, in ns."""
        return self.cpu_ns if resource is Resource.CPU else self.wall_ns


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the order statistic at the given share of sorted values.

    Hyndman and Fan's definition 1 (the inverse of the empirical distribution): always one of the
    values, so it lies between the order statistics that bound it.
    """
    # A share such as 0.95 is not exact in binary: 0.95 * 20 must not become the 20th of 20.
    rank = math.ceil(len(ordered) * share - 1e-9)
    return ordered[max(rank, 1) - 1]


def describe(samples: Samples) -> dict[str, float]:
    """Return the statistics of the samples in ns, by metric name.

    Of rounds that average several calls only the mean is a statement about calls, so it stands
    alone there.
    """
    described: dict[str, float] = {}
    for resource in (Resource.WALL, Resource.CPU):
        values = sorted(samples.of(resource))
        if not values:
            continue
        found = {"mean": math.fsum(values) / len(values)}
        if samples.iterations == 1:
            shares = {name: quantile(values, share) for name, share in QUANTILES.items()}
            found = {"min": values[0], **found, **shares, "max": values[-1]}
        described |= {str(Metric(resource, name)): value for name, value in found.items()}
    return described
