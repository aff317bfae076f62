"""The statistics of the duet: base and head measured in turns, and whether the head is slower.

Two processes, one of each side, measure in short blocks, one after the other on the same CPU, in the order
head, base, base, head. Such a quad has the same weather on both sides, and a drift over it cancels out
(ABBA). The estimate of a pair of processes is the median over quads of the log ratio. Pairs differ by
more than their quads tell (where the memory of a process lies, its hash seed), so it takes several, and
the mean over them is judged by a t test whose variance is moderated (Smyth 2004).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from pytest_perfbudget.core.counts import COUNTS, most_allowed
from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.results import Recording
from pytest_perfbudget.core.slowdown import SlowdownTest
from pytest_perfbudget.core.weather import weighted_median

QUADS: Final = 64
"""Quads of a pair, if there is time for so many."""

PAIR_SPREAD: Final = 0.01
"""Standard deviation of a pair's log ratio beyond what its own quads tell; recorded pairs of identical code
have 0.4 to 1.6 %."""

SCREENING_ERROR: Final = 0.006
FRESH_ERROR: Final = 0.005
"""A pair goes on until its own quads tell it no worse, as long as there is time. Better ones gain nothing: what
pairs differ by is more."""

FEWEST_QUADS: Final = 8

_OFF_SHARE = 0.1
_OFF_SPREAD = 0.08
"""So many pairs have a process that is slow or fast for as long as it lives, and by so much, depending on where its
memory lies: of 109 recorded ones with a change of 10 % 12 were off by 4.5 to 25 %."""

_SLOWDOWN = 1.5
_LITTLE = math.log(0.3)
"""A test is cleared when it is so much less likely to be slower, by so many times the limit or more, than as fast."""

_SAYS_SOMETHING = 0.25
"""A pair so wide of the mark that it says nothing makes nobody suspect: one-sided p-value, of slower or faster."""

_PRIOR_DEGREES = 3.0
_QUAD_SPREAD = 0.02
_QUAD_DEGREES = 3.0
_LEAST_SPREAD = 0.001
_FIRM = 1.5
_HIDDEN = 0.1
_CLEARLY = 4.0
"""By how much, in log time and in standard errors, a mean has to be slower than a typical call. Of fewer quads than
`FEWEST_QUADS` none counts: with rounds that vary by half, four would call twice as many clean tests slower."""

_MEDIAN = math.sqrt(math.pi / 2)
"""The standard error of a median over that of a mean, of normal values."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What one pair of processes says: how much slower the head is, in log time.

    Attributes:
        log_ratio: the head's time over the base's.
        error: its standard error as far as the quads of this pair tell.
        base_ns: the time of a call of the base.
    """

    log_ratio: float
    std_error: float
    base_ns: float

    @property
    def weight(self) -> float:
        """How much it counts; 1 if its quads agree."""
        return PAIR_SPREAD**2 / (PAIR_SPREAD**2 + self.std_error**2)


def pair_of(head_ns: Mapping[int, float], base_ns: Mapping[int, float]) -> Pair | None:
    """Return what the blocks of a pair say; None if no turn has a block of both sides.

    Args:
        head_ns: the time of a call in the head's block of each turn; an even turn and the next make a quad.
        base_ns: the base's.
    """
    steps = {turn: math.log(head_ns[turn] / base_ns[turn]) for turn in sorted(head_ns.keys() & base_ns.keys())}
    quads = [(step + steps[turn + 1]) / 2 for turn, step in steps.items() if turn % 2 == 0 and turn + 1 in steps]
    quads = quads or list(steps.values())
    if not quads:
        return None
    middle = median(quads)
    deviation = 1.4826 * median(abs(quad - middle) for quad in quads)
    own = len(quads) - 1
    variance = (_QUAD_DEGREES * _QUAD_SPREAD**2 + own * deviation**2) / (_QUAD_DEGREES + own)
    return Pair(middle, _MEDIAN * math.sqrt(variance / len(quads)), median(base_ns.values()))


@dataclass(frozen=True, slots=True)
class PairRecording:
    """What both processes of a pair recorded of a measurement.

    Attributes:
        head: the head's recording.
        base: the base's.
        is_test_changed: whether the test itself is another one in the base.
    """

    head: Recording
    base: Recording
    is_test_changed: bool = False

    def pair(self) -> Pair | None:
        """Return what their blocks say; None if no turn has a block of both.

        The typical call of a turn, its lower quartile, has the least noise. It does not know a slowdown of fewer than
        three in four calls: if the mean does, and its quads agree on that, it is the mean that counts.
        """
        blocks = [dict(zip(one.turns, one.blocks, strict=True)) for one in (self.head, self.base)]
        typical = pair_of(*({turn: block.time_ns for turn, block in one.items()} for one in blocks))
        mean = pair_of(*({turn: max(block.mean_ns, 1.0) for turn, block in one.items()} for one in blocks))
        if typical is None or mean is None or len(blocks[0].keys() & blocks[1].keys()) < 2 * FEWEST_QUADS:
            return typical
        hidden = mean.log_ratio - typical.log_ratio
        return mean if hidden > max(_HIDDEN, _CLEARLY * mean.std_error) else typical

    def grew(self, metric: str, share: float) -> bool:
        """Return whether a count, `calls` or `peak`, is beyond what is allowed."""
        head, base = getattr(self.head, metric), getattr(self.base, metric)
        return head is not None and base is not None and head > most_allowed(metric, base, share)

    def has_grown(self, share: float) -> bool:
        """Return whether any count is."""
        return any(self.grew(metric, share) for metric in COUNTS)


@dataclass(frozen=True, slots=True)
class PairedSlowdownTest(SlowdownTest[Pair]):
    """Whether the head's time is beyond the base's by more than is allowed."""

    enough = 2.3
    """Three pairs as a rule."""

    def effect(self, runs: Sequence[Pair]) -> Effect:
        """See `SlowdownTest.effect`; runs are pairs."""
        log_ratio, huber_weights = _centre(runs)
        total = sum(one.weight * huber_weight for one, huber_weight in zip(runs, huber_weights, strict=True))
        among = sum(
            one.weight * (huber_weight * (one.log_ratio - log_ratio)) ** 2
            for one, huber_weight in zip(runs, huber_weights, strict=True)
        )
        dof = _PRIOR_DEGREES + len(runs) - 1
        variance = (_PRIOR_DEGREES * PAIR_SPREAD**2 + among) / dof
        if len(runs) > 1:
            variance = max(variance, among / (len(runs) - 1), _LEAST_SPREAD**2)
        return Effect(log_ratio, math.sqrt(variance / total), dof, len(runs), 0.0)

    def is_suspect(self, *runs: Pair) -> bool:
        """See `SlowdownTest.is_suspect`.

        Far too fast is suspect as well: one of the processes may be off, and then it has nothing to say of a
        slowdown.
        """
        p_value = self.effect(runs).p_slower
        return self._evidence(runs) > _LITTLE and min(p_value, 1 - p_value) < _SAYS_SOMETHING

    def is_hopeless(self, fresh: Sequence[Pair]) -> bool:
        """See `SlowdownTest.is_hopeless`. What the screening pair showed counts here; it has no part in the verdict."""
        return self._evidence([*([self.screening] if self.screening else []), *fresh]) < _LITTLE

    def _evidence(self, runs: Sequence[Pair]) -> float:
        """Return the log likelihood ratio of the likeliest slowdown that should be found, against none."""
        least = _SLOWDOWN * self.limit
        slowdowns = {max(one.log_ratio, least) for one in runs}
        p_slower = max(sum(_log_likelihood(one, by) for one in runs) for by in slowdowns)
        return p_slower - sum(_log_likelihood(one, 0.0) for one in runs)

    def before_ns(self, runs: Sequence[Pair]) -> float:
        """See `SlowdownTest.before_ns`."""
        return median(one.base_ns for one in runs)


def _log_likelihood(pair: Pair, log_ratio: float) -> float:
    """Return how likely a pair is if the head is slower by so much: a mixture, for some pairs are off."""
    spread = math.hypot(PAIR_SPREAD, pair.std_error)
    wide = math.hypot(spread, _OFF_SPREAD)
    usual, off = (math.exp(-(((pair.log_ratio - log_ratio) / one) ** 2) / 2) / one for one in (spread, wide))
    return math.log((1 - _OFF_SHARE) * usual + _OFF_SHARE * off + sys.float_info.min)


def _centre(runs: Sequence[Pair]) -> tuple[float, list[float]]:
    """Return the centre of pairs, and how firmly each counts.

    Huber's M-estimator: a process in twenty is 5 to 15 % off for as long as it lives, by where its memory lies, and
    such a pair counts as much as one at the edge.
    """
    huber_weights = [1.0] * len(runs)
    centre = weighted_median([one.log_ratio for one in runs], [one.weight for one in runs])
    for _ in range(20):
        residuals = [abs(one.log_ratio - centre) * math.sqrt(one.weight) for one in runs]
        scale = max(1.4826 * median(residuals), PAIR_SPREAD)
        huber_weights = [min(1.0, _FIRM * scale / max(residual, 1e-12)) for residual in residuals]
        parts = [one.weight * huber_weight for one, huber_weight in zip(runs, huber_weights, strict=True)]
        centre = sum(part * one.log_ratio for part, one in zip(parts, runs, strict=True)) / sum(parts)
    return centre, huber_weights
