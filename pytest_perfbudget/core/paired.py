"""The statistics of the duet: base and head are measured in turns, and a test decides whether the head is slower.

Two processes, one of each side, measure short blocks one after the other on the same CPU, in the order head, base,
base, head. Both sides of such a quad have the same weather, and a drift over the quad cancels out (ABBA). The estimate
from a pair of processes is the median of the log ratio over quads. Pairs differ by more than their quads show, because
of the place of a process's memory and because of its hash seed. So several pairs are needed, and their robust mean is
judged by a t test whose variance is moderated (Smyth 2004).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.measurement import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.robust import MAD, huber_centre
from pytest_perfbudget.core.slowdown import MOST_FRESH, SlowdownTest

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

_OFF_SHARE = 0.1
_OFF_SPREAD = 0.08
"""The share of pairs with a process that is slow or fast throughout its life, depending on the place of its memory, and
the spread of such pairs in log time. Of 109 recorded pairs with a change of 10 %, 12 were off by 4.5 to 25 %."""

_SLOWDOWN = 1.5
_LITTLE = math.log(0.3)
"""A test is cleared if the log likelihood ratio of its likeliest slowdown against no slowdown is below `_LITTLE`. Only
slowdowns of at least `_SLOWDOWN` times the limit are considered."""

_SAYS_SOMETHING = 0.25
"""A pair whose one-sided p-value is above this in both directions, slower and faster, is too noisy to raise
suspicion."""

_PRIOR_DEGREES = 3.0
_QUAD_SPREAD = 0.02
_QUAD_DEGREES = 3.0
_LEAST_SPREAD = 0.001
_TUNING = 1.5
"""The tuning constant of Huber's estimator over pairs: one process in twenty is 5 to 15 % off throughout its life,
depending on the place of its memory, and such an outlier counts as much as a pair at the edge."""

_HIDDEN = 0.1
_CLEARLY = 4.0
"""The slowdown in the mean beyond that in the typical call, in log time and in standard errors, above which the mean
counts. With fewer quads than `FEWEST_QUADS` no mean counts: if rounds vary by half, means over four quads would call
twice as many clean tests slower."""

_UNCLEARLY = 2.0
"""The same, in standard errors of the jackknife, above which a test is suspect, and no result says `unchanged`."""

_MEDIAN = math.sqrt(math.pi / 2)
"""The standard error of a median divided by that of a mean, for normal values."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The estimate from one pair of processes: how much slower the head is, in log time.

    Attributes:
        log_ratio: the logarithm of the head's time divided by the base's time.
        std_error: the standard error of the log ratio, as far as the quads of this pair show.
        base_ns: the time of a call in the base, in ns.
        spread: the standard deviation of the log ratio between pairs of identical code.
        mean: the estimate from the mean call over all quads, whose standard error is that of the jackknife; None for
            an estimate of the mean call, and where there are too few quads.
    """

    log_ratio: float
    std_error: float
    base_ns: float
    spread: float = PAIR_SPREAD
    mean: Pair | None = None

    @property
    def weight(self) -> float:
        """The weight of the pair; 1 if its quads agree."""
        return self.spread**2 / (self.spread**2 + self.std_error**2)


def pair_of(head_ns: Mapping[int, float], base_ns: Mapping[int, float], spread: float = PAIR_SPREAD) -> Pair | None:
    """Return the estimate from the blocks of a pair; None if no turn has a block on both sides.

    Args:
        head_ns: the time of a call in the head's block, by turn; an even turn and the next turn make a quad.
        base_ns: the time of a call in the base's block, by turn.
        spread: see `Pair`.
    """
    steps = {turn: math.log(head_ns[turn] / base_ns[turn]) for turn in sorted(head_ns.keys() & base_ns.keys())}
    quads = [(step + steps[turn + 1]) / 2 for turn, step in steps.items() if turn % 2 == 0 and turn + 1 in steps]
    quads = quads or list(steps.values())
    if not quads:
        return None
    middle = median(quads)
    deviation = MAD * median(abs(quad - middle) for quad in quads)
    own = len(quads) - 1
    variance = (_QUAD_DEGREES * _QUAD_SPREAD**2 + own * deviation**2) / (_QUAD_DEGREES + own)
    return Pair(middle, _MEDIAN * math.sqrt(variance / len(quads)), median(base_ns.values()), spread)


def pair_of_recordings(head: Recording, base: Recording) -> Pair | None:
    """Return the estimate from the recordings of both sides; None if no turn has a block on both sides.

    The typical call in a turn, its lower quartile, has the least noise, but misses a slowdown of fewer than three in
    four calls. If the mean shows such a slowdown and the quads agree, the mean counts.
    """
    blocks = [dict(zip(one.turns, one.blocks, strict=True)) for one in (head, base)]
    spread = LOAD_SPREAD if head.load else PAIR_SPREAD
    typical_ns = [{turn: block.time_ns for turn, block in one.items()} for one in blocks]
    mean_ns = [{turn: max(block.mean_ns, 1.0) for turn, block in one.items()} for one in blocks]
    typical, mean = (pair_of(one[0], one[1], spread) for one in (typical_ns, mean_ns))
    if typical is None or mean is None or len(blocks[0].keys() & blocks[1].keys()) < 2 * FEWEST_QUADS:
        return typical
    over_all = _mean_pair(mean_ns[0], mean_ns[1], spread)
    hidden = mean.log_ratio - typical.log_ratio
    counts = mean if hidden > max(_HIDDEN, _CLEARLY * mean.std_error) else typical
    return replace(counts, mean=over_all)


def _mean_pair(head_ns: Mapping[int, float], base_ns: Mapping[int, float], spread: float) -> Pair:
    """Return the estimate from the means over all quads.

    These show calls that are so rare that the typical quad has none of them. The standard error is that of the
    delete-one jackknife over quads (Efron and Stein 1981, Annals of Statistics 9, 586-596).
    """
    quads = sorted({turn // 2 for turn in head_ns.keys() & base_ns.keys()})
    sums = [
        [sum(one.get(turn, 0.0) for turn in (2 * quad, 2 * quad + 1)) for quad in quads] for one in (head_ns, base_ns)
    ]
    head, base = (sum(one) for one in sums)
    left_out = [math.log((head - own) / (base - other)) for own, other in zip(*sums, strict=True)]
    middle = sum(left_out) / len(left_out)
    variance = (len(left_out) - 1) / len(left_out) * sum((one - middle) ** 2 for one in left_out)
    return Pair(math.log(head / base), math.sqrt(variance), base / (2 * len(quads)), spread)


@dataclass(frozen=True, slots=True)
class PairedSlowdownTest(SlowdownTest[Pair]):
    """The test, by pairs, of whether the head's time exceeds the base's time by more than the allowed slowdown."""

    enough = 2.3
    """The sum of weights at which fresh pairs decide: three pairs as a rule."""

    def effect(self, runs: Sequence[Pair]) -> Effect:
        """See `SlowdownTest.effect`; runs are pairs."""
        spread = runs[0].spread
        centre = huber_centre(
            [one.log_ratio for one in runs], [one.weight for one in runs], tuning=_TUNING, least_scale=spread
        )
        total = sum(one.weight * part for one, part in zip(runs, centre.huber_weights, strict=True))
        dof = _PRIOR_DEGREES + len(runs) - 1
        variance = (_PRIOR_DEGREES * spread**2 + centre.squares) / dof
        if len(runs) > 1:
            variance = max(variance, centre.squares / (len(runs) - 1), _LEAST_SPREAD**2)
        return Effect(centre.value, math.sqrt(variance / total), dof, len(runs), 0.0)

    def is_suspect(self, *runs: Pair) -> bool:
        """See `SlowdownTest.is_suspect`.

        A pair in which the head is far too fast is suspect as well: one of its processes may be off, and then the pair
        says nothing about a slowdown.
        """
        if self._hides_rare_calls(runs):
            return True
        p_value = self.effect(runs).p_slower
        return self._evidence(runs) > _LITTLE and min(p_value, 1 - p_value) < _SAYS_SOMETHING

    def is_hopeless(self, fresh: Sequence[Pair]) -> bool:
        """See `SlowdownTest.is_hopeless`. The screening pair counts here, although it has no part in the verdict."""
        runs = [*([self.screening] if self.screening else []), *fresh]
        return self._evidence(runs) < _LITTLE and not self._hides_rare_calls(runs)

    def _evidence(self, runs: Sequence[Pair]) -> float:
        """Return the log likelihood ratio of the likeliest slowdown that should be found, against no slowdown."""
        least = _SLOWDOWN * self.limit
        slowdowns = {max(one.log_ratio, least) for one in runs}
        slower = max(sum(_log_likelihood(one, by) for one in runs) for by in slowdowns)
        return slower - sum(_log_likelihood(one, 0.0) for one in runs)

    def screened(self, *runs: Pair) -> RegressionResult:
        """See `SlowdownTest.screened`; a mean that may hide a slowdown of rare calls leaves the result undecided."""
        return self._doubted(SlowdownTest.screened(self, *runs), runs)

    def confirmed(self, fresh: Sequence[Pair]) -> RegressionResult:
        """See `SlowdownTest.confirmed`; if the typical call is not slower, the mean call decides.

        The mean call is judged only where the difference between mean and typical call is certain, so that its test
        adds little to the probability of a false `regressed`.
        """
        found = SlowdownTest.confirmed(self, fresh)
        means = _means(fresh)
        if found.verdict is not RegressionVerdict.REGRESSED and self._hides_rare_calls(fresh, _CLEARLY):
            by_mean = SlowdownTest.confirmed(self, means)
            if by_mean.verdict is RegressionVerdict.REGRESSED:
                return replace(by_mean, reason="the mean call counts: rare calls are slower, the typical call is not")
        return self._doubted(found, fresh)

    def needs_fresh(self, fresh: Sequence[Pair]) -> bool:
        """See `SlowdownTest.needs_fresh`; the mean call gets a second look as the typical call does."""
        if SlowdownTest.needs_fresh(self, fresh):
            return True
        is_open = len(fresh) < MOST_FRESH and self._hides_rare_calls(fresh)
        return is_open and self.confirmed(fresh).verdict is not RegressionVerdict.REGRESSED

    def _hides_rare_calls(self, runs: Sequence[Pair], errors: float = _UNCLEARLY) -> bool:
        """Return whether the mean call has grown beyond the limit and more than the typical call, by rare calls.

        Args:
            runs: the pairs.
            errors: the number of standard errors by which the growth has to differ.
        """
        means = _means(runs)
        if not means:
            return False
        mean = self.effect(means)
        hidden = mean.log_ratio - self.effect(runs).log_ratio
        return mean.log_ratio > self.limit and hidden > max(_HIDDEN, errors * mean.std_error)

    def _doubted(self, found: RegressionResult, runs: Sequence[Pair]) -> RegressionResult:
        if found.verdict is RegressionVerdict.REGRESSED or not self._hides_rare_calls(runs):
            return found
        slower = math.expm1(self.effect(_means(runs)).log_ratio)
        why = (
            f"the typical call is not slower, but the mean call looks {100 * slower:.0f} % slower, by rare calls, "
            "which may be chance: measure the rare case by itself, or raise max_time"
        )
        return replace(found, verdict=RegressionVerdict.UNDECIDED, reason=why)

    def before_ns(self, runs: Sequence[Pair]) -> float:
        """See `SlowdownTest.before_ns`."""
        return median(one.base_ns for one in runs)


def _means(runs: Sequence[Pair]) -> list[Pair]:
    """Return the estimates from the mean call of all pairs; none if a pair has none."""
    means = [one.mean for one in runs if one.mean is not None]
    return means if len(means) == len(runs) else []


def _log_likelihood(pair: Pair, log_ratio: float) -> float:
    """Return the log likelihood of a pair if the head is slower by `log_ratio`.

    The likelihood is a mixture, because some pairs are off.
    """
    spread = math.hypot(pair.spread, pair.std_error)
    wide = math.hypot(spread, _OFF_SPREAD)
    usual, off = (math.exp(-(((pair.log_ratio - log_ratio) / one) ** 2) / 2) / one for one in (spread, wide))
    return math.log((1 - _OFF_SHARE) * usual + _OFF_SHARE * off + sys.float_info.min)
