"""A difference of two times that is known up to an error: what every comparison of times comes to."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_perfbudget.core.distributions import t_probability, t_quantile


@dataclass(frozen=True, slots=True)
class Effect:
    """Runs against what they are compared with, in log time.

    Attributes:
        log_ratio: the time over that of what it is compared with.
        error: its standard error.
        degrees: of freedom of the error.
        runs: how many runs.
        weather: how much further from calm the runs were; 0 where both sides had the same.
    """

    log_ratio: float
    std_error: float
    dof: float
    runs: int
    weather: float

    def bound(self, confidence: float) -> float:
        """Return the one-sided bound on the log ratio; the lower one for a share below a half."""
        return self.log_ratio + self.std_error * t_quantile(self.dof, confidence)

    @property
    def p_slower(self) -> float:
        """The one-sided p-value against `not slower`."""
        return t_probability(self.dof, -self.log_ratio / self.std_error)
