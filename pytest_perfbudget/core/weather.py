"""Weather: how far the machine's speed at one moment lies from a calm one, read off canaries.

On a shared machine it has two states, more or less: alone on the core, or with a busy neighbour and
up to half as slow again, for milliseconds to minutes. How much of it a function feels can be
learned, but never exactly. So everything near calm weather counts in full and everything else the
less the further away it is, and where both were seen the calm moments decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

Canaries = tuple[float, ...]
"""The times of the canaries in ns, in their order."""

CALM: Final = 0.1
"""The distance from calm weather, in log time, at which the variance of a time has doubled. On
recorded sessions 0.05 to 0.2 do equally well."""


class Block(NamedTuple):
    """The rounds of one block: the median time of a call in ns, and canaries just before and after."""

    time_ns: float
    before: Canaries
    after: Canaries


class Shift(NamedTuple):
    """Where a block's weather lies from a calm one: per canary and on average, in log time, and its weight."""

    canaries: tuple[float, ...]
    mean: float
    weight: float


def weight(*distances: float) -> float:
    """Return how much a time counts that was taken so far from calm weather; 1 in the calm."""
    return 1 / (1 + math.hypot(*distances) ** 2 / CALM**2)


def shift(block: Block, calm_ns: Canaries) -> Shift:
    """Return the weather of a block, the mean of what the canaries on both sides tell.

    A block within which the weather changed counts less, as one in bad weather does.
    """
    # The product of both sides takes one logarithm each: 10,000 measurements have millions of them.
    both = tuple(
        math.log(before * after / (calm * calm)) / 2
        for before, after, calm in zip(block.before, block.after, calm_ns, strict=True)
    )
    mean = sum(both) / len(both)
    change = math.log(math.prod(block.after) / math.prod(block.before)) / len(both)
    return Shift(both, mean, weight(mean, change))


def calm(blocks: Sequence[Block], share: float = 0.2) -> Canaries:
    """Return what each canary takes in calm weather: the quantile of all its readings at `share`.

    Not the smallest: that would be luck, and no block could be as calm.
    """
    readings = zip(*(block.before for block in blocks), strict=True)
    return tuple(sorted(found)[int(share * (len(blocks) - 1))] for found in readings)


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the smallest value at which half of the weight is reached."""
    ordered = sorted(zip(values, weights, strict=True))
    half = sum(weights) / 2
    total = 0.0
    for value, part in ordered:
        total += part
        if total >= half:
            return value
    return ordered[-1][0]
