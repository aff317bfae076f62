"""Verdicts on the share of requests that are errors, which is a fact of the load that was made.

Failures come in bursts: a server that stands still fails every request of that time. Requests that failed together say
little about the next load, yet they have failed, and a limit on errors is there to notice that. So the two verdicts
rest on different bounds:

- `exceeded` is about this load: it had more errors than a service whose requests fail independently of each other, at a
  rate of the limit, has in a share `errors.exceeded` of its loads. A service whose failures come in bursts exceeds its
  limit in the loads that a burst falls into, even if its rate over many loads is the limit.
- `within` is about the service: errors in bursts count as fewer independent errors, and so do successes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.dependent import DependentShareCriterion
from pytest_perfbudget.core.distributions import share_bounds
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult


def lower_bound(failures: int, requests: int, error: float) -> float:
    """Return the lower bound of Clopper and Pearson for the share of independent errors, in per cent."""
    return 100 * share_bounds(failures, requests, error, error)[0]


def is_above(failures: int, requests: int, limit: float, error: float) -> bool:
    """Return whether a load had more errors than chance allows, if requests fail independently of each other.

    Args:
        failures: the number of errors.
        requests: the number of requests.
        limit: the share of errors that is allowed, in per cent.
        error: the probability of so many errors at the limit.
    """
    # A share below the limit needs no bound, which is below the share.
    return 100 * failures > limit * requests and lower_bound(failures, requests, error) > limit


def fails_more_often(failures: int, requests: int, other_failures: int, other_requests: int, error: float) -> bool:
    """Return whether more requests fail than on another side, if requests fail independently of each other.

    If both sides fail equally often, the number of failures on this side is binomial among the failures of both, with
    this side's part of the requests as the probability (Przyborowski and Wilenski 1940, Biometrika 31, 313-323).

    Args:
        failures: the number of errors of this side.
        requests: the number of its requests.
        other_failures: the number of errors of the other side.
        other_requests: the number of its requests.
        error: the probability of so many errors if both sides fail equally often.
    """
    if not failures:
        return False
    return is_above(failures, failures + other_failures, 100 * requests / (requests + other_requests), error)


@dataclass(frozen=True)
class ErrorShareCriterion:
    """The criterion for the share of errors of a load, in per cent.

    The values are 1 for an error and 0 for a success. The lower bound is that of Clopper and Pearson for
    independent requests, the upper bound that of `DependentShareCriterion`.
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
        found = DependentShareCriterion(self.errors).decide(values, limit, final=final)
        if not final:
            return found
        failures = round(math.fsum(values))
        lower = lower_bound(failures, len(values), self.errors.exceeded)
        if lower > limit:
            return replace(found, verdict=BudgetVerdict.EXCEEDED, lower=lower, effective=None)
        return replace(found, lower=lower)
