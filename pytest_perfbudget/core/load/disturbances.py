"""The requests of a load that a pause of the generator may have made slower, and those that it has not.

A pause delays each request that is due, sent, or answered within it. The requests that have gathered meanwhile are sent
at once, and the service needs some time to work them off, in which further requests wait. A request counts as disturbed
until twice the length of the pause has passed after the pause.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from pytest_perfbudget.core.units import NS_PER

PAUSE_NS: Final = NS_PER["ms"]
"""The shortest lateness that is noted: the timers alone are late by less."""

_RECOVERY: Final = 2
"""The time after a pause in which requests are disturbed, in lengths of the pause. None of 800 simulated loads, of
queues at 50, 80 and 95 % utilisation beside a generator that pauses for 5 to 20 % of the time, was falsely exceeded."""

_LONGEST_NS: Final = 60 * NS_PER["s"]
"""The time after which a pause is forgotten: few requests are longer."""


class Disturbances:
    """The disturbed requests of a load, by their position in the order in which the requests ended.

    Attributes:
        until_ns: the time until which the requests that are due may be disturbed.
    """

    def __init__(self) -> None:
        self.until_ns = -1
        self._recent: list[tuple[int, int]] = []  # until when, ascending, and how late, descending
        self._begins, self._ends, self._lateness = array("q"), array("q"), array("q")  # runs of positions

    def note(self, now_ns: int, late_ns: int) -> None:
        """Note that the generator acted late.

        Args:
            now_ns: the time at which the generator acted.
            late_ns: the lateness.
        """
        until_ns = now_ns + _RECOVERY * late_ns
        longer = [one for one in self._recent if one[1] > late_ns and one[0] > now_ns - _LONGEST_NS]
        if not longer or longer[-1][0] < until_ns:
            longer.append((until_ns, late_ns))
        self._recent, self.until_ns = longer, longer[-1][0]

    def mark(self, position: int, due_ns: int) -> None:
        """Note that a request has ended.

        Args:
            position: of the request in the order in which the requests end.
            due_ns: the time at which the request was due.
        """
        for until_ns, late_ns in self._recent:
            if until_ns >= due_ns:
                if self._ends and self._ends[-1] == position and self._lateness[-1] == late_ns:
                    self._ends[-1] += 1
                else:
                    self._begins.append(position)
                    self._ends.append(position + 1)
                    self._lateness.append(late_ns)
                return

    def copy(self) -> Disturbances:
        """Return the disturbances so far, apart from those that are added later."""
        found = Disturbances()
        found._begins, found._ends, found._lateness = self._begins[:], self._ends[:], self._lateness[:]
        return found

    def undisturbed(self, latencies: Sequence[float], allowed_ns: float) -> tuple[list[float], int]:
        """Return the latencies with 0 for each request that was disturbed, and the number of these requests.

        Args:
            latencies: in ns, in the order in which the requests ended.
            allowed_ns: the lateness up to which a pause disturbs nothing.
        """
        found, number = list(latencies), 0
        for begin, end, late_ns in zip(self._begins, self._ends, self._lateness, strict=True):
            if late_ns > allowed_ns:
                found[begin:end] = [0] * (end - begin)
                number += end - begin
        return found, number
