"""Distribution-free verdicts on a quantile, from the binomial count of rounds above the limit.

A quantile of share q lies above the limit exactly if more than 1 - q of all calls do. So the count of rounds above the
limit is sufficient, whatever the distribution. This count is a binomial walk, with step probability 1 - q in the worst
case. The walk is looked at on a fixed schedule. The boundaries are computed by exact recursion over the walk, so the
probability of crossing a boundary by mistake at any look stays within the stated error (alpha spending: Lan and DeMets
1983, Biometrika 70; recursion: Armitage, McPherson and Rowe 1969, JRSS A 132). Conversely, each boundary corresponds to
an order statistic; these order statistics are the confidence bounds in the decision.

The rounds are assumed to be independent draws from the present behaviour of this process on this machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult
from pytest_perfbudget.core.samples import quantile

MOST_ROUNDS = 20_000
"""The number of rounds after which a limit is called too close to decide: by then the estimate is within a fraction of
a per cent of the limit."""

_GROWTH = 1.2
_NEGLIGIBLE = 1e-18


class Look(NamedTuple):
    """A look at `rounds` rounds, with the boundaries for the number of rounds above the limit.

    The verdict is `within` if this number is at most `within_at_most`, `exceeded` if it is at least
    `exceeded_at_least`.
    """

    rounds: int
    within_at_most: int
    exceeded_at_least: int


def rounds_to_bound(share: float, error: float) -> int:
    """Return the fewest rounds whose maximum bounds the quantile from above: 59 for p95 at 5 %."""
    return math.ceil(math.log(error) / math.log(share) - 1e-9)


def _binomial(trials: int, probability: float) -> tuple[int, list[float]]:
    """Return (first count, probabilities) of a binomial distribution, with negligible tails cut off."""
    # Written out, because importing scipy costs a quarter of a second, too long for a budget that is soon cleared; a
    # test compares the result with scipy.
    mode = int((trials + 1) * probability)
    log_mode = (
        math.lgamma(trials + 1)
        - math.lgamma(mode + 1)
        - math.lgamma(trials - mode + 1)
        + mode * math.log(probability)
        + (trials - mode) * math.log1p(-probability)
    )
    odds = probability / (1 - probability)
    below = [math.exp(log_mode)]
    for count in range(mode, 0, -1):
        below.append(below[-1] * count / ((trials - count + 1) * odds))
        if below[-1] < _NEGLIGIBLE:
            break
    above = [below[0]]
    for count in range(mode, trials):
        above.append(above[-1] * (trials - count) / (count + 1) * odds)
        if above[-1] < _NEGLIGIBLE:
            break
    return mode - len(below) + 1, below[:0:-1] + above


class _Walk:
    """The distribution of the count over the paths that have crossed no boundary yet."""

    def __init__(self, probability: float) -> None:
        self.probability = probability
        self.rounds = 0
        self.first = 0
        self.mass = [1.0]
        self.spent = 0.0

    def advance(self, rounds: int) -> None:
        step_first, step = _binomial(rounds - self.rounds, self.probability)
        after = [0.0] * (len(self.mass) + len(step) - 1)
        for offset, here in enumerate(self.mass):
            if here > _NEGLIGIBLE:
                for further, share in enumerate(step, start=offset):
                    after[further] += here * share
        self.first += step_first
        self.rounds = rounds
        self.mass = after

    def stop_low(self, allowed: float) -> int:
        """Absorb the lowest counts while the error spent is allowed; return the highest absorbed count."""
        taken = 0
        while taken < len(self.mass) - 1 and self.spent + self.mass[taken] <= allowed:
            self.spent += self.mass[taken]
            taken += 1
        del self.mass[:taken]
        self.first += taken
        return self.first - 1

    def stop_high(self, allowed: float) -> int:
        """Absorb the highest counts while the error spent is allowed; return the lowest absorbed count.

        Counts above those that remain are reached only by paths whose error an earlier look has already spent. So these
        counts cost no error, and they must count, because that earlier look may have come too early to decide.
        """
        while len(self.mass) > 1 and self.spent + self.mass[-1] <= allowed:
            self.spent += self.mass.pop()
        return self.first + len(self.mass)


class Schedule:
    """The looks for one quantile, computed as far as they are requested.

    An `ample` schedule expects time for more than the first look at `within`, and keeps half of that error for later
    looks. The other schedule spends as much error as the fewest possible rounds take.
    """

    def __init__(self, share: float, errors: Errors, *, ample: bool) -> None:
        fewest = rounds_to_bound(share, errors.within)
        self._opening = rounds_to_bound(share, errors.within / 2) if ample else fewest
        self.rounds = _look_rounds(fewest, self._opening)
        self._ample = ample
        self._computed: list[Look] = []
        self._boundaries = self._compute(share, errors)

    def upto(self, rounds: int) -> Iterator[Look]:
        """Yield the looks at up to `rounds` rounds, ascending."""
        for index, at in enumerate(self.rounds):
            if at > rounds:
                return
            if index == len(self._computed):
                self._computed.append(next(self._boundaries))
            yield self._computed[index]

    def _compute(self, share: float, errors: Errors) -> Iterator[Look]:
        low, high = _Walk(1 - share), _Walk(1 - share)
        for at in self.rounds:
            low.advance(at)
            high.advance(at)
            within_at_most = -1
            if at >= self._opening:
                later = 1 - (self._opening / at) ** 0.5
                within_at_most = low.stop_low(errors.within * (0.5 + 0.5 * later if self._ample else 1))
            # Much of the error is spent early, so that two slow rounds already suffice to show that a p95 is exceeded.
            later = 1 - (self.rounds[0] / at) ** 0.25
            yield Look(at, within_at_most, high.stop_high(errors.exceeded * (0.3 + 0.7 * later)))


def _look_rounds(fewest: int, opening: int) -> tuple[int, ...]:
    most = max(MOST_ROUNDS, 2 * fewest)
    grid = {opening, most}
    rounds = 2.0
    while rounds * _GROWTH**0.5 <= most:
        grid.add(round(rounds))
        rounds = max(rounds + 1, rounds * _GROWTH)
    # There is no look between `fewest` and `opening`: a first look at `within` could spend no error there.
    return tuple(sorted(grid - set(range(fewest, opening))))


@lru_cache(maxsize=32)
def schedule(share: float, errors: Errors, *, ample: bool) -> Schedule:
    """Return the looks for a quantile, computed once for all tests."""
    return Schedule(share, errors, ample=ample)


def fixed_look(share: float, errors: Errors, rounds: int) -> Look:
    """Return the boundaries of a single look, at a number of rounds that was set elsewhere."""
    low, high = _Walk(1 - share), _Walk(1 - share)
    low.advance(rounds)
    high.advance(rounds)
    return Look(rounds, low.stop_low(errors.within), high.stop_high(errors.exceeded))


@dataclass(frozen=True)
class QuantileCriterion:
    """The criterion for the quantile at `share`.

    `planned_rounds` is the number of rounds that were expected to fit into the time allowed, before the first round. It
    only chooses between two schedules, each of which keeps its error probabilities whenever the measurement ends. None
    means that the number of rounds was set elsewhere: then the only look is at the end.
    """

    share: float
    errors: Errors
    planned_rounds: int | None

    def looks(self) -> Sequence[int]:
        """Return the rounds of the schedule; none if there is only the end."""
        return () if self.planned_rounds is None else self._schedule(self.planned_rounds).rounds

    def decide(
        self, values: Sequence[float], limit: float, *, final: bool, earliest_exceeded: int = 0
    ) -> CriterionResult:
        """See `Criterion.decide`."""
        last: Look | None = None
        above = counted = 0
        for look in self._looks_at(values, final=final):
            above += sum(value > limit for value in values[counted : look.rounds])
            counted = look.rounds
            closing = final and look.rounds == self._last_look(values)
            if above <= look.within_at_most:
                return self._decision(BudgetVerdict.WITHIN, values, look)
            if above >= look.exceeded_at_least and (closing or look.rounds >= earliest_exceeded):
                return self._decision(BudgetVerdict.EXCEEDED, values, look)
            last = look
        return self._decision(BudgetVerdict.UNDECIDED, values, last)

    def _looks_at(self, values: Sequence[float], *, final: bool) -> Iterator[Look]:
        if self.planned_rounds is not None:
            yield from self._schedule(self.planned_rounds).upto(len(values))
        elif final and values:
            yield fixed_look(self.share, self.errors, len(values))

    def _last_look(self, values: Sequence[float]) -> int:
        if self.planned_rounds is None:
            return len(values)
        return max((at for at in self.looks() if at <= len(values)), default=0)

    def _schedule(self, planned_rounds: int) -> Schedule:
        ample = planned_rounds >= 3 * rounds_to_bound(self.share, self.errors.within)
        return schedule(self.share, self.errors, ample=ample)

    def _decision(self, verdict: BudgetVerdict, values: Sequence[float], look: Look | None) -> CriterionResult:
        seen = sorted(values[: look.rounds] if look and verdict is not BudgetVerdict.UNDECIDED else values)
        lower = upper = None
        if look:
            ordered = sorted(values[: look.rounds])
            if look.exceeded_at_least <= look.rounds:
                lower = ordered[look.rounds - look.exceeded_at_least]
            if look.within_at_most >= 0:
                upper = ordered[look.rounds - look.within_at_most - 1]
        needs = rounds_to_bound(self.share, self.errors.within)
        return CriterionResult(verdict, quantile(seen, self.share), lower, upper, len(seen), needs)
