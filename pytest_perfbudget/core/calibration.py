"""The number of calls in a round, and the number of rounds in a block or a turn."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pytest_perfbudget.core.budgets import Budget

BLOCK_NS = 20_000_000
"""The length of a block. Between two blocks the heap is redrawn and garbage is collected."""

TOO_FAST = 50
"""A call shorter than this many clock readings is not timed singly, unless its limit is wide enough (`TOO_TIGHT`)."""

TOO_TIGHT = 20
"""A limit of at least this many clock readings can be compared with single calls: a reading then adds at most a
twentieth of the limit, and this addition only ever counts against the code."""

_ROUND_READINGS = 100


def needs_single_calls(budgets: Iterable[Budget], overhead_ns: float) -> bool:
    """Return whether some timed budget limits single calls (not their mean) and is wide enough to be compared."""
    return any(
        budget.metric.is_timed and budget.metric.statistic != "mean" and budget.limit >= TOO_TIGHT * overhead_ns
        for budget in budgets
    )


def iterations(call_ns: float, overhead_ns: float, *, single: bool) -> int:
    """Return the number of calls in a round: 1, or so many calls that reading the clock adds at most a hundredth."""
    if single or call_ns >= TOO_FAST * overhead_ns:
        return 1
    return math.ceil(_ROUND_READINGS * overhead_ns / max(call_ns, 1.0))


COMPARED_BLOCK_NS = 5_000_000
"""The length of a block between two readings of the canaries: within longer blocks the weather changes."""

FEWEST_IN_BLOCK = 80
"""The smallest number of rounds in a block of fast code, however few rounds the next look needs: each block costs a
garbage collection and leaves the caches cold."""


TURN_NS = 3_000_000
"""The shortest length of a turn in the duet. Many short turns are more precise than a few long turns: in half a second,
turns of 3 ms have two thirds of the error of turns of 5 ms."""

_TURN_ROUNDS = 2
"""The smallest number of rounds in a turn, if so many fit into `MOST_TURN_NS`. The other side has evicted the data of
the first round from the caches: with one round in a turn, a large dictionary that was 10 % slower looked 4 % slower.
With three rounds of 3 to 5 ms, the error after a second was 1.7 times as large (median of five kinds of code)."""

MOST_TURN_NS = 50_000_000


def rounds_per_turn(round_ns: float) -> int:
    """Return the number of rounds in a turn, at least 1."""
    usual = max(_TURN_ROUNDS, math.ceil(TURN_NS / max(round_ns, 1.0)))
    return max(1, min(usual, int(MOST_TURN_NS / max(round_ns, 1.0))))


def rounds_per_block(round_ns: float, wanted: int, block_ns: int = BLOCK_NS) -> int:
    """Return the number of rounds in the next block, at least 1."""
    return max(1, min(max(wanted, FEWEST_IN_BLOCK), int(block_ns / max(round_ns, 1.0))))
