"""The interface for turns: two processes time the blocks of the same measurement, one process after the other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

NONE: Final[Mapping[str, int]] = MappingProxyType({})

TIMERS: Final = "\0timers"
"""The name for the turns of all timers: such a turn serves the timer that comes next, as long as the test runs."""


class Turn(NamedTuple):
    """A turn of a measurement.

    Attributes:
        number: the number of the turn, the same on both sides; an even turn and the next turn make a quad.
        rounds: the number of rounds that the other side timed in this turn, by timer, if the other side came first.
    """

    number: int
    rounds: Mapping[str, int] = NONE


class CallTimes(NamedTuple):
    """The times of a call in the block of a turn, in ns; None where a time is not known.

    Attributes:
        last_ns: the time that represents the block.
        mean_ns: the mean over the block.
    """

    last_ns: float | None = None
    mean_ns: float | None = None


NO_TIMES: Final = CallTimes()


class Turns(Protocol):
    """The source of turns, which decides when a block may be timed; this process waits while the other has the turn."""

    def agree(self, name: str, iterations: int, round_ns: float, cpus: float | None) -> tuple[int, int]:
        """Return the number of calls in a round and of rounds in a block, the same for both processes.

        Args:
            name: the name of the measurement.
            iterations: the number of calls in a round as chosen in this process.
            round_ns: the time of such a round in this process, in ns.
            cpus: the number of CPUs that the measurement uses; None if the number is not known.
        """

    def take(self, name: str, times: CallTimes = NO_TIMES, rounds: Mapping[str, int] = NONE) -> Turn | None:
        """Wait for the next turn of a measurement and return it; return None if there is no further turn.

        Args:
            name: the name of the measurement.
            times: the times in the block of the last turn, if they are needed before the end.
            rounds: the number of rounds in the last turn, by timer, if the other side should time as many.
        """
