"""The backlog of an open load: whether the service answers as many requests as are due, or falls behind.

A service that falls behind answers each request later than the one before. The fastest tenth of the last answers is
then slower than nine tenths of the answers in the first half, which single slow answers and a full queue are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MOST_DELAY: Final = 0.01
"""The share of the duration by which answers may come later at the end than at the beginning."""

_LAST: Final = 10
"""The last answers are the last of so many equal parts."""

_BETWEEN: Final = 0.46
"""The share of a load between the request that is faster than nine tenths of the last ones, and the request that is
slower than nine tenths of the first half, if each answer comes later than the one before."""


def delay_ns(latencies: Sequence[float]) -> float:
    """Return how much later answers come at the end of a load than at its beginning, in ns; 0 for the same time.

    Args:
        latencies: in ns, in the order in which the requests ended.
    """
    count = len(latencies)
    if count < 2 * _LAST:
        return 0.0
    early, late = sorted(latencies[: count // 2]), sorted(latencies[-(count // _LAST) :])
    return max(late[(len(late) - 1) // 10] - early[(9 * len(early) - 1) // 10], 0.0) / _BETWEEN
