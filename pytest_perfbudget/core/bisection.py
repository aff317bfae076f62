"""The search for the first slow commit among commits whose times are known from noisy comparisons.

The commits stand in a row: position 0 is good, the last position is bad, and each other commit follows the commit
before it. Every comparison estimates how much slower bad is than one commit. A commit before the slowdown shows the
whole difference between good and bad, later commits show none; the midpoint between these two levels decides. A
comparison may be wrong, so it shifts the probability of each position (Burnashev and Zigangirov 1974, Problems of
Information Transmission 10, 223-231) instead of ruling out half of the commits, and a commit on which the result
depends is compared again.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_perfbudget.core.early_look import OFF_SHARE, OFF_SPREAD
from pytest_perfbudget.core.pairs import PAIR_SPREAD
from pytest_perfbudget.core.results import RegressionResult

CONFIDENCE: Final = 0.99
"""The probability with which the named commits contain the first slow commit."""

MOST_FIRST: Final = 3
"""The largest number of comparisons of bad with good that precede the search."""

SMALLEST: Final = 0.02
"""The smallest slowdown, as a share, for which bad is compared with good again while a comparison leaves it open."""

MOST_EACH: Final = 4
"""The number of comparisons after which a commit is not compared again: its time lies between the two levels."""

_LIKELY: Final = 0.95
"""The probability from which the comparisons of a commit show its level."""

_LEVEL_SHARE: Final = 0.15
"""The spread of the commits of a level, as a share of the difference between the levels: other commits change the time,
too."""

_ROBUST: Final = 3
"""The number of pairs from which the estimate of a comparison withstands a pair that is off."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much slower bad is than a commit, in log time.

    Attributes:
        log_ratio: the logarithm of bad's time divided by the commit's time.
        std_error: the standard error of the log ratio.
        lower: the lower bound of the two-sided 95 % interval.
        upper: the upper bound of this interval.
        pairs: the number of pairs of processes that the estimate is from.
    """

    log_ratio: float
    std_error: float
    lower: float
    upper: float
    pairs: int = 1

    @classmethod
    def from_result(cls, change: RegressionResult) -> Estimate:
        """Return the estimate of a comparison with bad as the head.

        Raises:
            ValueError: the comparison has no number.
        """
        if not change.ratio or not change.lower or not change.upper or not change.log_std_error:
            message = f"no estimate: {change.verdict.value}"
            raise ValueError(message)
        return cls(
            math.log(change.ratio),
            change.log_std_error,
            math.log(change.lower),
            math.log(change.upper),
            max(change.runs, 1),
        )

    @property
    def is_off(self) -> float:
        """The probability that processes which are slow or fast for life decide the estimate."""
        return OFF_SHARE if self.pairs < _ROBUST else OFF_SHARE**2


class Answer(enum.Enum):
    """The answer to the question whether bad is slower than good."""

    SLOWER = "slower"
    NOT_SLOWER = "not slower"
    UNDECIDED = "undecided"


class Level(enum.Enum):
    """The level of a commit's time: that of good, or that of bad."""

    FAST = "fast"
    SLOW = "slow"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search: the positions that may have the first slow commit.

    Attributes:
        first: the first of these positions; 0 if good itself is as slow as bad.
        last: the last of them; equal to `first` if the commit is known.
        slowdown: how much slower the commit at `last` is than the commit before `first`, in log time; None if the two
            were not compared.
    """

    first: int
    last: int
    slowdown: Estimate | None


def is_bad_slower(estimates: Sequence[Estimate]) -> Answer:
    """Return whether bad is slower than good: the question before any search.

    Args:
        estimates: the comparisons of bad with good so far, at least one.
    """
    found = pooled(estimates)
    if found.lower > 0:
        return Answer.SLOWER
    is_settled = found.upper < math.log1p(SMALLEST) or len(estimates) >= MOST_FIRST
    return Answer.NOT_SLOWER if is_settled else Answer.UNDECIDED


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of estimates for a commit, each weighted by its precision."""
    weights = [1 / one.std_error**2 for one in estimates]
    total = sum(weights)
    centre = sum(weight * one.log_ratio for weight, one in zip(weights, estimates, strict=True)) / total
    shares = [weight / total for weight in weights]
    below, above = (
        math.hypot(
            *(share * abs(bound - one.log_ratio) for share, one, bound in zip(shares, estimates, ends, strict=True))
        )
        for ends in ([one.lower for one in estimates], [one.upper for one in estimates])
    )
    return Estimate(centre, 1 / math.sqrt(total), centre - below, centre + above, sum(one.pairs for one in estimates))


