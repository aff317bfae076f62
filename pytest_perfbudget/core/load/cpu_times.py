"""The CPU time of a process over time, from readings between which it grows evenly."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

_LONGEST_NS: Final = 20_000_000
"""The longest duration of a reading between others: the time to which a longer one belongs is not known."""


@dataclass
class CpuTimes:
    """Readings of a CPU time, ascending.

    Attributes:
        at_ns: the time of each reading.
        used_s: the CPU time so far.
    """

    at_ns: list[int] = field(default_factory=list)
    used_s: list[float] = field(default_factory=list)

    def add(self, begun_ns: int, ended_ns: int, used_s: float, *, is_last: bool = False) -> None:
        """Add a reading, which is later than the others.

        A reading between others that took long is left out. A thread that reads beside busy threads may wait for the
        interpreter's lock between the reading and the look at the clock, and the CPU time would seem to be used later.
        """
        if self.at_ns and not is_last and ended_ns - begun_ns > _LONGEST_NS:
            return
        at_ns = (begun_ns + ended_ns) // 2
        self.at_ns.append(at_ns)
        self.used_s.append(used_s)

    def per_cent(self, from_ns: int, to_ns: int) -> float:
        """Return the CPU time between two times, in per cent of one CPU.

        Without any time between them, as of a load without an answer, the times of the first and of the last reading
        take their places.
        """
        from_ns, to_ns = max(from_ns, self.at_ns[0]), min(to_ns, self.at_ns[-1])
        if to_ns <= from_ns:
            from_ns, to_ns = self.at_ns[0], max(self.at_ns[-1], self.at_ns[0] + 1)
        return 100 * (self._until(to_ns) - self._until(from_ns)) / ((to_ns - from_ns) / 1e9)

    def _until(self, time_ns: int) -> float:
        after = bisect_left(self.at_ns, time_ns)
        if after == 0 or after == len(self.at_ns):
            return self.used_s[min(after, len(self.at_ns) - 1)]
        begin_ns, end_ns = self.at_ns[after - 1], self.at_ns[after]
        before_s, after_s = self.used_s[after - 1], self.used_s[after]
        return before_s + (after_s - before_s) * (time_ns - begin_ns) / (end_ns - begin_ns)
