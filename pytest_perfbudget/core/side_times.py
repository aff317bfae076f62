"""The times of rounds on both sides of a comparison, small enough for a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pytest_perfbudget.core.calm_quantiles import SHARES, CalmQuantiles
from pytest_perfbudget.core.round_times import RoundTimes

MOST_POINTS: Final = 200
"""The most times of a side: a distribution with more points looks the same."""

_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class SideTimes:
    """The times of rounds on both sides, which were timed alike, each side's in ascending order.

    Of many times, order statistics at even distances are kept, always with the shortest and the longest time. Of the
    baseline, quantiles at certain shares are known; both sides are corrected to calm weather then.

    Attributes:
        head: the times of the present code.
        base: the times of the other side.
        head_rounds: the number of rounds behind the times of the head.
        base_rounds: the number of rounds behind those of the base.
        base_shares: the share of the rounds at which the base has each of its times; empty for even distances.
    """

    head: RoundTimes
    base: RoundTimes
    head_rounds: int
    base_rounds: int
    base_shares: tuple[float, ...] = ()

    @classmethod
    def of(cls, head: Iterable[RoundTimes], base: Iterable[RoundTimes]) -> SideTimes | None:
        """Return the times of all recordings of each side together; None if a side has none."""
        found = [_together(list(one)) for one in (head, base)]
        if found[0] is None or found[1] is None:
            return None
        (of_head, head_rounds), (of_base, base_rounds) = found[0], found[1]
        return cls(of_head, of_base, head_rounds, base_rounds)

    @classmethod
    def since_baseline(
        cls, head_ns: Sequence[float], base: CalmQuantiles, calls: int, waited_ns: Sequence[float] = ()
    ) -> SideTimes | None:
        """Return the times of the head and those of the baseline, in calm weather; None if the head has none.

        Args:
            head_ns: the times of the head's rounds in calm weather, in ns of one call, in ascending order.
            base: the quantiles that the baseline holds.
            calls: the most calls in a round of the head, which the precision of the kept times depends on.
            waited_ns: the part of each time in which other processes held the CPU; empty if that is not known.
        """
        of_head = RoundTimes.of(_kept(head_ns), calls, _kept(waited_ns))
        of_base = RoundTimes.of(base.times_ns, calls)
        return cls(of_head, of_base, len(head_ns), base.rounds, SHARES) if of_head and of_base else None

    @property
    def is_calm(self) -> bool:
        """Whether the times of both sides are corrected to calm weather, because the base is the baseline."""
        return bool(self.base_shares)

    def to_dict(self) -> dict[str, Any]:
        """Return the times as builtins."""
        rounds = {"head_rounds": self.head_rounds, "base_rounds": self.base_rounds}
        shares = {"base_shares": list(self.base_shares)} if self.base_shares else {}
        return {"head": self.head.to_dict(), "base": self.base.to_dict(), **rounds, **shares}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SideTimes:
        """Rebuild the times from the result of `to_dict`."""
        rebuilt = {name: RoundTimes.from_dict(data[name]) for name in ("head", "base")}
        return cls(**{**data, **rebuilt, "base_shares": tuple(data.get("base_shares", ()))})

    def check(self) -> None:
        """Unpack the times.

        Raises:
            ValueError: the text is damaged, or the times of the base are not as many as their shares.
        """
        self.head.own_times_ns()
        number, shares = len(self.base.own_times_ns()), len(self.base_shares)
        if shares and number != shares:
            message = f"side_times has {number} times of the base for {shares} shares"
            raise ValueError(message)


def _together(recorded: Sequence[RoundTimes]) -> tuple[RoundTimes, int] | None:
    both = sorted(pair for one in recorded for pair in zip(one.times_ns(), one.waits_ns(), strict=True))
    times_ns, waited_ns = ([pair[at] for pair in _kept(both)] for at in (0, 1))
    # Nanoseconds of a round, of which each recording may have another number of calls.
    found = RoundTimes.of(times_ns, max((one.iterations for one in recorded), default=1), waited_ns)
    return None if found is None else (found, len(both))


def _kept(ordered: Sequence[_One]) -> Sequence[_One]:
    """Return at most `MOST_POINTS` of the values, at even distances."""
    last = min(len(ordered), MOST_POINTS) - 1
    if last <= 0:
        return ordered
    return [ordered[round(at * (len(ordered) - 1) / last)] for at in range(last + 1)]
