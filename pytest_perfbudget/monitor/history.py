"""The history of a component: tallies of the last 24 hours in rings of slots, coarser the further they reach.

The memory is constant: a ring reaches back from the last request, and a slot that is older is dropped.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from pytest_perfbudget.core.alerts import WINDOWS
from pytest_perfbudget.core.tally import LONGEST_NS, Tally, bucket_of, empty_counts, packed, packed_sparse
from pytest_perfbudget.core.units import NS_PER


class Level(NamedTuple):
    """A ring: the width of its slots, in ns, and the number of slots."""

    width_ns: int
    slots: int


_SECOND: Final = NS_PER["s"]
LEVELS: Final = (
    Level(5 * _SECOND, 12),
    Level(30 * _SECOND, 30),
    Level(300 * _SECOND, 12),
    Level(3600 * _SECOND, 24),
)
_LEVEL_OF: Final = {"1m": 0, "5m": 1, "15m": 1, "1h": 2, "24h": 3}
HALF_MINUTES: Final = 1
"""The level whose slots are the points of a sparkline."""
HOURS: Final = 3
"""The level whose slots are the points of a sparkline over a day."""

Slots = tuple[Mapping[int, Tally], ...]
"""For each level, the tallies by the number of the slot since 1970."""


class Window(NamedTuple):
    """The tally of a window, and the time that the window covers: less than its name says soon after the start."""

    tally: Tally
    covered_ns: int

    @property
    def per_second(self) -> float:
        """The number of requests per second."""
        return self.tally.count * _SECOND / max(self.covered_ns, _SECOND)


class Point(NamedTuple):
    """The requests per second and the p95 in ns of one slot."""

    per_second: float
    p95_ns: float


@dataclass(frozen=True, slots=True)
class History:
    """The history of a component at one moment; the sum of the histories of two processes is that of both.

    Attributes:
        slots: the tallies of each level by slot.
        total: the tally since the start.
        start_ns: the time of the start, in ns since 1970.
    """

    slots: Slots
    total: Tally
    start_ns: int

    def __add__(self, other: History) -> History:
        """Return the history of both together."""
        merged = tuple(_merged(mine, theirs) for mine, theirs in zip(self.slots, other.slots, strict=True))
        return History(merged, self.total + other.total, min(self.start_ns, other.start_ns))

    def window(self, name: str, now_ns: int) -> Window:
        """Return a window that ends now, by its name in `WINDOWS`."""
        level = _LEVEL_OF[name]
        width_ns = LEVELS[level].width_ns
        newest = now_ns // width_ns
        oldest = newest - WINDOWS[name] * _SECOND // width_ns + 1
        tally = sum((one for slot, one in self.slots[level].items() if oldest <= slot <= newest), Tally())
        return Window(tally, now_ns - max(oldest * width_ns, min(self.start_ns, now_ns)))

    def pruned(self) -> History:
        """Return the history without the slots that a ring of each level no longer reaches from its last request."""
        newest = [max(level, default=0) for level in self.slots]
        slots = tuple(
            {slot: one for slot, one in kept.items() if slot > last - level.slots}
            for kept, last, level in zip(self.slots, newest, LEVELS, strict=True)
        )
        return History(slots, self.total, self.start_ns)

    def last_ns(self, now_ns: int) -> int:
        """Return the end of the last slot with requests, or now if that slot has not ended; 0 without requests."""
        newest = max(self.slots[0], default=None)
        return 0 if newest is None else min((newest + 1) * LEVELS[0].width_ns - 1, now_ns)

    def points(self, now_ns: int, at_level: int = HALF_MINUTES) -> list[Point]:
        """Return a point for each slot of a level, the oldest first; by default for each half minute."""
        level = LEVELS[at_level]
        newest = now_ns // level.width_ns
        found = [self.slots[at_level].get(slot, Tally()) for slot in range(newest - level.slots + 1, newest + 1)]
        return [Point(one.count * _SECOND / level.width_ns, one.cumulated().quantile_ns(0.95)) for one in found]


class Recorder:
    """The recorder of a component's history. The caller holds a lock while a method runs.

    A signal handler or a finalizer in the same thread may call a method within another, so each method leaves the
    recorder whole at every call that it makes.
    """

    __slots__ = ("_count", "_counts", "_ends_ns", "_failed", "_most_ns", "_slots", "_start_ns", "_total", "_total_ns")

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._slots: tuple[dict[int, Tally], ...] = tuple({} for _ in LEVELS)
        self._total = Tally()
        self._count = self._total_ns = self._most_ns = 0
        self._begin(start_ns, empty_counts(), {})

    def record(self, now_ns: int, duration_ns: int, *, is_error: bool) -> None:
        """Count a request that has ended. A time before the present slot counts for the present slot."""
        if now_ns >= self._ends_ns:
            self._end_slot(now_ns)
        if duration_ns > LONGEST_NS:
            duration_ns = LONGEST_NS
        elif duration_ns < 0:
            duration_ns = 0
        bucket = bucket_of(duration_ns)
        self._counts[bucket] += 1
        self._count += 1
        self._total_ns += duration_ns
        if duration_ns > self._most_ns:  # noqa: PLR1730 - a call of max() takes longer than all the rest
            self._most_ns = duration_ns
        if is_error:
            self._failed[bucket] = self._failed.get(bucket, 0) + 1

    def history(self, now_ns: int) -> History:
        """Return the history up to now."""
        if now_ns >= self._ends_ns:
            self._end_slot(now_ns)
        present, at_ns = self._present(), self._ends_ns - LEVELS[0].width_ns
        slots = tuple(
            _merged(kept, {at_ns // level.width_ns: present}) if present.count else dict(kept)
            for level, kept in zip(LEVELS, self._slots, strict=True)
        )
        return History(slots, self._total + present, self._start_ns)

    def _present(self) -> Tally:
        return _tally(self._count, self._total_ns, self._most_ns, self._counts, self._failed)

    def _end_slot(self, now_ns: int) -> None:
        """Begin the next slot, and then add up the one before: a finalizer or a signal handler may come in between."""
        counts, ends_ns = empty_counts(), self._ends_ns
        failed: dict[int, int] = {}
        if now_ns < ends_ns:
            return
        ended = self._count, self._total_ns, self._most_ns, self._counts, self._failed
        self._begin(now_ns, counts, failed)
        present, at_ns = _tally(*ended), ends_ns - LEVELS[0].width_ns
        self._total += present
        for level, kept in zip(LEVELS, self._slots, strict=True) if present.count else ():
            slot = at_ns // level.width_ns
            kept[slot] = kept[slot] + present if slot in kept else present
            for old in [one for one in kept if one <= slot - level.slots]:
                del kept[old]

    def _begin(self, now_ns: int, counts: array[int], failed: dict[int, int]) -> None:
        self._ends_ns = (now_ns // LEVELS[0].width_ns + 1) * LEVELS[0].width_ns
        self._counts = counts
        self._failed = failed
        self._count = self._total_ns = self._most_ns = 0


def _tally(count: int, total_ns: int, most_ns: int, counts: array[int], failed: dict[int, int]) -> Tally:
    return Tally(count, sum(failed.values()), total_ns, most_ns, packed(counts), packed_sparse(failed))


def _merged(mine: Mapping[int, Tally], theirs: Mapping[int, Tally]) -> dict[int, Tally]:
    found = dict(mine)
    for slot, tally in theirs.items():
        found[slot] = found[slot] + tally if slot in found else tally
    return found
