"""The comparison of counts, which the weather does not affect: function calls in one execution, bytes held at once.

A count needs no statistics. Counts depend on the hash seed, on caches and on earlier tests, though, so a count is taken
in several attempts, each with the counts of both sides. A count is worse only if it is worse in every attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_perfbudget.core.metrics import Metric, counts
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict


class CountPair(NamedTuple):
    """The count of one metric on both sides, in one attempt."""

    before: int
    after: int


def has_grown(metric: Metric, before: int, after: int, tolerance: float) -> bool:
    """Return whether a count is worse than before by more than the allowed change."""
    return metric.is_worse(after, metric.allowed(before, tolerance))


def any_has_grown(before: Mapping[str, int], after: Mapping[str, int], tolerance: float) -> bool:
    """Return whether a count that both sides have is worse than before by more than the allowed change."""
    return any(
        has_grown(metric, before[metric.name], after[metric.name], tolerance)
        for metric in comparable(before)
        if metric.name in after
    )


def comparable(before: Mapping[str, int]) -> list[Metric]:
    """Return the metrics with a count with which a later count can be compared."""
    return [metric for metric in counts() if metric.name in before and before[metric.name] <= metric.most_compared]


def compare_counts(metric: Metric, attempts: Sequence[CountPair], tolerance: float) -> RegressionResult:
    """Return the result for a count: the result of the attempt in which the count grew the least.

    Args:
        metric: the metric that was counted.
        attempts: the counts of both sides for the same work in the same conditions; at least one attempt.
        tolerance: the allowed change for the worse, as a share.
    """
    least = attempts[0]
    for one in attempts[1:]:
        # Growth is a share of the count before, because that count, too, may differ from attempt to attempt.
        if metric.is_worse(least.after * max(one.before, 1), one.after * max(least.before, 1)):
            least = one
    verdict = RegressionVerdict.UNCHANGED
    if has_grown(metric, least.before, least.after, tolerance):
        verdict = RegressionVerdict.REGRESSED
    elif metric.has_improved(least.before, least.after, tolerance):
        verdict = RegressionVerdict.IMPROVED
    return RegressionResult(
        metric=metric.name,
        verdict=verdict,
        unit=metric.unit,
        direction=metric.direction,
        before=least.before,
        after=least.after,
        ratio=least.after / least.before if least.before else None,
        limit=tolerance,
    )
