"""The times of rounds on both sides of a comparison, small enough for a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.round_times import RoundTimes

MOST_POINTS: Final = 200
"""The most times of a side: a distribution with more points looks the same."""


@dataclass(frozen=True, slots=True)
class SideTimes:
    """The times of rounds on both sides, which were timed alike, each side's in ascending order.

    Of many times, order statistics at even distances are kept, always with the shortest and the longest time.

    Attributes:
        head: the times of the present code.
        base: the times of the other side.
        head_rounds: the number of rounds behind the times of the head.
        base_rounds: the number of rounds behind those of the base.
    """

    head: RoundTimes
    base: RoundTimes
    head_rounds: int
    base_rounds: int

    @classmethod
    def of(cls, head: Iterable[RoundTimes], base: Iterable[RoundTimes]) -> SideTimes | None:
        """Return the times of all recordings of each side together; None if a side has none."""
        found = [_together(list(one)) for one in (head, base)]
        if found[0] is None or found[1] is None:
            return None
        (of_head, head_rounds), (of_base, base_rounds) = found[0], found[1]
        return cls(of_head, of_base, head_rounds, base_rounds)

    def to_dict(self) -> dict[str, Any]:
        """Return the times as builtins."""
        rounds = {"head_rounds": self.head_rounds, "base_rounds": self.base_rounds}
        return {"head": self.head.to_dict(), "base": self.base.to_dict(), **rounds}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SideTimes:
        """Rebuild the times from the result of `to_dict`."""
        rebuilt = {name: RoundTimes.from_dict(data[name]) for name in ("head", "base")}
        return cls(**{**data, **rebuilt})


def _together(recorded: Sequence[RoundTimes]) -> tuple[RoundTimes, int] | None:
    times_ns = sorted(time_ns for one in recorded for time_ns in one.times_ns())
    last = min(len(times_ns), MOST_POINTS) - 1
    kept = [times_ns[round(at * (len(times_ns) - 1) / last)] for at in range(last + 1)] if last > 0 else times_ns
    # Nanoseconds of a round, of which each recording may have another number of calls.
    found = RoundTimes.of(kept, max((one.iterations for one in recorded), default=1))
    return None if found is None else (found, len(times_ns))
