"""How many calls make a round, and how many rounds make a block."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pytest_perfbudget.core.budgets import Budget, Resource

BLOCK_NS = 20_000_000
"""The length of a block: the heap is drawn anew and garbage collected between two."""

TOO_FAST = 50
"""A call shorter than this many readings of the clock is not timed singly, unless its limit allows."""

TOO_TIGHT = 20
"""A limit of at least this many readings of the clock can be held against single calls: what the
reading adds is then at most a twentieth of the limit, and only ever counts against the code."""

_ROUND_READINGS = 100


def needs_single_calls(budgets: Iterable[Budget], overhead_ns: float) -> bool:
    """Return whether some budget is on single calls (not their mean) and wide enough to hold."""
    return any(
        budget.metric.resource in (Resource.WALL, Resource.CPU)
        and budget.metric.statistic != "mean"
        and budget.limit >= TOO_TIGHT * overhead_ns
        for budget in budgets
    )


def iterations(call_ns: float, overhead_ns: float, *, single: bool) -> int:
    """Return the calls per round: 1, or so many that reading the clock adds at most a hundredth."""
    if single or call_ns >= TOO_FAST * overhead_ns:
        return 1
    return math.ceil(_ROUND_READINGS * overhead_ns / max(call_ns, 1.0))


COMPARED_BLOCK_NS = 5_000_000
"""The length of a block between two readings of the canaries: weather changes within longer ones."""

FEWEST_IN_BLOCK = 80
"""A block of fast code holds at least so many rounds, whatever the next look: each block costs a
collection of garbage, and leaves the caches cold."""


TURN_NS = 3_000_000
"""The length of a turn of the duet. Many short ones say more than few long ones: in half a second, turns of 3 ms
have two thirds of the error of turns of 5 ms."""

TURN_ROUNDS = 3
"""A turn holds so many rounds at least, if they fit into `MOST_TURN_NS`."""

MOST_TURN_NS = 50_000_000


def rounds_per_turn(round_ns: float) -> int:
    """Return how many rounds a turn holds; at least one."""
    usual = max(TURN_ROUNDS, int(TURN_NS / max(round_ns, 1.0)))
    return max(1, min(usual, int(MOST_TURN_NS / max(round_ns, 1.0))))


def rounds_per_block(round_ns: float, wanted: int, block_ns: int = BLOCK_NS) -> int:
    """Return how many rounds the next block holds; at least one."""
    return max(1, min(max(wanted, FEWEST_IN_BLOCK), int(block_ns / max(round_ns, 1.0))))
