"""A difference of two times that is known up to an error: what every comparison of times comes to."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_perfbudget.core.distributions import t_probability, t_quantile


@dataclass(frozen=True, slots=True)
class Difference:
    """Runs against what they are compared with, in log time.

    Attributes:
        log_ratio: the time over that of what it is compared with.
        error: its standard error.
        degrees: of freedom of the error.
        runs: how many runs.
        weather: how much further from calm the runs were; 0 where both sides had the same.
    """

    log_ratio: float
    error: float
    degrees: float
    runs: int
    weather: float

    def bound(self, sure: float) -> float:
        """Return the one-sided bound on the log ratio; the lower one for a share below a half."""
        return self.log_ratio + self.error * t_quantile(self.degrees, sure)

    @property
    def slower(self) -> float:
        """The one-sided p-value against `not slower`."""
        return t_probability(self.degrees, -self.log_ratio / self.error)
