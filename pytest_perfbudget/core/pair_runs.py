"""The runs of a test in a pair: what their places in memory, and their order, have to do with the time.

Each run places the data of the test elsewhere, and its estimate holds for that place. So a fresh pair has several runs,
whose estimates are averaged, and several pairs of a test are judged together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median, stdev
from typing import Final

from pytest_perfbudget.core.pairs import (
    CLEARLY,
    FEWEST_QUADS,
    HIDDEN,
    LOAD_SPREAD,
    PAIR_SPREAD,
    Pair,
    estimate,
    mean_pair,
    quad_numbers,
)
from pytest_perfbudget.core.recording import Recording

RUNS: Final = 2
MOST_RUNS: Final = 8
"""The number of runs of a test in a fresh pair, and the most if the runs of a pair differ. Each run places the data of
the test elsewhere in memory, which changes the speed of some code by 20 %, for as long as the data live. Clean pairs of
a single run differed by 16 % over scattered objects and by 6 % over numpy; with up to four runs by 5.0 and 2.9 %, then
5.7 and 3.7 %, and with up to eight shorter runs, in the same time, by 3.0 and 2.5 % (eight pairs each)."""

_DIFFERENT = 0.03
_CERTAINLY = 2.5
"""The difference between two runs, in log time and in standard errors, above which the places of the data matter."""

_FEWEST_GAPS = 3
_ALIKE = 3.0
"""The number of pairs from which on the gaps between their first and further runs may be alike, and the mean gap, in
standard deviations of the gaps and of the further runs, above which they are."""


def pair_of_recordings(*runs: tuple[Recording, Recording], base_is_first: bool = False) -> Pair | None:
    """Return the estimate from the recordings of both sides; None if no turn has a block on both sides.

    The typical call in a turn, its lower quartile, has the least noise, but misses a slowdown of fewer than three in
    four calls. If the mean shows such a slowdown and the quads agree, the mean counts. Both are averaged over several
    runs, each of which counts alike however many quads it has: else the place of the data in the longest run would look
    like rare calls.

    Args:
        runs: the recordings of head and base, for each run of the test in the pair.
        base_is_first: see `Pair`.
    """
    spread = LOAD_SPREAD if runs[0][0].load else PAIR_SPREAD
    times = [(_times(head), _times(base)) for head, base in runs]
    times = [one for one in times if one[0][0].keys() & one[1][0].keys()]
    if not times:
        return None
    typical, mean = (averaged([estimate(head[at], base[at], spread) for head, base in times]) for at in (0, 1))
    if sum(len(head[1].keys() & base[1].keys()) for head, base in times) < 2 * FEWEST_QUADS:
        return replace(typical, base_is_first=base_is_first)
    known = [one for one in times if len(quad_numbers(one[0][1], one[1][1])) > 1]
    of_mean = averaged([mean_pair(head[1], base[1], spread) for head, base in known])
    of_mean = replace(of_mean, base_is_first=base_is_first)
    hidden = mean.log_ratio - typical.log_ratio
    counts = mean if hidden > max(HIDDEN, CLEARLY * mean.std_error) else typical
    first = counts.first and replace(counts.first, mean=of_mean.first or of_mean, base_is_first=base_is_first)
    return replace(counts, mean=of_mean, base_is_first=base_is_first, first=first)


def _times(recording: Recording) -> tuple[dict[int, float], dict[int, float]]:
    """Return the times of the typical call and of the mean call, each by turn."""
    blocks = dict(zip(recording.turns, recording.blocks, strict=True))
    typical_ns = {turn: block.time_ns for turn, block in blocks.items()}
    return typical_ns, {turn: max(block.mean_ns, 1.0) for turn, block in blocks.items()}


def runs_differ(one: Pair, other: Pair) -> bool:
    """Return whether two runs of a test in a pair differ by more than their turns explain."""
    error = math.hypot(one.std_error, other.std_error)
    return abs(one.log_ratio - other.log_ratio) > max(_DIFFERENT, _CERTAINLY * error)


def judged_together(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs of a test as they are judged: with the error by the places of its data that all together show.

    The few runs of a pair may agree by chance. If the first runs differ from further runs in all pairs alike, they do
    so by their order and not by the places of the data: what a process does once, further runs do not show. Then the
    first runs count.
    """
    several = [one for one in pairs if one.first is not None]
    if len(several) >= _FEWEST_GAPS:
        gaps = [one.gap for one in several]
        apart = math.sqrt(fmean([one.apart**2 for one in several if one.apart] or [0.0]))
        if abs(fmean(gaps)) > max(_DIFFERENT, _ALIKE * stdev(gaps), _ALIKE * apart):
            return [one.first or one for one in pairs]
    places = math.sqrt(fmean(one.places**2 for one in pairs))
    return [replace(one, places=places) for one in pairs] if places else list(pairs)


def only_first_runs_look_slower(pairs: Sequence[Pair], limit: float) -> bool:
    """Return whether the first run looks slower than is allowed, and than the further runs, in all pairs.

    Args:
        pairs: the fresh pairs, at least one pair.
        limit: the allowed growth, in log time.
    """
    return all(one.first is not None and one.first.log_ratio > limit and one.gap > _DIFFERENT for one in pairs)


def may_be_slower_once(pairs: Sequence[Pair], limit: float) -> bool:
    """Return whether only first runs may be slower, and the pairs are too few yet to tell.

    Args:
        pairs: see `only_first_runs_look_slower`.
        limit: see there.
    """
    return len(pairs) < _FEWEST_GAPS and only_first_runs_look_slower(pairs, limit)


def averaged(runs: Sequence[Pair]) -> Pair:
    """Return the estimate from the typical calls of several runs, at least one run, of a test in one pair."""
    if len(runs) == 1:
        return runs[0]
    differ = any(runs_differ(runs[0], one) for one in runs[1:])
    further = [one.log_ratio for one in runs[1:]]
    return replace(
        runs[0],
        log_ratio=fmean(one.log_ratio for one in runs),
        std_error=math.sqrt(sum(one.std_error**2 for one in runs)) / len(runs),
        base_ns=median(one.base_ns for one in runs),
        places=stdev(one.log_ratio for one in runs) / math.sqrt(len(runs)) if differ else 0.0,
        first=runs[0],
        gap=runs[0].log_ratio - fmean(further),
        apart=stdev(further) if len(further) > 1 else 0.0,
    )
