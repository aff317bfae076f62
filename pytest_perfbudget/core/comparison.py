"""The one place where a measurement meets the baseline: who is suspect, who is confirmed, what is said.

A test is screened by the run that the session makes anyway, with a low bar. A suspect is measured again
in fresh processes, and those alone decide: so nothing is punished for having been the most unlucky
of many.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfbudget.core.regression import Difference, Estimate, Prior, Reference, compare, estimate_for
from pytest_perfbudget.core.results import Change, Growth, Standing
from pytest_perfbudget.core.weather import Block

BLOCKS: Final = 40
"""Blocks of a run. On recorded sessions 10 have twice the error of 40, and 60 gain little."""

DOUBLED: Final = 2 * BLOCKS
"""A run that looks slower goes on for as many again, which is cheaper than a fresh process."""

MOST_FRESH: Final = 10
LOOKS: Final = 2
"""A slowdown that the first look cannot tell from noise is looked at once more, with all the runs there may be;
each look has its part of alpha (Bonferroni)."""

ENOUGH_PRECISION: Final = 3
"""Fresh runs whose weights, 1 at most, add up to so much decide: three or four in calm weather, more in bad.
What was measured has no part in it, so waiting for it favours no outcome."""

_ENOUGH_TO_CLEAR = 0.3
"""A fresh run that looks like the baseline ends a confirmation unless the weather was so bad that it means
nothing: on recorded sessions that lets 8 % slowdowns escape half as often, for 0.07 processes a test more."""

_SUSPECT_SHARE = 0.5
_SUSPECT_PROBABILITY = 0.25
"""A run is suspect above so much of what is allowed, with at least so small a p-value. Lower bars catch
no more of a 10 % slowdown and start more processes."""

_STALE = math.log(2.5)
"""Of the weather of a shared machine nothing beyond a factor of 1.8 was seen."""

_SURE = 0.95
"""Of the interval that is shown, two-sided, and that `unchanged` needs."""

_SHOWN_FUNCTIONS = 5

FLOORS: Final[Mapping[str, int]] = {"calls": 10, "peak": 16_384}
"""A count may grow by so much whatever it was: it is less than a microsecond, or what caches hold more or less."""

UNITS: Final[Mapping[str, str]] = {"time": "ns", "calls": "calls", "peak": "bytes"}


@dataclass(frozen=True, slots=True)
class Question:
    """Whether one measurement's time has grown beyond what is allowed.

    Attributes:
        reference: the baseline's.
        prior: the typical spread of the baseline's tests.
        share: the growth that is allowed.
        alpha: how often `regressed` may be wrong: the session's, divided by its measurements.
    """

    reference: Reference
    prior: Prior
    share: float
    alpha: float

    @property
    def _limit(self) -> float:
        return math.log1p(self.share)

    def more_blocks(self, blocks: Sequence[Block]) -> int:
        """Return how many blocks the screening run still wants."""
        done = len(blocks)
        if done == BLOCKS and self.is_suspect(self.estimate(blocks)):
            return BLOCKS
        return max((DOUBLED if done > BLOCKS else BLOCKS) - done, 0)

    def estimate(self, blocks: Sequence[Block]) -> Estimate:
        """Return the estimate of a run, at least one block, as it is compared."""
        return estimate_for(self.reference, blocks)

    def is_stale(self, run: Estimate) -> bool:
        """Return whether the canaries are so far from the reference's that it must be of another machine."""
        return bool(self.reference.weights) and abs(run.weather) > _STALE

    def is_suspect(self, run: Estimate) -> bool:
        """Return whether a screening run looks slower than allowed."""
        found = self.difference([run])
        return found.log_ratio > _SUSPECT_SHARE * self._limit and found.slower < _SUSPECT_PROBABILITY

    def needs_fresh(self, fresh: Sequence[Estimate]) -> bool:
        """Return whether another fresh process is to measure."""
        if not fresh:
            return True
        precision = sum(one.weight for one in fresh)
        found = self.difference(fresh)
        if precision >= _ENOUGH_TO_CLEAR and found.log_ratio < _SUSPECT_SHARE * self._limit:
            return False  # it will not come to a regression
        if len(fresh) >= MOST_FRESH:
            return False
        if precision < ENOUGH_PRECISION:
            return True
        # Between the two looks nothing is decided, or they would be many.
        is_first_look = precision - fresh[-1].weight < ENOUGH_PRECISION
        return not is_first_look or (found.log_ratio > self._limit and not self._is_sure(found))

    @property
    def _needed(self) -> float:
        return self.alpha / LOOKS

    def _is_sure(self, found: Difference) -> bool:
        return found.slower < self._needed

    def difference(self, runs: Sequence[Estimate]) -> Difference:
        """Return the difference of runs from the reference."""
        return compare(self.reference, runs, self.prior)

    def screened(self, run: Estimate) -> Change:
        """Return what the screening run of a test says that is no suspect."""
        found = self.difference([run])
        change = self._change(found)
        if change.lower is not None and change.upper is not None:
            if 1 - found.slower < self.alpha and found.log_ratio < -self._limit:
                return replace(change, standing=Standing.IMPROVED)
            if change.upper <= 1 + self.share and change.lower >= 1 / (1 + self.share):
                return replace(change, standing=Standing.UNCHANGED)
        return change

    def confirmed(self, fresh: Sequence[Estimate]) -> Change:
        """Return what the fresh runs of a suspect say."""
        found = self.difference(fresh)
        change = replace(self._change(found), runs=len(fresh))
        if found.log_ratio > self._limit:
            return replace(change, standing=Standing.REGRESSED if self._is_sure(found) else Standing.UNDECIDED)
        return replace(change, standing=Standing.UNCONFIRMED)

    def smallest_found(self) -> float:
        """Return the slowdown, as a share, from which calm fresh runs that agree would be called regressed."""
        calm = Estimate(math.log(self.reference.time_ns), self.reference.weather, 1.0)
        needed = -self.difference([calm] * ENOUGH_PRECISION).bound(self._needed)
        return math.expm1(max(needed, self._limit))

    def _change(self, found: Difference) -> Change:
        return Change(
            metric="time",
            standing=Standing.UNDECIDED,
            before=self.reference.time_ns,
            after=self.reference.time_ns * math.exp(found.log_ratio),
            ratio=math.exp(found.log_ratio),
            lower=math.exp(found.bound((1 - _SURE) / 2)),
            upper=math.exp(found.bound((1 + _SURE) / 2)),
            log_error=found.error,
            chance=found.slower,
            needed=self._needed,
            limit=self.share,
            weather=math.exp(found.weather),
        )


