"""Weather: the distance of the machine's speed at one moment from its speed in a calm moment, read off canaries.

On a shared machine the weather has more or less two states: a process is alone on the core, or has a busy neighbour and
is up to half as slow again, for milliseconds to minutes. The share of the weather that a function feels can be learned,
but never exactly. So times near calm weather count in full, and other times count less the further their weather is
from calm weather. If both were observed, the calm moments decide.
"""

from __future__ import annotations

# ruff: noqa: PLC0415 - numpy takes 0.1 s to import: only where something is compared
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
_Distance = TypeVar("_Distance", float, Floats)

Canaries = tuple[float, ...]
"""The times of the canaries in ns, in the order of the canaries."""

CALM: Final = 0.1
"""The distance from calm weather, in log time, at which the variance of a time has doubled. On recorded sessions values
from 0.05 to 0.2 work equally well."""


class BlockTime(NamedTuple):
    """The rounds of one block: the time of a typical call in ns, and the canaries just before and just after the block.

    A block in turns has no canaries; it has the mean time of a call in ns as well. The other blocks have the share of
    their time in which the process waited for a CPU: the process that had the CPU meanwhile has changed the caches,
    too, which no canary feels.
    """

    time_ns: float
    before: Canaries
    after: Canaries
    mean_ns: float = 0.0
    waited: float = 0.0


class Shifts(NamedTuple):
    """The distance of the weather of blocks from calm weather, in log time.

    Attributes:
        canaries: the distance for each block and canary, in an array of blocks x canaries.
        mean: the mean distance for each block.
        weight: the weight of each block.
        waited: the share of the time of all blocks in which the process waited for a CPU.
    """

    canaries: Floats
    mean: Floats
    weight: Floats
    waited: float


def weight(distance: _Distance) -> _Distance:
    """Return the weight of a time that was taken at this distance from calm weather; 1 in calm weather."""
    return 1 / (1 + (distance / CALM) ** 2)


def shifts(blocks: Sequence[BlockTime], calm_ns: Canaries) -> Shifts:
    """Return the weather of blocks, at least one block, each as the mean of the canaries before and after the block.

    A block during which the weather changed, or the process waited for a CPU, has a smaller weight, like a block in bad
    weather.
    """
    import numpy as np

    before = np.log([block.before for block in blocks])
    after = np.log([block.after for block in blocks])
    both = (before + after) / 2 - np.log(calm_ns)
    mean = both.mean(axis=1)
    change = (after - before).mean(axis=1)
    waited = np.array([block.waited for block in blocks])
    distance = np.sqrt(mean**2 + change**2 + waited**2)
    return Shifts(both, mean, weight(distance), float(waited.mean()))


def calm(blocks: Sequence[BlockTime], share: float = 0.2) -> Canaries:
    """Return the time of each canary in calm weather: the quantile at `share` of all its readings before blocks.

    The smallest reading would be luck, and no block could be as calm.
    """
    readings = zip(*(block.before for block in blocks), strict=True)
    return tuple(sorted(found)[int(share * (len(blocks) - 1))] for found in readings)


def weighted_median(values: Sequence[float] | Floats, weights: Sequence[float] | Floats) -> float:
    """Return the smallest value at which half of the total weight is reached."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.take(weights, order))
    return float(np.take(values, order[np.searchsorted(reached, reached[-1] / 2)]))
