"""The credibility of pairs whose processes have measured other tests: a pair of new processes has to agree.

An earlier test may have left something behind on the side of the head, such as a thread that goes on, and so have made
the tests after it slower. New processes, which have measured no other test, do not have what was left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from pytest_perfbudget.core.pair_effect import effect_of_pairs
from pytest_perfbudget.core.pairs import Pair

_CLEARLY: Final = 3.0
"""The standard errors by which shared pairs have to be slower than new pairs, so that these contradict them."""


def split(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Return the shared pairs and the pairs of new processes."""
    return [one for one in pairs if one.is_shared], [one for one in pairs if not one.is_shared]


def contradict(new: Sequence[Pair], shared: Sequence[Pair], limit: float) -> bool:
    """Return whether the first pair of new processes shows no slowdown beyond the limit, and shared pairs clearly do.

    Further pairs do not change that: what the shared pairs say is either used or not.

    Args:
        new: the pairs of new processes, at least one pair.
        shared: the shared pairs, at least one pair.
        limit: the allowed growth, in log time.
    """
    first, by_shared = new[0], effect_of_pairs(shared)
    if first.log_ratio > limit or by_shared.log_ratio <= limit:
        return False
    error = math.hypot(_error([first]), _error(shared))
    return by_shared.log_ratio - first.log_ratio > _CLEARLY * error


def _error(pairs: Sequence[Pair]) -> float:
    """Return the standard error of the mean of some pairs, by their usual spread and the errors of their quads."""
    return math.sqrt(sum(one.deviation**2 + one.std_error**2 for one in pairs)) / len(pairs)
