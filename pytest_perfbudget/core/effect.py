"""The estimated difference between two times, with its standard error: the result of every comparison of times."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_perfbudget.core.distributions import t_probability, t_quantile


@dataclass(frozen=True, slots=True)
class Effect:
    """The difference between runs and the other side, in log time.

    Attributes:
        log_ratio: the logarithm of the runs' time divided by the time on the other side.
        std_error: the standard error of the log ratio.
        dof: the degrees of freedom of the standard error.
        runs: the number of runs.
        weather: the shift of the runs' weather minus that of the other side, in log time; 0 where both sides had the
            same weather.
    """

    log_ratio: float
    std_error: float
    dof: float
    runs: int
    weather: float

    def bound(self, confidence: float) -> float:
        """Return the one-sided bound of the log ratio; for a confidence below a half this is the lower bound."""
        return self.log_ratio + self.std_error * t_quantile(self.dof, confidence)

    @property
    def p_slower(self) -> float:
        """The one-sided p-value against the hypothesis that the runs are not slower."""
        return t_probability(self.dof, -self.log_ratio / self.std_error)
