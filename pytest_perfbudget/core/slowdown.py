"""The two-stage test for a slowdown: screen cheaply, confirm suspects in fresh processes, give a verdict.

A measurement is screened by a run that costs little, with a low bar for suspicion. A suspect is measured again from the
start, in fresh processes, and only these runs decide. So no measurement is punished for having been the unluckiest of
many.
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
"""The number of looks. A slowdown that the first look cannot tell from noise gets one more look, with all the runs that
are allowed; each look has its part of alpha (Bonferroni)."""

SURE = 0.95
"""The confidence of the two-sided interval that is shown, and that `unchanged` needs."""


class Run(Protocol):
    """The estimate for a measurement from one process, or from one pair of processes."""

    @property
    def weight(self) -> float:
        """The weight of the run; 1 at most."""


_Run = TypeVar("_Run", bound=Run)


@dataclass(frozen=True, slots=True)
class SlowdownTest(ABC, Generic[_Run]):
    """The test of whether one measurement's time has grown by more than the allowed slowdown.

    Attributes:
        tolerance: the allowed slowdown, as a share.
        alpha: the largest probability of a false `regressed`: the session's alpha, divided by the number of its
            measurements.
        screening: the run that has made the measurement a suspect; None otherwise. It has no part in the verdict.
    """

    enough: ClassVar[float]
    """The sum of weights, each 1 at most, at which fresh runs decide. The measured times have no part in this sum, so
    waiting for it favours no outcome."""

    tolerance: float
    alpha: float
    screening: _Run | None = field(default=None, kw_only=True)

    @abstractmethod
    def effect(self, runs: Sequence[_Run]) -> Effect:
        """Return the difference between runs, at least one run, and the other side."""

    @abstractmethod
    def before_ns(self, runs: Sequence[_Run]) -> float:
        """Return the time on the other side, in ns."""

    @abstractmethod
    def is_suspect(self, *runs: _Run) -> bool:
        """Return whether screening runs, as a rule one run, leave open whether there is a slowdown."""

    @abstractmethod
    def is_hopeless(self, fresh: Sequence[_Run]) -> bool:
        """Return whether no regression is to be expected any more after these fresh runs, at least one run."""

    @property
    def limit(self) -> float:
        """The allowed growth, in log time."""
        return math.log1p(self.tolerance)

    @property
    def alpha_per_look(self) -> float:
        """The level of significance of one look: a regression needs a p-value below it."""
        return self.alpha / LOOKS

    def alpha_after(self, number: int) -> float:  # noqa: ARG002 - all looks have the same part here
        """Return the level of significance of the look after so many fresh runs."""
        return self.alpha_per_look

    @property
    def most_fresh(self) -> int:
        """The largest number of fresh runs."""
        return MOST_FRESH

    def after(self, screening: _Run) -> Self:
        """Return the test for a suspect, with the screening run that has made the measurement a suspect."""
        return replace(self, screening=screening)

    def needs_fresh(self, fresh: Sequence[_Run]) -> bool:
        """Return whether another fresh run is needed."""
        if not fresh:
            return True
        if self.is_hopeless(fresh) or len(fresh) >= MOST_FRESH:
            return False
        precision = sum(one.weight for one in fresh)
        found = self.effect(fresh)
        if precision < self.enough:
            return True
        # Nothing is decided between the two looks, because each decision there would be a further look.
        is_first_look = precision - fresh[-1].weight < self.enough
        if not is_first_look:
            return True
        may_come_to_it = found.log_ratio > self.limit - found.std_error
        return may_come_to_it and not self.is_slower(found, self.alpha_per_look)

    def needs_new(self, fresh: Sequence[_Run]) -> bool:  # noqa: ARG002 - processes of a fresh run are new, as a rule
        """Return whether the next fresh run has to be by processes that have measured no other test."""
        return False

    def discarded(self, fresh: Sequence[_Run]) -> int:  # noqa: ARG002
        """Return the number of fresh runs that do not count, in whose place there may be further ones."""
        return 0

    def screened(self, *runs: _Run) -> RegressionResult:
        """Return the result for runs that do not show a slowdown beyond the tolerance."""
        found = self.effect(runs)
        change = self._change(found, runs)
        if change.lower is not None and change.upper is not None:
            if self.is_faster(found, self.alpha):
                return replace(change, verdict=RegressionVerdict.IMPROVED)
            if change.upper <= 1 + self.tolerance and change.lower >= 1 / (1 + self.tolerance):
                return replace(change, verdict=RegressionVerdict.UNCHANGED)
        return change

    def confirmed(self, fresh: Sequence[_Run]) -> RegressionResult:
        """Return the result for the fresh runs of a suspect."""
        found = self.effect(fresh)
        alpha = self.alpha_after(len(fresh))
        change = replace(self._change(found, fresh), runs=len(fresh), alpha=alpha)
        if self.is_slower(found, alpha):
            return replace(change, verdict=RegressionVerdict.REGRESSED)
        if found.log_ratio > self.limit:
            return replace(change, verdict=RegressionVerdict.UNDECIDED)
        if self.screening is not None and self.effect([self.screening]).log_ratio <= 0:
            return replace(self.screened(*fresh), runs=len(fresh))  # the screening run did not look slower
        return replace(change, verdict=RegressionVerdict.UNCONFIRMED)

    def is_slower(self, found: Effect, alpha: float) -> bool:
        """Return whether an effect is a credible slowdown beyond the tolerance, at a level of significance `alpha`."""
        return found.log_ratio > self.limit and found.p_slower < alpha

    def is_faster(self, found: Effect, alpha: float) -> bool:
        """Return whether an effect is a credible gain beyond the tolerance, at a level of significance `alpha`."""
        return found.log_ratio < -self.limit and 1 - found.p_slower < alpha

    def _change(self, found: Effect, runs: Sequence[_Run]) -> RegressionResult:
        before_ns = self.before_ns(runs)
        return RegressionResult(
            metric="time",
            verdict=RegressionVerdict.UNDECIDED,
            before=before_ns,
            after=before_ns * math.exp(found.log_ratio),
            ratio=math.exp(found.log_ratio),
            lower=math.exp(found.bound((1 - SURE) / 2)),
            upper=math.exp(found.bound((1 + SURE) / 2)),
            log_std_error=found.std_error,
            p_value=found.p_slower,
            alpha=self.alpha_per_look,
            limit=self.tolerance,
            weather=math.exp(found.weather),
        )


def rejudged(change: RegressionResult, alpha: float) -> RegressionResult:
    """Return the result for a time at another level of significance, by the same rules and the same evidence.

    Args:
        change: the result for a time, with its p-value and its ratio.
        alpha: the new level of one look, at most the old level.
    """
    found = replace(change, alpha=alpha)
    if change.p_value is None:
        return found
    is_slower = change.verdict is RegressionVerdict.REGRESSED and change.p_value >= alpha
    is_faster = change.verdict is RegressionVerdict.IMPROVED and 1 - change.p_value >= LOOKS * alpha
    if is_slower or is_faster:
        return replace(found, verdict=RegressionVerdict.UNDECIDED, blamed=(), grown=(), installed=(), reason="")
    return found
