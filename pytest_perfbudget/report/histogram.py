"""The distribution of a measurement's rounds as text: a line for each interval of times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.core.samples import quantile
from pytest_perfbudget.report.bars import short_bar
from pytest_perfbudget.report.budgets import wall_budgets
from pytest_perfbudget.report.numbers import counted, quantity

_MOST_INTERVALS: Final = 10
_ROUNDS_EACH: Final = 3
"""The fewest rounds for an interval, on average."""

_CELLS: Final = 30
_FENCE: Final = 3.0
"""The distance from the quartiles, in interquartile ranges, beyond which a time is far out (Tukey 1977). Equal
intervals end there, so that a long tail does not hide the shape."""

_MOST_FAR: Final = 3
"""The most intervals of the times that are far out on the slow side, each as many times as long as the one before."""


def histograms(measurements: Iterable[Measurement]) -> str:
    """Return the distributions of measurements as far as they have rounds, one below the other."""
    return "\n".join(line for one in measurements for line in _lines(one))


def _lines(measurement: Measurement) -> Iterator[str]:
    times_ns = sorted(measurement.times.times_ns()) if measurement.times is not None else []
    if not times_ns:
        return
    name = f" of {measurement.name}" if measurement.name else ""
    every = measurement.times.every if measurement.times is not None else 1
    kept = f"{len(times_ns):,} of " if every > 1 else ""
    rounds = counted(measurement.rounds, measurement.kind.sample)
    longest = quantity(times_ns[-1], "ns")
    yield f"Distribution{name}, {kept}{rounds}, each line from its time to the next, the last to {longest}:"
    edges, far = _edges(times_ns)
    counts = [sum(low <= one < high for one in times_ns) for low, high in pairwise((*edges, float("inf")))]
    starts = [quantity(edge, "ns") for edge in edges]
    limits = _limits(measurement.budgets)
    below = [text for limit_ns, text in limits if limit_ns < edges[0]]
    if below:
        yield f"  {', '.join(below)}: all rounds are slower"
    for at, (start, count) in enumerate(zip(starts, counts, strict=True)):
        end_ns = edges[at + 1] if at + 1 < len(edges) else max(times_ns[-1], edges[-1]) * (1 + 1e-12)
        here = [text for limit_ns, text in limits if edges[at] <= limit_ns < end_ns]
        mark = f"  < {', '.join(here)}" if here else ""
        if at == far:
            beyond = counted(sum(counts[far:]), measurement.kind.sample)
            yield f"  {beyond} far slower, in longer intervals:"
        drawn = f"  {start:>{max(map(len, starts))}}  {short_bar(count / max(counts), _CELLS):<{_CELLS}} {count:>4}"
        yield f"{drawn}{mark}"
    if above := [text for limit_ns, text in limits if limit_ns > times_ns[-1]]:
        yield f"  {', '.join(above)}: all rounds are faster"


def _edges(times_ns: Sequence[float]) -> tuple[list[float], int]:
    """Return the starts of the intervals, and the place of the first for times that are far out on the slow side.

    Args:
        times_ns: times in ascending order, at least one.
    """
    quartiles = quantile(times_ns, 0.25), quantile(times_ns, 0.75)
    reach = _FENCE * (quartiles[1] - quartiles[0])
    usual = [one for one in times_ns if quartiles[0] - reach <= one <= quartiles[1] + reach]
    low, high = usual[0], usual[-1]
    edges = [low]
    if high > low:
        number = min(max(len(times_ns) // _ROUNDS_EACH, 2), _MOST_INTERVALS)
        edges = [low + at * (high - low) / number for at in range(number)]
    fast = [times_ns[0]] if times_ns[0] < low else []
    slow = [one for one in times_ns if one > high]
    return [*fast, *edges, *_doublings(slow)], len(fast) + len(edges)


def _doublings(times_ns: Sequence[float]) -> list[float]:
    """Return the starts of intervals of which each is as many times as long as the one before, at least twice."""
    if not times_ns:
        return []
    factor = times_ns[-1] / times_ns[0]
    number = min(max(math.ceil(math.log2(factor)), 1), _MOST_FAR)
    return [times_ns[0] * factor ** (at / number) for at in range(number)]


def _limits(budgets: Iterable[BudgetResult]) -> list[tuple[float, str]]:
    """Return the limits on wall-clock times, with their texts."""
    return [(one.limit, f"limit of {one.metric}, {quantity(one.limit, one.unit)}") for one in wall_budgets(budgets)]
