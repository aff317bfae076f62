"""The estimate from a pair of processes, base and head, that measured in turns.

Two processes, one of each side, measure short blocks one after the other on the same CPU, in the order head, base,
base, head. Both sides of such a quad have the same weather, and a drift over the quad cancels out (ABBA). The estimate
is the median of the log ratio over quads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from pytest_perfbudget.core.robust import MAD

QUADS: Final = 64
"""The number of quads in a pair, if there is time for so many."""

PAIR_SPREAD: Final = 0.01
"""The standard deviation of a pair's log ratio beyond the standard error that its own quads show; recorded pairs of
identical code have 0.4 to 1.6 %."""

LOAD_SPREAD: Final = 0.03
"""The same for the latencies under a load: a queue multiplies what a process is slower by."""

SCREENING_ERROR: Final = 0.006
FRESH_ERROR: Final = 0.005
"""The standard errors, as shown by a pair's own quads, at which a screening pair and a fresh pair stop if there is time
to get so far. A smaller standard error would gain nothing, because the spread between pairs is larger."""

FEWEST_QUADS: Final = 8

FEWEST_TO_END: Final = 10
"""The number of quads, of which the last third shows a slowdown that has only begun, after which a pair may end before
its time is up."""

_LATE_PART = 3
_LATE_ERRORS = 0.5
"""The part of the quads that is compared with those before, and the standard errors by which it has to be slower, so
that the pair goes on. They were chosen on recorded pairs: code that becomes 10 % slower after eight quads is suspect in
98 of 100 pairs (43 without this rule), for two more quads of unchanged code."""

_QUAD_SPREAD = 0.02
_QUAD_DEGREES = 3.0

HIDDEN: Final = 0.1
CLEARLY: Final = 4.0
"""The slowdown in the mean beyond that in the typical call, in log time and in standard errors, above which the mean
counts. With fewer quads than `FEWEST_QUADS` no mean counts: if rounds vary by half, means over four quads would call
twice as many clean tests slower."""

_MEDIAN_ERROR = math.sqrt(math.pi / 2)
"""The standard error of a median divided by that of a mean, for normal values."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The estimate from one pair of processes: how much slower the head is, in log time.

    Attributes:
        log_ratio: the logarithm of the head's time divided by the base's time.
        std_error: the standard error of the log ratio, as far as the quads of this pair show.
        base_ns: the time of a call in the base, in ns.
        spread: the standard deviation of the log ratio between pairs of identical code, as a rule.
        base_is_first: whether the base's process has set its fixtures up before the head's process.
        mean: the estimate from the mean call over all quads, whose standard error is that of the jackknife; None for
            an estimate of the mean call, and where there are too few quads.
        places: the standard error of the log ratio by the places of the data in memory, if the runs of the test in this
            pair differ.
        first: the estimate from the first run alone; None if there was no further run.
        gap: the log ratio of the first run minus that of the further runs.
        apart: the standard deviation of the log ratio between the further runs, if there are several.
        parts: the log ratios of the pairs that this estimate was joined from.
        is_shared: whether the processes have measured another test before, which may have left something behind.
    """

    log_ratio: float
    std_error: float
    base_ns: float
    spread: float = PAIR_SPREAD
    base_is_first: bool = False
    mean: Pair | None = None
    places: float = 0.0
    first: Pair | None = None
    gap: float = 0.0
    apart: float = 0.0
    parts: tuple[float, ...] = ()
    is_shared: bool = False

    @property
    def deviation(self) -> float:
        """The standard deviation of the log ratio between pairs of this code, without the error of the quads."""
        return math.hypot(self.spread, self.places)

    @property
    def is_of_load(self) -> bool:
        """Whether the pair generated a load."""
        return self.spread >= LOAD_SPREAD

    @property
    def weight(self) -> float:
        """The weight of the pair; 1 if its quads agree."""
        return self.deviation**2 / (self.deviation**2 + self.std_error**2)


def pair_of(head_ns: Mapping[int, float], base_ns: Mapping[int, float], spread: float = PAIR_SPREAD) -> Pair | None:
    """Return the estimate from the blocks of a pair; None if no turn has a block on both sides.

    Args:
        head_ns: the time of a call in the head's block, by turn; an even turn and the next turn make a quad.
        base_ns: the time of a call in the base's block, by turn.
        spread: see `Pair`.
    """
    return estimate(head_ns, base_ns, spread) if head_ns.keys() & base_ns.keys() else None


def estimate(head_ns: Mapping[int, float], base_ns: Mapping[int, float], spread: float) -> Pair:
    """Return the estimate from the blocks of at least one turn; see `pair_of`."""
    middle, std_error = _median(_quads(head_ns, base_ns))
    return Pair(middle, std_error, median(base_ns.values()), spread)


def joined(one: Pair, other: Pair) -> Pair:
    """Return the estimate from two pairs of a test together, as if it came from one pair."""
    parts = [1 / (pair.spread**2 + pair.std_error**2) for pair in (one, other)]
    share = parts[0] / sum(parts)
    means = (one.mean, other.mean)
    return replace(
        one,
        log_ratio=share * one.log_ratio + (1 - share) * other.log_ratio,
        std_error=math.hypot(share * one.std_error, (1 - share) * other.std_error),
        spread=math.hypot(share * one.spread, (1 - share) * other.spread),
        mean=joined(means[0], means[1]) if means[0] is not None and means[1] is not None else None,
        parts=(one.log_ratio, other.log_ratio),
    )


def becomes_slower(head_ns: Mapping[int, float], base_ns: Mapping[int, float]) -> bool:
    """Return whether the head looks slower in the last third of the quads, and slower than in the quads before.

    The median of a pair that ends now would miss a slowdown that begins with a later call, such as that of a cache or a
    list that grows. Chance shows the same in every third pair, so this is a reason to go on, and no verdict.

    Args:
        head_ns: see `pair_of`.
        base_ns: see `pair_of`.
    """
    quads = _quads(head_ns, base_ns)
    late = len(quads) // _LATE_PART
    if late < 2:  # a single quad has no median
        return False
    (before, error), (after, late_error) = _median(quads[:-late]), _median(quads[-late:])
    return after > max(0.0, before + _LATE_ERRORS * math.hypot(error, late_error))


def pair_so_far(
    head: Sequence[Mapping[int, float]], base: Sequence[Mapping[int, float]], spread: float = PAIR_SPREAD
) -> Pair | None:
    """Return the estimate from the typical call, with that from the mean call; None as in `pair_of`.

    Args:
        head: the times of the typical call and of the mean call in the head's block, each by turn.
        base: the same of the base.
        spread: see `Pair`.
    """
    typical = pair_of(head[0], base[0], spread)
    if typical is None or len(head[1].keys() & base[1].keys()) < 2 * FEWEST_QUADS:
        return typical
    return replace(typical, mean=mean_pair(head[1], base[1], spread))


def _quads(head_ns: Mapping[int, float], base_ns: Mapping[int, float]) -> list[float]:
    """Return the log ratio of each quad; those of single turns if no quad is complete."""
    steps = {turn: math.log(head_ns[turn] / base_ns[turn]) for turn in sorted(head_ns.keys() & base_ns.keys())}
    quads = [(step + steps[turn + 1]) / 2 for turn, step in steps.items() if turn % 2 == 0 and turn + 1 in steps]
    return quads or list(steps.values())


def _median(quads: Sequence[float]) -> tuple[float, float]:
    """Return the median of some quads and its standard error, whose variance is moderated."""
    middle = median(quads)
    deviation = MAD * median(abs(quad - middle) for quad in quads)
    own = len(quads) - 1
    variance = (_QUAD_DEGREES * _QUAD_SPREAD**2 + own * deviation**2) / (_QUAD_DEGREES + own)
    return middle, _MEDIAN_ERROR * math.sqrt(variance / len(quads))


def quad_numbers(head_ns: Mapping[int, float], base_ns: Mapping[int, float]) -> list[int]:
    """Return the numbers of the quads, begun ones included, of which both sides have a turn."""
    return sorted({turn // 2 for turn in head_ns.keys() & base_ns.keys()})


def mean_pair(head_ns: Mapping[int, float], base_ns: Mapping[int, float], spread: float) -> Pair:
    """Return the estimate from the means over all quads.

    These show calls that are so rare that the typical quad has none of them. The standard error is that of the
    delete-one jackknife over quads (Efron and Stein 1981, Annals of Statistics 9, 586-596).
    """
    quads = quad_numbers(head_ns, base_ns)
    sums = [
        [sum(one.get(turn, 0.0) for turn in (2 * quad, 2 * quad + 1)) for quad in quads] for one in (head_ns, base_ns)
    ]
    head, base = (sum(one) for one in sums)
    left_out = [math.log((head - own) / (base - other)) for own, other in zip(*sums, strict=True)]
    middle = sum(left_out) / len(left_out)
    variance = (len(left_out) - 1) / len(left_out) * sum((one - middle) ** 2 for one in left_out)
    return Pair(math.log(head / base), math.sqrt(variance), base / (2 * len(quads)), spread)