@dataclass(frozen=True, slots=True)
class Bisection:
    """The state of a search; each comparison makes a new state.

    Attributes:
        last: the position of bad.
        gap: the difference between the levels, in log time, above 0.
        estimates: the comparisons of each position, from the first to the latest.
        skipped: the positions of commits that cannot be measured.
    """

    last: int
    gap: float
    estimates: Mapping[int, Sequence[Estimate]]
    skipped: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def begin(cls, last: int, estimates: Sequence[Estimate]) -> Bisection:
        """Return the state before the first step.

        Args:
            last: the position of bad, which is the number of commits after good.
            estimates: the comparisons of bad with good, by which bad is slower.
        """
        return cls(last, pooled(estimates).log_ratio, {0: list(estimates)})

    def compared(self, at: int, estimate: Estimate) -> Bisection:
        """Return the state after a comparison of bad with the commit at a position."""
        return replace(self, estimates={**self.estimates, at: [*self.estimates.get(at, ()), estimate]})

    def without(self, at: int) -> Bisection:
        """Return the state in which the commit at a position cannot be measured."""
        return replace(self, skipped=self.skipped | {at})

    def level(self, at: int) -> Level:
        """Return the level of a commit that has been compared, by its own comparisons only."""
        fast, slow = self._log_likelihoods(at)
        if abs(fast - slow) < math.log(_LIKELY / (1 - _LIKELY)):
            return Level.UNDECIDED
        return Level.FAST if fast > slow else Level.SLOW

    def next(self) -> int | None:
        """Return the position to compare next; None if no further comparison would change the result.

        The position halves the probability, as far as its commit is likely to run: the neighbours of a commit that
        does not run are likely not to run either.
        """
        up_to = self._up_to()
        doubts = {
            at: min(up_to[at], 1 - up_to[at])
            for at in range(self.last)
            if at not in self.skipped and len(self.estimates.get(at, ())) < MOST_EACH
        }
        open_ones = {at: doubt for at, doubt in doubts.items() if doubt > (1 - CONFIDENCE) / 2}
        return max(open_ones, key=lambda at: (open_ones[at] * self._runs(at), -at), default=None)

    def found(self) -> Found:
        """Return the positions that contain the first slow commit with the stated confidence."""
        up_to = self._up_to()
        error = (1 - CONFIDENCE) / 2
        first = next((at for at in range(self.last) if up_to[at] > error), self.last)
        last = next((at for at in range(self.last) if up_to[at] >= 1 - error), self.last)
        # A commit that cannot be measured and its successor are told apart by nothing.
        while first and first - 1 in self.skipped:
            first -= 1
        while last in self.skipped:
            last += 1
        return Found(first, last, self._between(first - 1, last))

    def _between(self, fast: int, slow: int) -> Estimate | None:
        """Return how much slower the commit at one position is than the commit at an earlier position."""
        if fast not in self.estimates or (slow != self.last and slow not in self.estimates):
            return None
        before = pooled(self.estimates[fast])
        if slow == self.last:
            return before
        after = pooled(self.estimates[slow])
        centre = before.log_ratio - after.log_ratio
        below = math.hypot(before.log_ratio - before.lower, after.upper - after.log_ratio)
        above = math.hypot(before.upper - before.log_ratio, after.log_ratio - after.lower)
        error = math.hypot(before.std_error, after.std_error)
        return Estimate(centre, error, centre - below, centre + above, before.pairs + after.pairs)

    def _up_to(self) -> list[float]:
        """Return for each position the probability that its commit is slow: the slowdown came with it or before it."""
        fast, slow = zip(*(self._log_likelihoods(at) for at in range(self.last)), strict=True)
        # The slowdown at position k: the commits before k are fast, the others slow.
        logs = [sum(slow)]
        for at in range(self.last):
            logs.append(logs[-1] + fast[at] - slow[at])
        most = max(logs)
        weights = [math.exp(one - most) for one in logs]
        total, sums = sum(weights), 0.0
        found = []
        for weight in weights:
            sums += weight
            found.append(sums / total)
        return found

    def _log_likelihoods(self, at: int) -> tuple[float, float]:
        """Return the log likelihoods of a fast and of a slow commit at a position."""
        estimates = self.estimates.get(at, ())
        fast, slow = (sum(self._log_likelihood(one, level) for one in estimates) for level in (self.gap, 0.0))
        return fast, slow

    def _log_likelihood(self, estimate: Estimate, level: float) -> float:
        # A time beyond one of the levels belongs to this level all the same.
        distance = min(max(estimate.log_ratio, 0.0), self.gap) - level
        usual = math.hypot(estimate.std_error, _LEVEL_SHARE * self.gap)
        wide = math.hypot(usual, OFF_SPREAD * PAIR_SPREAD)
        as_usual, off = (math.exp(-((distance / one) ** 2) / 2) / one for one in (usual, wide))
        return math.log((1 - estimate.is_off) * as_usual + estimate.is_off * off)

    def _runs(self, at: int) -> float:
        """Return how likely a commit runs, by its distance from commits that do not."""
        if at in self.estimates:
            return 1.0
        nearest = min((abs(at - one) for one in self.skipped), default=None)
        return 1.0 if nearest is None else nearest / (nearest + 1)
