"""Weather: how far the machine's speed at one moment lies from a calm one, read off canaries.

On a shared machine it has two states, more or less: alone on the core, or with a busy neighbour and
up to half as slow again, for milliseconds to minutes. How much of it a function feels can be
learned, but never exactly. So everything near calm weather counts in full and everything else the
less the further away it is, and where both were seen the calm moments decide.
"""

from __future__ import annotations

# ruff: noqa: PLC0415 - numpy takes 0.1 s: only where something is compared
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
_Distance = TypeVar("_Distance", float, Floats)

Canaries = tuple[float, ...]
"""The times of the canaries in ns, in their order."""

CALM: Final = 0.1
"""The distance from calm weather, in log time, at which the variance of a time has doubled. On
recorded sessions 0.05 to 0.2 do equally well."""


class BlockTime(NamedTuple):
    """The rounds of one block: the time of a typical call in ns, and canaries just before and after.

    In turns there are no canaries, and the mean time of a call stands beside.
    """

    time_ns: float
    before: Canaries
    after: Canaries
    mean_ns: float = 0.0


class Shifts(NamedTuple):
    """Where the weather of blocks lies from a calm one, in log time.

    Attributes:
        canaries: of each block and canary; blocks x canaries.
        mean: of each block.
        weight: how much each block counts.
    """

    canaries: Floats
    mean: Floats
    weight: Floats


def weight(distance: _Distance) -> _Distance:
    """Return how much a time counts that was taken so far from calm weather; 1 in the calm."""
    return 1 / (1 + (distance / CALM) ** 2)


def shifts(blocks: Sequence[BlockTime], calm_ns: Canaries) -> Shifts:
    """Return the weather of blocks, at least one, each the mean of what the canaries on both sides tell.

    A block within which the weather changed counts less, as one in bad weather does.
    """
    import numpy as np

    before = np.log([block.before for block in blocks])
    after = np.log([block.after for block in blocks])
    both = (before + after) / 2 - np.log(calm_ns)
    mean = both.mean(axis=1)
    change = (after - before).mean(axis=1)
    return Shifts(both, mean, weight(np.hypot(mean, change)))


def calm(blocks: Sequence[BlockTime], share: float = 0.2) -> Canaries:
    """Return what each canary takes in calm weather: the quantile of all its readings at `share`.

    Not the smallest: that would be luck, and no block could be as calm.
    """
    readings = zip(*(block.before for block in blocks), strict=True)
    return tuple(sorted(found)[int(share * (len(blocks) - 1))] for found in readings)


def weighted_median(values: Sequence[float] | Floats, weights: Sequence[float] | Floats) -> float:
    """Return the smallest value at which half of the weight is reached."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.take(weights, order))
    return float(np.take(values, order[np.searchsorted(reached, reached[-1] / 2)]))
