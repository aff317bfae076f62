"""Whether a time has grown beyond what is allowed: who is suspect, who is measured again, what is said.

A measurement is screened by a run that costs little, with a low bar. A suspect is measured again from the
start, in fresh processes, and those runs alone decide: so nothing is punished for having been the most
unlucky of many.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Protocol, TypeVar

from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

if TYPE_CHECKING:
    from typing_extensions import Self

MOST_FRESH: Final = 10
LOOKS: Final = 2
"""A slowdown that the first look cannot tell from noise is looked at once more, with all the runs there may be;
each look has its part of alpha (Bonferroni)."""

_SURE = 0.95
"""Of the interval that is shown, two-sided, and that `unchanged` needs."""


class Run(Protocol):
    """What one process, or one pair of them, says of a measurement."""

    @property
    def weight(self) -> float:
        """How much it counts; 1 at most."""


_Run = TypeVar("_Run", bound=Run)


@dataclass(frozen=True, slots=True)
class SlowdownTest(ABC, Generic[_Run]):
    """Whether one measurement's time has grown beyond what is allowed.

    Attributes:
        share: the growth that is allowed.
        alpha: how often `regressed` may be wrong: the session's, divided by its measurements.
        screening: of a suspect, the run that has made it one. It has no part in the verdict.
    """

    enough: ClassVar[float]
    """Fresh runs whose weights, 1 at most, add up to so much decide. What was measured has no part in it, so
    waiting for it favours no outcome."""

    share: float
    alpha: float
    screening: _Run | None = field(default=None, kw_only=True)

    @abstractmethod
    def effect(self, runs: Sequence[_Run]) -> Effect:
        """Return the difference of runs, at least one, from what they are compared with."""

    @abstractmethod
    def before_ns(self, runs: Sequence[_Run]) -> float:
        """Return the time of what they are compared with."""

    @abstractmethod
    def is_suspect(self, *runs: _Run) -> bool:
        """Return whether screening runs, as a rule one, leave it open whether there is a slowdown."""

    @abstractmethod
    def is_hopeless(self, fresh: Sequence[_Run]) -> bool:
        """Return whether, after these fresh runs, at least one, it will not come to a regression."""

    @property
    def limit(self) -> float:
        """The growth that is allowed, in log time."""
        return math.log1p(self.share)

    @property
    def alpha_per_look(self) -> float:
        """The chance below which fresh runs of unchanged code would look so slow, for a regression."""
        return self.alpha / LOOKS

    def after(self, screening: _Run) -> Self:
        """Return the question as it is asked of a suspect, which a screening run has made one."""
        return replace(self, screening=screening)

    def needs_fresh(self, fresh: Sequence[_Run]) -> bool:
        """Return whether another fresh run is to be made."""
        if not fresh:
            return True
        if self.is_hopeless(fresh) or len(fresh) >= MOST_FRESH:
            return False
        precision = sum(one.weight for one in fresh)
        found = self.effect(fresh)
        if precision < self.enough:
            return True
        # Between the two looks nothing is decided, or they would be many.
        is_first_look = precision - fresh[-1].weight < self.enough
        if not is_first_look:
            return True
        may_come_to_it = found.log_ratio > self.limit - found.std_error
        return may_come_to_it and not (found.log_ratio > self.limit and self._is_sure(found))

    def screened(self, *runs: _Run) -> RegressionResult:
        """Return what runs say that are no slower than allowed."""
        found = self.effect(runs)
        change = self._change(found, runs)
        if change.lower is not None and change.upper is not None:
            if 1 - found.p_slower < self.alpha and found.log_ratio < -self.limit:
                return replace(change, verdict=RegressionVerdict.IMPROVED)
            if change.upper <= 1 + self.share and change.lower >= 1 / (1 + self.share):
                return replace(change, verdict=RegressionVerdict.UNCHANGED)
        return change

    def confirmed(self, fresh: Sequence[_Run]) -> RegressionResult:
        """Return what the fresh runs of a suspect say."""
        found = self.effect(fresh)
        change = replace(self._change(found, fresh), runs=len(fresh))
        if found.log_ratio > self.limit:
            return replace(
                change, verdict=RegressionVerdict.REGRESSED if self._is_sure(found) else RegressionVerdict.UNDECIDED
            )
        if self.screening is not None and self.effect([self.screening]).log_ratio <= 0:
            return replace(self.screened(*fresh), runs=len(fresh))  # nobody has called it slower
        return replace(change, verdict=RegressionVerdict.UNCONFIRMED)

    def _is_sure(self, found: Effect) -> bool:
        return found.p_slower < self.alpha_per_look

    def _change(self, found: Effect, runs: Sequence[_Run]) -> RegressionResult:
        before_ns = self.before_ns(runs)
        return RegressionResult(
            metric="time",
            verdict=RegressionVerdict.UNDECIDED,
            before=before_ns,
            after=before_ns * math.exp(found.log_ratio),
            ratio=math.exp(found.log_ratio),
            lower=math.exp(found.bound((1 - _SURE) / 2)),
            upper=math.exp(found.bound((1 + _SURE) / 2)),
            log_std_error=found.std_error,
            p_value=found.p_slower,
            alpha=self.alpha_per_look,
            limit=self.share,
            weather=math.exp(found.weather),
        )
