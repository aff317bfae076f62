"""The evidence of pairs for a slowdown: a likelihood ratio, and a mean call that hides slower rare calls."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Final

from pytest_perfbudget.core.early_look import OFF_SHARE, OFF_SPREAD
from pytest_perfbudget.core.pair_effect import effect_of_pairs
from pytest_perfbudget.core.pair_runs import judged_together
from pytest_perfbudget.core.pairs import HIDDEN, PAIR_SPREAD, Pair

_SLOWDOWN = 1.5
"""Only slowdowns of at least this many times the limit are considered."""

_UNCLEARLY: Final = 2.0
"""The standard errors of the jackknife by which the mean call has to differ from the typical call, so that a test is
suspect, and no result says `unchanged`; see `core.pairs.CLEARLY`."""


def evidence(runs: Sequence[Pair], limit: float) -> float:
    """Return the log likelihood ratio of the likeliest slowdown that should be found, against no slowdown.

    Args:
        runs: the pairs, at least one pair.
        limit: the allowed growth, in log time.
    """
    runs = judged_together(runs)
    least = _SLOWDOWN * limit
    slowdowns = {max(one.log_ratio, least) for one in runs}
    slower = max(sum(_log_likelihood(one, by) for one in runs) for by in slowdowns)
    return slower - sum(_log_likelihood(one, 0.0) for one in runs)


def _log_likelihood(pair: Pair, log_ratio: float) -> float:
    """Return the log likelihood of a pair if the head is slower by `log_ratio`.

    The likelihood is a mixture, because some pairs are off.
    """
    spread = math.hypot(pair.deviation, pair.std_error)
    wide = math.hypot(spread, OFF_SPREAD * PAIR_SPREAD)
    usual, off = (math.exp(-(((pair.log_ratio - log_ratio) / one) ** 2) / 2) / one for one in (spread, wide))
    return math.log((1 - OFF_SHARE) * usual + OFF_SHARE * off + sys.float_info.min)


def hides_rare_calls(runs: Sequence[Pair], limit: float, errors: float = _UNCLEARLY) -> bool:
    """Return whether the mean call has grown beyond the limit and more than the typical call, by rare calls.

    Args:
        runs: the pairs, at least one pair.
        limit: the allowed growth, in log time.
        errors: the number of standard errors by which the growth has to differ.
    """
    means = mean_pairs(runs)
    if not means:
        return False
    mean = effect_of_pairs(means)
    hidden = mean.log_ratio - effect_of_pairs(runs).log_ratio
    return mean.log_ratio > limit and hidden > max(HIDDEN, errors * mean.std_error)


def mean_pairs(runs: Sequence[Pair]) -> list[Pair]:
    """Return the estimates from the mean call of all pairs; none if a pair has none."""
    means = [one.mean for one in runs if one.mean is not None]
    return means if len(means) == len(runs) else []
