"""The turns that a measurement has had in a duet, which say whether it needs another turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_perfbudget.core.pairs import FEWEST_TO_END, QUADS, Pair, becomes_slower, pair_so_far
from pytest_perfbudget.processes.duet_side import Stop


@dataclass
class TurnLog:
    """The turns that a measurement has had, and the times of its blocks on both sides.

    Attributes:
        turns: the number of turns so far.
        head_ns: the times of the typical call and of the mean call in the head's block, each by turn.
        base_ns: the same of the base.
        fewest: the number of turns, also if the time is up.
        most: the number of turns after which there is no further turn.
    """

    turns: int = 0
    head_ns: tuple[dict[int, float], dict[int, float]] = field(default_factory=lambda: ({}, {}))
    base_ns: tuple[dict[int, float], dict[int, float]] = field(default_factory=lambda: ({}, {}))
    fewest: int = 2
    most: int = 2 * QUADS

    def note(self, head: Stop, base: Stop) -> None:
        """Note the times of a call in the last turn, at whose end both sides have stopped."""
        for at, key in enumerate(("last_ns", "mean_ns")):
            head_ns, base_ns = head.get(key), base.get(key)
            if head_ns is not None and base_ns is not None:
                turn = self.turns - 1
                self.head_ns[at][turn], self.base_ns[at][turn] = max(head_ns, 1.0), max(base_ns, 1.0)

    def is_enough(self, error: float, is_decided: Callable[[Pair], bool], *, is_late: bool) -> bool:
        """Return whether no further turn is needed; a quad is always completed.

        Args:
            error: the standard error that is small enough to stop.
            is_decided: see `IsDecided`.
            is_late: whether the time is up.
        """
        if self.turns % 2:
            return False
        if self.turns >= self.most or (is_late and self.turns >= self.fewest):
            return True
        if self.turns < 2 * FEWEST_TO_END:
            return False
        pair = pair_so_far(self.head_ns, self.base_ns)
        if pair is None or (pair.std_error > error and not is_decided(pair)):
            return False
        return not becomes_slower(self.head_ns[0], self.base_ns[0])
