"""The comparison of counts, which the weather does not affect: function calls in one execution, bytes held at once.

A count needs no statistics. Counts depend on the hash seed, on caches and on earlier tests, though, so a count is taken
in several attempts, each with the counts of both sides. A count is worse only if it is worse in every attempt. Random
work, such as a shuffled list or a set of objects, makes a count worse by chance: in half of all attempts at most, if
the code of both sides is the same. The more the attempts differ, the more of them are needed.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from pytest_perfbudget.core.metrics import Metric, counts
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

FRESH_COUNTS: Final = 3
"""The number of fresh attempts that all have to show a grown count, if they agree on the growth. A count that depends
on the hash seed exceeds the highest of ten such counts in one case of ten."""

RANDOM_COUNTS: Final = 10
"""The same number if the growth differs from attempt to attempt. With the first attempt there are 11, all of which
show growth by chance in 1 of 2,000 cases, where one attempt does so in half of all cases."""

_AGREEMENT: Final = 0.5
"""The share of the tolerance by which the growth may differ from attempt to attempt. Random growth of the size of the
tolerance would agree by chance in one comparison of 400 if it might differ by the whole of it."""


class Counting(str, enum.Enum):
    """The counts that a process takes: all, with a profile; all; calls alone, with a profile; none.

    Each count takes as long as several calls, and a profile of short calls takes longer than the counts.
    """

    ALL = "all"
    UNPROFILED = "unprofiled"
    CALLS = "calls"
    NONE = "none"


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
    least = _least_grown(metric, attempts)
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


def confirm_count(
    metric: Metric, screening: CountPair, fresh: Sequence[CountPair], tolerance: float
) -> RegressionResult:
    """Return the result for a count that had grown in the first attempt.

    Args:
        metric: the metric that was counted.
        screening: the counts of the first attempt.
        fresh: the counts of fresh attempts; at least one.
        tolerance: the allowed change for the worse, as a share.
    """
    result = compare_counts(metric, [screening, *fresh], tolerance)
    if result.verdict is not RegressionVerdict.REGRESSED or not needs_attempt(metric, fresh, tolerance):
        return result
    if not differs(metric, fresh, tolerance):
        return result  # the time has regressed, so no further attempts were made
    more = "more" if metric.is_worse(1, 0) else "fewer"
    reason = (
        f"{more} {metric.words} than allowed in all {len(fresh) + 1} runs, which may be chance, because the number is "
        f"random: {RANDOM_COUNTS + 1} runs would tell"
    )
    return replace(result, verdict=RegressionVerdict.UNDECIDED, reason=reason)


def needs_attempt(metric: Metric, fresh: Sequence[CountPair], tolerance: float) -> bool:
    """Return whether a further fresh attempt has to show whether a count has grown, as in all attempts so far."""
    if not all(has_grown(metric, one.before, one.after, tolerance) for one in fresh):
        return False
    return len(fresh) < (RANDOM_COUNTS if differs(metric, fresh, tolerance) else FRESH_COUNTS)


def differs(metric: Metric, attempts: Sequence[CountPair], tolerance: float) -> bool:
    """Return whether the growth of a count differs so much from attempt to attempt that it is random.

    A hash seed that changes the counts of both sides alike changes no growth.
    """
    if not attempts:
        return False
    least = _least_grown(metric, attempts)
    before = max(least.before, 1)
    return any(
        has_grown(metric, least.after, round(one.after * before / max(one.before, 1)), _AGREEMENT * tolerance)
        for one in attempts
    )


def _least_grown(metric: Metric, attempts: Sequence[CountPair]) -> CountPair:
    """Return the attempt in which a count grew the least."""
    least = attempts[0]
    for one in attempts[1:]:
        # Growth is a share of the count before, because that count, too, may differ from attempt to attempt.
        if metric.is_worse(least.after * max(one.before, 1), one.after * max(least.before, 1)):
            least = one
    return least
