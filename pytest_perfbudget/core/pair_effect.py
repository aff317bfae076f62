"""The effect over several pairs: a robust mean, and a standard error whose variance is moderated (Smyth 2004)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import Final

from pytest_perfbudget.core.effect import Effect
from pytest_perfbudget.core.pair_runs import judged_together
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.robust import huber_centre

_PRIOR_DEGREES: Final = 3.0
_LEAST_SPREAD: Final = 0.001
_TUNING: Final = 1.5
"""The tuning constant of Huber's estimator over pairs: one process in twenty is 5 to 15 % off throughout its life,
depending on the place of its memory, and such an outlier counts as much as a pair at the edge."""

_FEWEST_IN_ORDER: Final = 8
"""The number of pairs with either side first from which on the effect of the order is estimated, which only the last
look has. The process that sets its fixtures up first may get memory in worse places: on some machines its copies of
large blocks are 10 % slower, pair after pair. The effect comes and goes, too. Of five pairs of either order, all or all
but one then agree by chance so often that 0.7 % of clean tests would be regressed at a level of 0.04 %."""


def effect_of_pairs(runs: Sequence[Pair]) -> Effect:
    """Return the effect over pairs, at least one pair.

    Where there are many, the pairs are averaged by order first, so that the effect of the order cancels out and is no
    noise (the analysis of a crossover design: Senn 2002, Cross-over Trials in Clinical Research).
    """
    runs = judged_together(_with_shared_error(runs))
    spread = runs[0].deviation
    orders = _by_order(runs)
    centres = [
        huber_centre(
            [one.log_ratio for one in order], [one.weight for one in order], tuning=_TUNING, least_scale=spread
        )
        for order in orders
    ]
    totals = [
        sum(one.weight * part for one, part in zip(order, centre.huber_weights, strict=True))
        for order, centre in zip(orders, centres, strict=True)
    ]
    squares = sum(centre.squares for centre in centres)
    own = len(runs) - len(orders)
    dof = _PRIOR_DEGREES + own
    variance = (_PRIOR_DEGREES * spread**2 + squares) / dof
    if own:
        variance = max(variance, squares / own, _LEAST_SPREAD**2)
    std_error = math.sqrt(variance * sum(1 / total for total in totals)) / len(orders)
    return Effect(mean(centre.value for centre in centres), std_error, dof, len(runs), 0.0)


def _with_shared_error(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """Return the pairs of a load with standard errors that are at least as large as that of all of them together.

    A short load has few windows. On a busy machine these differ by half, and where they agree by chance, the pair would
    outweigh all others: with two quads for each pair, 3 to 7 % of sessions would be falsely red at an alpha of 0.5 %.
    """
    if not pairs[0].is_of_load:
        return pairs
    shared = math.sqrt(sum(one.std_error**2 for one in pairs) / len(pairs))
    return [replace(one, std_error=max(one.std_error, shared)) for one in pairs]


def _by_order(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Return the pairs by which side came first; all together if there are too few of either."""
    orders = [[one for one in pairs if one.base_is_first is is_first] for is_first in (True, False)]
    return orders if min(map(len, orders)) >= _FEWEST_IN_ORDER else [list(pairs)]
