"""The early look: whether all pairs so far lie so far beyond the limit that no further pair is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Protocol

from pytest_perfbudget.core.distributions import t_probability

EARLY_LOOKS: Final = 2
"""The number of early looks: after the first fresh pair, and after the second."""

EARLY_SHARE: Final = 0.01
"""The share of alpha that all early looks together have."""

OFF_SHARE: Final = 0.1
OFF_SPREAD: Final = 8.0
"""The share of pairs with a process that is slow or fast throughout its life, depending on the place of its memory, and
the spread of such pairs in log time, as a multiple of the usual spread between pairs. Of 109 recorded pairs with a
change of 10 %, 12 were off by 4.5 to 25 %."""

MODES: Final = math.log(2.0)
"""The slowdown beyond the limit, in log time, from which a single fresh pair may decide. Some code, such as
compression, is up to twice as slow in one process as in another for as long as both live, depending on the place of its
memory. On such code, two pairs in a row differ more often than the mixture of `p_all_beyond` says."""

_DOF: Final = 3.0

_HALVINGS: Final = 40


class PairEstimate(Protocol):
    """The estimate from one pair of processes; see `core.paired.Pair`."""

    @property
    def log_ratio(self) -> float:
        """The logarithm of the head's time divided by the base's time."""

    @property
    def std_error(self) -> float:
        """The standard error of the log ratio, as far as the quads of this pair show."""

    @property
    def deviation(self) -> float:
        """The standard deviation of the log ratio between pairs of identical code."""


def least_beyond(pairs: Sequence[PairEstimate], limit: float) -> float:
    """Return how far the smallest of some pairs lies beyond the limit, in log time."""
    return min(one.log_ratio for one in pairs) - limit


def p_all_beyond(pairs: Sequence[PairEstimate], limit: float) -> float:
    """Return the p-value of the smallest of some pairs against the hypothesis that the slowdown is the limit.

    All pairs lie as far beyond the limit as the smallest of them with a probability that is the product of the
    probabilities for each, because their processes are independent. The distribution of a pair is a mixture, because
    some pairs are off; both parts have the tails of Student's t with 3 degrees of freedom, because neither the spread
    of this machine's pairs nor that of pairs which are off is known.

    Args:
        pairs: the pairs, at least one pair.
        limit: the allowed growth, in log time.
    """
    least = least_beyond(pairs, limit)
    return math.prod(_p_beyond(one, least) for one in pairs)


def bounds_by_all(pairs: Sequence[PairEstimate], probability: float) -> tuple[float, float]:
    """Return the bounds of the slowdown, in log time, that `p_all_beyond` does not reject, as a confidence interval.

    The lower bound comes from the smallest of the pairs, and the upper bound from the largest, by inversion of the test
    (Casella and Berger 2002, Statistical Inference, section 9.2.1).

    Args:
        pairs: the pairs, at least one pair.
        probability: the probability that the slowdown lies below the lower bound, and above the upper bound.
    """
    log_ratios = [one.log_ratio for one in pairs]
    distance = _distance(pairs, probability)
    return min(log_ratios) - distance, max(log_ratios) + distance


def _distance(pairs: Sequence[PairEstimate], probability: float) -> float:
    """Return by how much all pairs exceed their slowdown with a probability; 0 if all do so more seldom."""
    low, high = 0.0, 1.0
    while math.prod(_p_beyond(one, high) for one in pairs) > probability:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if math.prod(_p_beyond(one, middle) for one in pairs) > probability:
            low = middle
        else:
            high = middle
    return high if low else 0.0


def _p_beyond(pair: PairEstimate, distance: float) -> float:
    usual = math.hypot(pair.deviation, pair.std_error)
    off = math.hypot(usual, OFF_SPREAD * pair.deviation)
    beyond_usual, beyond_off = (t_probability(_DOF, -distance / scale) for scale in (usual, off))
    return (1 - OFF_SHARE) * beyond_usual + OFF_SHARE * beyond_off
