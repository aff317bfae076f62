"""Verdicts on the quantile of values that depend on each other, such as latencies under load.

The number of values above the limit is binomial only for independent values. Here the exact binomial bounds (Clopper
and Pearson 1934, Biometrika 26, 404-413) are taken for half of the effective sample size. They need 60 effective
values, because the autocorrelation time of a short run is underestimated. Both numbers were chosen by simulation, of
queues at 50 to 95 % utilisation and of a server with bursts; see the tests.

Values that hardly differ need no such number if the limit is far away: a server whose latency wanders to the other side
of the limit now and then does not stay at one place on this side. So a run of fewer effective values has bounds, too,
at 12 times its spread from its values. In the same simulations, of 2,000 runs of 120 values each, the quantile was
below the lower bound in none, and above the upper bound in at most 1 %.

No rule sees a state of the server that never occurs in the run. A server that is slow for 10 % of the time, for 1,000
requests on average, is slow throughout 8 % of the runs of 150 requests, and fast throughout 90 %: either looks like a
run of independent values of another server. So a limit between the states is called exceeded for the median in 8 % of
the runs, and within for the p95 in 78 %. In simulated runs of 120 to 5,000 requests in which both states occurred,
however long the states, these were at most 0.4 % and 3 % of the runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.autocorrelation import autocorrelation_time, effective_size
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.mean import bound
from pytest_perfbudget.core.distributions import binomial_count, share_bounds
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult
from pytest_perfbudget.core.samples import quantile

FEWEST: Final = 60
"""The fewest effective values for a verdict. With 40, the median of a queue at 95 % utilisation was called within its
exact limit in 6.3 % of 3,000 runs where 5 % are allowed; with 60 in 3.2 %."""

_FAR: Final = 12.0
"""The distance of a bound from values that hardly differ, in spreads of these values. With 5, the median of a queue at
95 % utilisation was below the lower bound in 1.1 % of 2,000 runs of 120 values, and with 8 in 0.2 %."""

_TAIL: Final = 0.05
"""The share of the values at each end that the spread for a lower bound leaves out."""

_FEWEST_ALIKE: Final = 100
"""The fewest values with such a bound. With 60 values, the same median was below the lower bound in 0.3 %."""

_FEWEST_REQUESTS: Final = 40
"""The fewest requests for a verdict on the share of failures."""

_CAUTION: Final = 2.0
"""The effective sample size is divided by this value, because the autocorrelation time is an estimate."""

_FEWEST_OF_MEAN: Final = 100
_CAUTION_OF_MEAN: Final = 3.0
"""The same for a mean, which depends on the rare long bursts."""


def requests_without_failure(limit: float, error: float) -> int:
    """Return the fewest requests, none of which failed, that show a share of failures of at most a limit.

    Args:
        limit: the share in per cent.
        error: the probability of a false `within`.
    """
    if limit >= 100:
        return _FEWEST_REQUESTS
    return max(_FEWEST_REQUESTS, math.ceil(_CAUTION * math.log(error) / math.log1p(-limit / 100) - 1e-9))


def independent_within(share: float, error: float) -> int:
    """Return the fewest effective values, none above a limit, that show that a quantile keeps the limit.

    Args:
        share: the share of the quantile.
        error: the probability of a false `within`.
    """
    return max(FEWEST, requests_without_failure(100 * (1 - share), error))


def at_look(errors: Errors, number: int | None) -> Errors:
    """Return the errors that a look may spend, so that all looks at a run together spend no more than `errors`.

    Half is kept for the end of the run. The early looks spend a quarter, an eighth, and so on, however many there are,
    because a run that deserves an early end is far beyond its limit (alpha spending by Bonferroni's inequality).

    Args:
        errors: for the run.
        number: of the early look, from 1 on; None for the end.
    """
    part = 0.5 if number is None else 0.5 ** (number + 1)
    return Errors(*(part * one for one in errors))


def bound_ranks(share: float, effective: float, count: int, errors: Errors) -> tuple[int | None, int | None]:
    """Return the ranks, from 1 on, of the values that are the lower and the upper bound of a quantile.

    Args:
        share: the share of the quantile.
        effective: the effective sample size.
        count: the number of values.
        errors: the probabilities of wrong verdicts.

    Returns:
        The two ranks; None in place of a bound that so few values cannot give.
    """
    if effective < FEWEST:
        return None, None
    independent = effective / _CAUTION
    # A bound is the order statistic whose share of values above just is, or just is not, too large for `1 - share`.
    most = binomial_count(independent, 1 - share, 1 - errors.exceeded) + 1
    least = binomial_count(independent, 1 - share, errors.within)
    too_many = math.ceil(most / independent * count)
    lower = count - too_many + 1 if too_many <= count else None
    return lower, count - int(least / independent * count) if least >= 0 else None


def _distant_bounds(
    ordered: Sequence[float], limit: float, share: float, errors: Errors
) -> tuple[float | None, float | None]:
    """Return bounds that lie far from all values, for values that are too dependent for `bound_ranks`.

    Args:
        ordered: the values, ascending.
        limit: the limit on the quantile.
        share: the share of the quantile.
        errors: the probabilities of wrong verdicts.

    Returns:
        The lower and the upper bound of the quantile; None in place of a bound that does not decide.
    """
    count, low, high = len(ordered), quantile(ordered, _TAIL), quantile(ordered, 1 - _TAIL)
    lower = low - _FAR * (high - low)
    upper = ordered[-1] + _FAR * (ordered[-1] - ordered[0])
    is_above = count >= _FEWEST_ALIKE and lower > limit
    is_below = count >= max(_FEWEST_ALIKE, independent_within(share, errors.within)) and upper <= limit
    return lower if is_above else None, upper if is_below else None


def deviation_of_mean(deviation: float, effective: float) -> float:
    """Return the standard deviation of a mean, from that of its values and their effective sample size."""
    return deviation / math.sqrt(max(effective / _CAUTION_OF_MEAN, 1.0))


@dataclass(frozen=True)
class DependentQuantileCriterion:
    """The criterion for the quantile at `share` of values that depend on each other."""

    share: float
    errors: Errors

    def looks(self) -> Sequence[int]:
        """Return no rounds: the only look is at the end."""
        return ()

    def decide(
        self,
        values: Sequence[float],
        limit: float,
        *,
        final: bool,
        earliest_exceeded: int = 0,  # noqa: ARG002 - the only look is at the end
    ) -> CriterionResult:
        """See `Criterion.decide`; without `final` nothing is decided."""
        ordered = sorted(values)
        estimate = quantile(ordered, self.share)
        verdict = BudgetVerdict.UNDECIDED
        effective = effective_size(values, limit, self.share) if final else 0.0
        ranks = bound_ranks(self.share, effective, len(ordered), self.errors)
        lower, upper = (None if rank is None else ordered[rank - 1] for rank in ranks)
        if final and effective < FEWEST:
            lower, upper = _distant_bounds(ordered, limit, self.share, self.errors)
        if lower is not None and lower > limit:
            verdict = BudgetVerdict.EXCEEDED
        elif upper is not None and upper <= limit:
            verdict = BudgetVerdict.WITHIN
        needs = FEWEST if estimate > limit else independent_within(self.share, self.errors.within)
        return CriterionResult(verdict, estimate, lower, upper, len(ordered), needs, effective)


@dataclass(frozen=True)
class DependentMeanCriterion:
    """The criterion for the mean of values that depend on each other: Hall's interval, as for independent values."""

    errors: Errors

    def looks(self) -> Sequence[int]:
        """Return no rounds: the only look is at the end."""
        return ()

    def decide(
        self,
        values: Sequence[float],
        limit: float,
        *,
        final: bool,
        earliest_exceeded: int = 0,  # noqa: ARG002 - the only look is at the end
    ) -> CriterionResult:
        """See `Criterion.decide`; without `final` nothing is decided."""
        count = len(values)
        effective = count / autocorrelation_time(values)
        lower = upper = None
        verdict = BudgetVerdict.UNDECIDED
        if final and effective >= _FEWEST_OF_MEAN:
            independent = effective / _CAUTION_OF_MEAN
            lower = max(0.0, bound(values, self.errors.exceeded, -1, independent))
            upper = bound(values, self.errors.within, 1, independent)
            if lower > limit:
                verdict = BudgetVerdict.EXCEEDED
            elif upper <= limit:
                verdict = BudgetVerdict.WITHIN
        return CriterionResult(verdict, math.fsum(values) / count, lower, upper, count, _FEWEST_OF_MEAN, effective)


@dataclass(frozen=True)
class DependentShareCriterion:
    """The criterion for the share of failures, in per cent.

    The values are 1 for a failure and 0 for a success. Failures may come in bursts, if several bursts are expected at
    the limit: a load without any failure says nothing about a burst that is rarer than the load is long.
    """

    errors: Errors

    def looks(self) -> Sequence[int]:
        """Return no rounds: the only look is at the end."""
        return ()

    def decide(
        self,
        values: Sequence[float],
        limit: float,
        *,
        final: bool,
        earliest_exceeded: int = 0,  # noqa: ARG002 - the only look is at the end
    ) -> CriterionResult:
        """See `Criterion.decide`; without `final` nothing is decided."""
        count = len(values)
        share = math.fsum(values) / count
        lower = upper = None
        verdict = BudgetVerdict.UNDECIDED
        effective = count / autocorrelation_time(values)
        if final and count >= _FEWEST_REQUESTS:
            independent = effective / _CAUTION
            bounds = share_bounds(share * independent, independent, self.errors.exceeded, self.errors.within)
            lower, upper = 100 * bounds[0], 100 * bounds[1]
            if lower > limit:
                verdict = BudgetVerdict.EXCEEDED
            elif upper <= limit:
                verdict = BudgetVerdict.WITHIN
        needs = requests_without_failure(limit, self.errors.within)
        return CriterionResult(verdict, 100 * share, lower, upper, count, needs, effective)
