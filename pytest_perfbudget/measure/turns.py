"""Taking turns: what a measurement needs that is timed block by block beside the same one of another process."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

NONE: Final[Mapping[str, int]] = MappingProxyType({})


class Turn(NamedTuple):
    """A turn of a measurement.

    Attributes:
        number: as it is counted on both sides; an even one and the next make a quad.
        rounds: how many the other side timed in it, by timer, if it came first.
    """

    number: int
    rounds: Mapping[str, int] = NONE


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

    def take(self, name: str, last_ns: float | None = None, rounds: Mapping[str, int] = NONE) -> Turn | None:
        """Wait for the next turn of a measurement; None if there is none.

        Args:
            name: the measurement.
            last_ns: the time of a call in the block that was its last turn; None if nobody looks at it before the end.
            rounds: how many each timer timed in its last turn, if the other side is to time as many.
        """
