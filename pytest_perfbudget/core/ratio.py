"""The ratio of two functions' times, from blocks that alternated in one process.

Blocks run in ABBA order. A quad of four blocks cancels a drift of the machine to first order. The quad is the unit of
analysis, because blocks a moment apart are not independent. The interval is Student's t interval over the log ratios of
the quads, in which each block counts with its median round. The error is shared equally among the looks (Bonferroni).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.results import BudgetVerdict, CriterionResult

LOOKS: Final = (6, 12, 24, 48)
"""The numbers of quads at which a decision can be made."""


def quad_log_ratio(new_ns: Sequence[float], reference_ns: Sequence[float]) -> float:
    """Return log(new / reference) for one quad, from the medians of its two blocks on each side."""
    return statistics.fmean(map(math.log, new_ns)) - statistics.fmean(map(math.log, reference_ns))


def decide_ratio(log_ratios: Sequence[float], limit: float, errors: Errors) -> CriterionResult:
    """Replay the looks over the quads so far; the verdict is `undecided` if no look decides.

    Args:
        log_ratios: the log ratio of each quad, in the order in which the quads ran; at least one quad.
        limit: the largest ratio allowed, above zero.
        errors: the error probabilities, as for the other criteria.
    """
    lower = upper = None
    for at in (look for look in LOOKS if look <= len(log_ratios)):
        seen = log_ratios[:at]
        centre = statistics.fmean(seen)
        # A coarse clock can make quads equal, which does not prove a spread of zero.
        error = max(statistics.stdev(seen), 1e-6) / math.sqrt(at)
        lower = math.exp(centre - error * t_quantile(at - 1, 1 - errors.exceeded / len(LOOKS)))
        upper = math.exp(centre + error * t_quantile(at - 1, 1 - errors.within / len(LOOKS)))
        verdict = BudgetVerdict.EXCEEDED if lower > limit else BudgetVerdict.WITHIN if upper <= limit else None
        if verdict:
            return CriterionResult(verdict, math.exp(centre), lower, upper, at, LOOKS[0])
    estimate = math.exp(statistics.fmean(log_ratios))
    return CriterionResult(BudgetVerdict.UNDECIDED, estimate, lower, upper, len(log_ratios), LOOKS[0])


def is_enough(log_ratios: Sequence[float], limit: float, errors: Errors) -> bool:
    """Return whether no further quad is needed: the ratio is decided, or the last look has been made."""
    if len(log_ratios) >= LOOKS[-1]:
        return True
    return decide_ratio(log_ratios, limit, errors).verdict is not BudgetVerdict.UNDECIDED
