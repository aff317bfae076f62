"""The rounds of one measurement as numbers, and the statistics that describe the rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfbudget.core.metrics import CPU, METRICS, QUANTILES, WALL, rank_of
from pytest_perfbudget.core.weather import BlockTime

_LEAST_WAITS: Final = 0.001
"""The share of a statistic from which the waits in it are worth a number of their own."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The rounds of one measurement, in the order in which they ran.

    Attributes:
        wall_ns: the time of one call, by round, in ns; with several `iterations`, their mean.
        cpu_ns: the same in CPU time of the process; empty unless CPU time was requested.
        waited_ns: the part of `wall_ns` in which the thread waited for a CPU that another process held; empty if that
            part is not known, or if the code's own child processes may have held the CPU.
        iterations: the number of calls in a round.
        overhead_ns: the time that reading the clock adds to a round, in ns; None if unknown.
        cpu_overhead_ns: the same for the CPU clock, or the tick of this clock where the tick is longer.
        elapsed_ns: the time spent on the rounds, in ns, without the first call and the warm-up. Set-up between the
            rounds is included if this package ran the rounds.
        planned_rounds: the number of rounds that were expected to fit into the time allowed, before the first round;
            None if the number of rounds was set elsewhere.
        blocks: the typical round of each block, with the weather around the block; empty unless blocks were requested.
        turns: the turn of each block, if the measurement was made in turns.
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
    waited_ns: Sequence[float] = ()

    def of(self, series: str) -> Sequence[float]:
        """Return the rounds as timed by one clock, `WALL` or `CPU`, in ns."""
        return self.cpu_ns if series == CPU else self.wall_ns

    def without_waits(self) -> list[float]:
        """Return `wall_ns` without the time spent waiting for a CPU; empty if that time is not known."""
        if len(self.waited_ns) != len(self.wall_ns):
            return []
        return [max(wall - waited, 0.0) for wall, waited in zip(self.wall_ns, self.waited_ns, strict=True)]


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the order statistic at the given share of sorted values.

    Hyndman and Fan's definition 1 (the inverse of the empirical distribution) always gives one of the values. So the
    result lies between the order statistics that bound the quantile.
    """
    # A share such as 0.95 is not exact in binary: 0.95 * 20 must not become the 20th of 20.
    return ordered[max(rank_of(len(ordered), share), 1) - 1]


def describe(samples: Samples) -> dict[str, float]:
    """Return the statistics of the samples in ns, by metric name.

    If rounds average several calls, only the mean is a statement about calls, so the mean is the only statistic.
    """
    described: dict[str, float] = {}
    for series in (WALL, CPU):
        values = sorted(samples.of(series))
        if not values:
            continue
        found = {"mean": math.fsum(values) / len(values)}
        if samples.iterations == 1:
            shares = {name: quantile(values, share) for name, share in QUANTILES.items()}
            found = {"min": values[0], **found, **shares, "max": values[-1]}
        rows = [metric for metric in METRICS.values() if metric.series == series and metric.statistic in found]
        described |= {metric.name: found[metric.statistic] for metric in rows}
    return described


def describe_code(samples: Samples) -> dict[str, float]:
    """Return the statistics of the samples as the code itself took: without waits where those are known."""
    return {**describe(samples), **(describe_without_waits(samples) or {})}


def describe_without_waits(samples: Samples) -> dict[str, float] | None:
    """Return those statistics of wall time, in ns, that are smaller without the time spent waiting for a CPU.

    The time is that in which other processes held the CPU. None is returned if it is not known, or changes nothing.
    """
    own_ns = samples.without_waits()
    if not own_ns:
        return None
    own = describe(replace(samples, wall_ns=own_ns, cpu_ns=(), waited_ns=()))
    found = describe(samples)
    return {name: value for name, value in own.items() if found[name] > (1 + _LEAST_WAITS) * value} or None