def most_allowed(metric: str, before: int, share: float) -> float:
    """Return the count up to which a metric, `calls` or `peak`, has not grown."""
    return before + max(before * share, FLOORS[metric])


def judge_growth(metric: str, before: int, after: int, share: float, grown: Sequence[Growth] = ()) -> Change:
    """Return how a count stands: no statistics, the lower of two passes is what an execution costs."""
    standing = Standing.UNCHANGED
    if after > most_allowed(metric, before, share):
        standing = Standing.REGRESSED
    elif after < before / (1 + share) and before - after > FLOORS[metric]:
        standing = Standing.IMPROVED
    return Change(
        metric=metric,
        standing=standing,
        unit=UNITS[metric],
        before=before,
        after=after,
        ratio=after / before if before else None,
        limit=share,
        grown=grown if standing is Standing.REGRESSED else (),
    )


def grown_functions(
    before: Mapping[str, int], after: Mapping[str, int], unknown: int, own: Container[str] = ()
) -> list[Growth]:
    """Return functions that are called more often, the project's own before those that they call.

    Args:
        before: calls by function in the baseline.
        after: the same now, the costliest first; that order is kept.
        unknown: how many calls a function may have had that `before` does not name, if it was cut short;
            0 if it is whole.
        own: the modules of the project.
    """
    grown = [
        Growth(function, before.get(function, None if unknown else 0), calls)
        for function, calls in after.items()
        if calls > before.get(function, unknown)
    ]
    grown.sort(key=lambda one: one.function.partition(":")[0] not in own)
    return grown[:_SHOWN_FUNCTIONS]
