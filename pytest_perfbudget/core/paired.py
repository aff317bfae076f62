"""The test of the duet: several pairs of processes decide whether the head is slower than the base.

Pairs differ by more than their quads show, because of the place of a process's memory and because of its hash seed. So
several pairs are needed, and their robust mean is judged by a t test whose variance is moderated (Smyth 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

from pytest_perfbudget.core.early_look import (
    EARLY_LOOKS,
    EARLY_SHARE,
    MODES,
    bounds_by_all,
    least_beyond,
    p_all_beyond,
)
from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.pair_effect import effect_of_pairs
from pytest_perfbudget.core.pair_evidence import evidence, hides_rare_calls, mean_pairs
from pytest_perfbudget.core.pair_rules import LONG_NS, PairRules
from pytest_perfbudget.core.pair_runs import judged_together, may_be_slower_once, only_first_runs_look_slower
from pytest_perfbudget.core.pairs import CLEARLY, Pair
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.shared_pairs import credible, is_contradicted
from pytest_perfbudget.core.slowdown import LOOKS, MOST_FRESH, SURE, SlowdownTest

_LITTLE = math.log(0.1)
"""A test is cleared if the log likelihood ratio of its likeliest slowdown against no slowdown is below `_LITTLE`."""

_TOO_LITTLE = math.log(0.05)
"""The same for further pairs of a suspect, which end below this log likelihood ratio."""

_LITTLE_OF_LOAD = math.log(0.3)
"""Both for a load, of which a further pair takes as long as the load."""

_SAYS_SOMETHING = 0.25
"""A pair whose one-sided p-value is above this in both directions, slower and faster, is too noisy to raise
suspicion."""

_SPARSE_LOOK, _SPARSE_LOOK_AGAIN = 3, 6
"""The numbers of fresh pairs at which pairs of so few quads are looked at that ten of them, or six of long calls, will
not be `enough`. The second of these looks has the part of alpha of the last look, which such pairs do not have."""

LAST_LOOK: Final = 20
LAST_SHARE: Final = 0.1
"""The number of fresh pairs at the last look, which comes only if ten pairs look slower and cannot tell that from
noise, and its share of alpha. Loads, and calls that take longer than `LONG_NS`, have no such look: their pairs take
long."""


_SLOWER_ONCE: Final = (
    "the first run of the test in each process looks slower, further runs do not: what a process does only once may be "
    "slower, or it is chance; measure that case by itself"
)


@dataclass(frozen=True, slots=True)
class PairedSlowdownTest(SlowdownTest[Pair]):
    """The test, by pairs, of whether the head's time exceeds the base's time by more than the allowed slowdown.

    Attributes:
        is_screened_by_pair: whether the screening run is a pair, which tells about the head as a fresh pair does.
    """

    enough = 3.1
    """The sum of weights at which fresh pairs decide: four pairs as a rule, two of them with the base first."""

    is_screened_by_pair: bool = field(default=True, kw_only=True)

    @property
    def alpha_per_look(self) -> float:
        """See `SlowdownTest.alpha_per_look`; the early looks and the last look have their parts of alpha first."""
        return self.alpha * (1 - EARLY_SHARE) * (1 - LAST_SHARE) / LOOKS

    def alpha_after(self, number: int) -> float:
        """See `SlowdownTest.alpha_after`."""
        return self.alpha_per_look if number <= MOST_FRESH else self._alpha_of_last_look

    @property
    def _alpha_of_last_look(self) -> float:
        return self.alpha * (1 - EARLY_SHARE) * LAST_SHARE

    @property
    def most_fresh(self) -> int:
        """See `SlowdownTest.most_fresh`."""
        has_last_look = self.screening is not None and not self.screening.is_of_load and not self._is_long
        return LAST_LOOK if has_last_look else MOST_FRESH

    @property
    def _is_long(self) -> bool:
        screening = self.screening
        return screening is not None and not screening.is_of_load and screening.base_ns > LONG_NS

    @property
    def rules(self) -> PairRules:
        """The rules by which the pairs of this measurement end."""
        return PairRules(self.limit)

    def effect(self, runs: Sequence[Pair]) -> Effect:
        """See `SlowdownTest.effect`; runs are pairs."""
        return effect_of_pairs(runs)

    def is_suspect(self, *runs: Pair) -> bool:
        """See `SlowdownTest.is_suspect`.

        A pair in which the head is far too fast is suspect as well: one of its processes may be off, and then the pair
        says nothing about a slowdown.
        """
        if hides_rare_calls(runs, self.limit):
            return True
        p_value = self.effect(runs).p_slower
        little = _LITTLE_OF_LOAD if runs[0].is_of_load else _LITTLE
        return evidence(runs, self.limit) > little and min(p_value, 1 - p_value) < _SAYS_SOMETHING

    def is_hopeless(self, fresh: Sequence[Pair]) -> bool:
        """See `SlowdownTest.is_hopeless`. The screening pair counts here, although it has no part in the verdict.

        The likelihood does not know the order of the pairs. Where the effect is slower nonetheless, an end here would
        be a further look.
        """
        runs = [*([self.screening] if self.screening else []), *fresh]
        little = _LITTLE_OF_LOAD if runs[0].is_of_load else _TOO_LITTLE
        if evidence(runs, self.limit) >= little or hides_rare_calls(runs, self.limit):
            return False
        if may_be_slower_once(fresh, self.limit):
            return False
        return not self.is_slower(self.effect(fresh), self.alpha_after(len(fresh)))

    def screened(self, *runs: Pair) -> RegressionResult:
        """See `SlowdownTest.screened`; a mean that may hide a slowdown of rare calls leaves the result undecided.

        So does a gain that one pair shows, and another does not: a process that is off by as much is no rare event.
        """
        found = SlowdownTest.screened(self, *runs)
        if found.verdict is RegressionVerdict.IMPROVED and len(runs) == 1 and not self._is_faster_again(*runs):
            found = replace(found, verdict=RegressionVerdict.UNDECIDED)
        return self._doubted(found, runs)

    def _is_faster_again(self, run: Pair) -> bool:
        """Return whether all pairs of a run, and the screening pair, are faster; what takes long has one pair."""
        takes_long = run.is_of_load or run.base_ns > LONG_NS
        screening = [self.screening] if self.screening is not None and self.is_screened_by_pair else []
        log_ratios = [part for one in (*screening, run) for part in one.parts or (one.log_ratio,)]
        return (len(log_ratios) > 1 or takes_long) and max(log_ratios) < -self.limit

    def confirmed(self, fresh: Sequence[Pair]) -> RegressionResult:
        """See `SlowdownTest.confirmed`; if the typical call is not slower, the mean call decides.

        The mean call is judged only where the difference between mean and typical call is certain, so that its test
        adds little to the probability of a false `regressed`.
        """
        fresh = credible(fresh, self.limit)
        found = self._by_typical_call(fresh)
        means = mean_pairs(fresh)
        if found.verdict is not RegressionVerdict.REGRESSED and hides_rare_calls(fresh, self.limit, CLEARLY):
            by_mean = SlowdownTest.confirmed(self, means)
            if by_mean.verdict is RegressionVerdict.REGRESSED:
                return replace(by_mean, reason="the mean call counts: rare calls are slower, the typical call is not")
        if found.verdict is RegressionVerdict.UNCONFIRMED and only_first_runs_look_slower(fresh, self.limit):
            found = replace(found, verdict=RegressionVerdict.UNDECIDED, reason=_SLOWER_ONCE)
        return self._doubted(found, fresh)

    def needs_fresh(self, fresh: Sequence[Pair]) -> bool:
        """See `SlowdownTest.needs_fresh`."""
        return self._is_open(credible(fresh, self.limit))

    def needs_new(self, fresh: Sequence[Pair]) -> bool:
        """See `SlowdownTest.needs_new`."""
        return is_contradicted(fresh, self.limit)

    def discarded(self, fresh: Sequence[Pair]) -> int:
        """See `SlowdownTest.discarded`."""
        return len(fresh) - len(credible(fresh, self.limit))

    def _is_open(self, fresh: Sequence[Pair]) -> bool:
        """Return whether these fresh pairs leave open whether there is a slowdown.

        The mean call gets a second look as the typical call does. An early look ends the confirmation of a test that is
        far slower in every pair.
        """
        if self._p_early(fresh) < self.alpha * EARLY_SHARE / EARLY_LOOKS:
            return False
        if self._needs_fresh_by_typical_call(fresh):
            return True
        is_open = len(fresh) < MOST_FRESH and hides_rare_calls(fresh, self.limit)
        return is_open and self.confirmed(fresh).verdict is not RegressionVerdict.REGRESSED

    def _needs_fresh_by_typical_call(self, fresh: Sequence[Pair]) -> bool:
        """Return whether another fresh pair is needed for the typical call.

        Where a call takes so long that a pair has few quads, ten pairs are not enough, so the first look after enough
        pairs never comes. Its part of alpha is spent after three pairs then, and that of the last look after six;
        nothing but a regression ends there.
        """
        known = fresh[:_SPARSE_LOOK]
        # The first look has to come before the next one: before six pairs of long calls, ten of which take minutes.
        most = _SPARSE_LOOK_AGAIN if self._is_long else MOST_FRESH
        is_sparse = sum(one.weight for one in known) * most < self.enough * len(known)
        if len(fresh) < _SPARSE_LOOK or not is_sparse:
            return SlowdownTest.needs_fresh(self, fresh) or self._may_come_to_last_look(fresh)
        looks = {_SPARSE_LOOK: self.alpha_per_look, _SPARSE_LOOK_AGAIN: self._alpha_of_last_look}
        is_decided = self.is_slower(self.effect(fresh), looks.get(len(fresh), 0.0))
        return len(fresh) < MOST_FRESH and not is_decided and not self.is_hopeless(fresh)

    def _may_come_to_last_look(self, fresh: Sequence[Pair]) -> bool:
        """Return whether ten pairs look slower and cannot tell that from noise, so that the last look is worth it."""
        if not MOST_FRESH <= len(fresh) < self.most_fresh:
            return False
        known = fresh[:MOST_FRESH]
        looks_slower = self.effect(known).log_ratio > self.limit
        is_open = looks_slower and self.confirmed(known).verdict is not RegressionVerdict.REGRESSED
        return is_open and not self.is_hopeless(fresh)

    def _p_early(self, fresh: Sequence[Pair]) -> float:
        """Return the p-value of an early look; 1 if there is no early look after these fresh pairs.

        The screening pair counts here, too: all pairs together have to be far slower, so none of them is punished for
        having been the unluckiest. Slowdowns of rare calls get all their pairs. So do loads: a queue multiplies what a
        process is off by, so two pairs in a row are far slower more often than the early look says.
        """
        if any(one.is_of_load for one in fresh):
            return 1.0
        is_early = 0 < len(fresh) <= EARLY_LOOKS and sum(one.weight for one in fresh) < self.enough
        if not is_early or hides_rare_calls(fresh, self.limit):
            return 1.0
        screening = [self.screening] if self.screening is not None and self.is_screened_by_pair else []
        pairs = judged_together([*screening, *fresh])
        if len(fresh) == 1 and least_beyond(pairs, self.limit) < MODES:
            return 1.0
        return p_all_beyond(pairs, self.limit)

    def _by_typical_call(self, fresh: Sequence[Pair]) -> RegressionResult:
        """Return the result for the typical call; pairs so few that an early look has come last are judged by it."""
        found = SlowdownTest.confirmed(self, fresh)
        p_value = self._p_early(fresh)
        if p_value < self.alpha_per_look:
            # Two pairs alone have a wide interval, which may contain no slowdown at all.
            low, high = map(math.exp, bounds_by_all(judged_together(fresh), (1 - SURE) / 2))
            return replace(found, verdict=RegressionVerdict.REGRESSED, p_value=p_value, lower=low, upper=high)
        if found.verdict is RegressionVerdict.REGRESSED and p_value < 1:
            return replace(found, verdict=RegressionVerdict.UNDECIDED, p_value=p_value)
        return found

    def _doubted(self, found: RegressionResult, runs: Sequence[Pair]) -> RegressionResult:
        if found.verdict is RegressionVerdict.REGRESSED or not hides_rare_calls(runs, self.limit):
            return found
        slower = math.expm1(self.effect(mean_pairs(runs)).log_ratio)
        why = (
            f"the typical call is not slower, but the mean call looks {100 * slower:.0f} % slower, by rare calls, "
            "which may be chance: measure the rare case by itself, or raise max_time"
        )
        return replace(found, verdict=RegressionVerdict.UNDECIDED, reason=why)

    def before_ns(self, runs: Sequence[Pair]) -> float:
        """See `SlowdownTest.before_ns`."""
        return median(one.base_ns for one in runs)
