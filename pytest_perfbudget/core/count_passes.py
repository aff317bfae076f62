"""The passes that count an execution: how many a count takes before it is held against a budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_perfbudget.core.metrics import CALLS, Metric

_PASSES: Final = 2
"""The number of passes for a count that looks bad. The better pass holds, because a cache that is filled once is not a
cost of every call."""

MOST_PASSES: Final = 10
"""The most passes for a count above its budget. Random work that exceeds the budget in half of its executions does so
in all of them in 1 of 1,000 cases."""

_AGREEING_NS: Final = 1_000_000_000
"""The time after which passes that agree are enough; a slow body is not executed ten times for the same number.

Without a budget that is exceeded, one pass is enough then: the rounds before have filled the caches. Tracing the memory
of a body of 0.2 s may take 5 s. The passes that count calls are profiles, too, and one profile may be disturbed.
"""


def needs_pass(metric: Metric, passes: Sequence[float], spent_ns: float, *, is_over_budget: bool) -> bool:
    """Return whether a count that looks bad in all passes so far is to be taken again; the best pass holds.

    Args:
        metric: the metric that was counted.
        passes: the counts so far; at least one.
        spent_ns: the time that these passes have taken, in ns.
        is_over_budget: whether a budget is exceeded; fresh processes confirm other bad counts.
    """
    if not is_over_budget:
        return len(passes) < _PASSES and (metric is CALLS or spent_ns < _AGREEING_NS)
    if len(passes) < _PASSES:
        return True
    # The first pass may have filled a cache.
    later = passes[1:] if len(passes) > _PASSES else passes
    agree = max(later) - min(later) <= (0.0 if metric.is_exact else metric.floor)
    return len(passes) < MOST_PASSES and (not agree or spent_ns < _AGREEING_NS)
