"""Taking turns: what a measurement needs that is timed block by block beside the same one of another process."""

from __future__ import annotations

from typing import Protocol


class Turns(Protocol):
    """Says when a block may be timed; while the other process has the turn, this one waits."""

    def agree(self, name: str, iterations: int, round_ns: float, cpus: float | None) -> tuple[int, int]:
        """Return the calls of a round and the rounds of a block, the same for both processes.

        Args:
            name: the measurement.
            iterations: the calls of a round as it was found here.
            round_ns: how long such a round takes here.
            cpus: how many CPUs it uses.
        """

    def take(self, name: str, last_ns: float | None = None) -> int | None:
        """Wait for the next turn of a measurement and return its number; None if there is none.

        Args:
            name: the measurement.
            last_ns: the time of a call in the block that was its last turn; None if nobody looks at it before the end.
        """
