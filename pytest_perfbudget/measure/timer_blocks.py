"""The policies for the time between a test's timed blocks: the canaries are read, or a turn is awaited.

Nothing of this happens within a timed block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median
from typing import NamedTuple, Protocol

from pytest_perfbudget.core.calibration import COMPARED_BLOCK_NS, TURN_NS
from pytest_perfbudget.core.samples import quantile
from pytest_perfbudget.core.weather import BlockTime, Canaries
from pytest_perfbudget.measure.canary import read_canaries
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.isolation import untraced
from pytest_perfbudget.measure.turns import Turn, Turns

_MOST_TURNS = 20
"""The longest turn, in multiples of the usual length, if its timers do not yet have as many rounds as on the other
side."""


class TimerBlocks(NamedTuple):
    """The rounds of a timer as blocks; `turns` has the turn of each block if there were turns."""

    blocks: Sequence[BlockTime]
    turns: Sequence[int] = ()


class BlockPolicy(Protocol):
    """The policy for the time between blocks; timers tell it when they start and end."""

    def begin(self, timer: str) -> int:
        """Note that a timer starts, and return the part of the test that it belongs to."""

    def end(self) -> None:
        """Note that a timer has ended."""

    def blocks(self, run_ns: Sequence[float], parts: Sequence[int]) -> TimerBlocks:
        """Return the rounds of each part as a block.

        Args:
            run_ns: the times of the rounds, without the time spent waiting for a CPU.
            parts: the result of `begin` for each round.
        """


class NoBlocks:
    """The policy without blocks: a duet does not compare the session's own rounds, but needs a timer's use of CPUs."""

    def begin(self, timer: str) -> int:  # noqa: ARG002
        """See `BlockPolicy.begin`."""
        return 0

    def end(self) -> None:
        """See `BlockPolicy.end`."""

    def blocks(self, run_ns: Sequence[float], parts: Sequence[int]) -> TimerBlocks:  # noqa: ARG002
        """See `BlockPolicy.blocks`."""
        return TimerBlocks(())


class CanaryBlocks:
    """The policy that reads the canaries every few milliseconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._readings: list[Canaries] = []
        self._read_ns = 0
        self._running = 0

    def begin(self, timer: str) -> int:  # noqa: ARG002
        """See `BlockPolicy.begin`; the part is the index of the reading before the round."""
        due = self._clock.wall_ns() - self._read_ns >= COMPARED_BLOCK_NS
        if not self._running and (due or not self._readings):
            self._read()
        self._running += 1
        return len(self._readings) - 1

    def end(self) -> None:
        """See `BlockPolicy.end`."""
        self._running -= 1

    def blocks(self, run_ns: Sequence[float], parts: Sequence[int]) -> TimerBlocks:
        """See `BlockPolicy.blocks`."""
        self._read()
        rounds = _by_part(run_ns, parts)
        return TimerBlocks(
            [
                BlockTime(max(median(found), 1.0), self._readings[at], self._readings[at + 1])
                for at, found in rounds.items()
            ]
        )

    def _read(self) -> None:
        # A tracer slows the canaries more than most code, which would be taken for bad weather.
        with untraced():
            self._readings.append(read_canaries(self._clock))
        self._read_ns = self._clock.wall_ns()


class TurnBlocks:
    """The policy that takes a turn every few milliseconds, or when each timer has as many rounds as on the other side.

    If turns ended by time alone, the slower side would come to its later rounds in later turns. If rounds take longer
    the more rounds there were before, half of a slowdown would then not show. A timer that only one side has does not
    count.
    """

    def __init__(self, turns: Turns, name: str, clock: Clock) -> None:
        self._turns = turns
        self._name = name
        self._clock = clock
        self._turn: Turn | None = None
        self._took_ns = 0
        self._rounds: Counter[str] = Counter()
        self._running = 0

    def begin(self, timer: str) -> int:
        """See `BlockPolicy.begin`; the part is the number of the turn, or -1 if the other side has no such turn."""
        if not self._running:
            if self._is_over(self._turn, timer):
                self._turn = self._turns.take(self._name, rounds=self._rounds)
                self._took_ns = self._clock.wall_ns()
                self._rounds.clear()
            self._rounds[timer] += 1
        self._running += 1
        return -1 if self._turn is None else self._turn.number

    def _is_over(self, turn: Turn | None, timer: str) -> bool:
        if turn is None:
            return True
        took_ns = self._clock.wall_ns() - self._took_ns
        if timer in turn.rounds:
            return self._rounds[timer] >= turn.rounds[timer]
        missing = [one for one, number in turn.rounds.items() if self._rounds[one] < number]
        if turn.rounds and not missing:
            return True
        if any(self._rounds[one] for one in missing) and took_ns < _MOST_TURNS * TURN_NS:
            return False
        return took_ns >= TURN_NS

    def end(self) -> None:
        """See `BlockPolicy.end`."""
        self._running -= 1

    def blocks(self, run_ns: Sequence[float], parts: Sequence[int]) -> TimerBlocks:
        """See `BlockPolicy.blocks`."""
        rounds = {turn: found for turn, found in _by_part(run_ns, parts).items() if turn >= 0}
        return TimerBlocks(
            [BlockTime(max(quantile(sorted(found), 0.25), 1.0), (), (), fmean(found)) for found in rounds.values()],
            list(rounds),
        )


def _by_part(run_ns: Sequence[float], parts: Sequence[int]) -> dict[int, list[float]]:
    rounds: dict[int, list[float]] = {}
    for time_ns, part in zip(run_ns, parts, strict=True):
        rounds.setdefault(part, []).append(time_ns)
    return rounds
