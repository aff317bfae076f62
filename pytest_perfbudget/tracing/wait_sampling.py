"""The choice of the spans during which somebody looks who else uses the CPUs: a look takes longer than a short span.

Looks cost little of the waited time, however short or frequent the spans of a name are: of spans with short waits, a
random number is left out between two looks. So spans with several kinds of waiting, in any order, are seen in
proportion.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

Waits = tuple[int, int, int]
"""The CPU time of other threads of this process, the CPU time of processes that it has started, and the time in which
this thread could run and other programs had the CPUs, in ns."""

Look = tuple[int, int, Waits]
"""The begin and the end of a look, on the clock of spans, and what has happened up to then."""

LEAST_WAIT_NS: Final = 5_000
"""The shortest wait: to block and to wake up again takes a thread longer."""

PRICE_NS: Final = 100_000
"""The waiting for which a span is looked at, in the mean; the two looks take about 10 us."""

LONGEST_LOOK_NS: Final = 50_000
"""The longest time for a look. In a longer time somebody else had the CPU, which is not part of the span, and would
count as its waiting. A tenth of the waiting does no harm."""
_LITTLE: Final = 10

_FRUITLESS: Final = 3
"""The looks at spans that did not wait, until a name has to wait again."""

_MEMORY: Final = 8
"""The number of spans over which the waiting of a name is averaged."""

_MOST_NAMES: Final = 1_000


class _Name:
    """The spans of a name: how many that wait are left out, the mean of their waiting, and the looks in vain."""

    __slots__ = ("fruitless", "left_out", "mean_ns")

    def __init__(self) -> None:
        self.fruitless = self.left_out = 0
        self.mean_ns = 0.0


class WaitSampler:
    """The choice, for the spans of all threads.

    Args:
        look: a function that returns what has happened up to now, as this thread sees it.

    Attributes:
        settled: the names of which the next span is not chosen.
    """

    __slots__ = ("_chance", "_look", "_names", "settled")

    def __init__(self, look: Callable[[], Look]) -> None:
        self.settled: set[str] = set()
        self._look = look
        self._names: dict[str, _Name] = {}
        self._chance = Random(0).random  # noqa: S311 - no secret

    def begin(self, name: str) -> Look | None:
        """Return a look at the start of a span, if the span is chosen."""
        if name in self.settled:
            return None
        if name not in self._names:
            if len(self._names) >= _MOST_NAMES:
                return None
            self._names[name] = _Name()
        return self._look()

    def end(self, name: str, before: Look | None, start_ns: int, end_ns: int, waited_ns: int) -> Waits | None:
        """Return what has happened during a span; None if nobody looked, or if the span did not wait.

        Args:
            name: the name of the span.
            before: the result of `begin`.
            start_ns: the start of the span.
            end_ns: the end of the span.
            waited_ns: how long the span has waited; 0 if that is not known.
        """
        known = self._names.get(name)
        if known is None:
            return None
        if waited_ns < LEAST_WAIT_NS:
            if before is not None:
                known.fruitless += 1
                if known.fruitless >= _FRUITLESS:
                    self._leave_out(name, known)
            return None
        known.mean_ns += (waited_ns - known.mean_ns) / (_MEMORY if known.mean_ns else 1)
        if before is not None:
            _, after_ns, now = self._look()
            before_ns, _, then = before
            if max(start_ns - before_ns, after_ns - end_ns) > max(LONGEST_LOOK_NS, waited_ns // _LITTLE):
                return None
            self._leave_out(name, known)
            return now[0] - then[0], now[1] - then[1], now[2] - then[2]
        known.left_out -= 1
        if known.left_out <= 0:
            known.fruitless = 0
            self.settled.discard(name)
        return None

    def _leave_out(self, name: str, known: _Name) -> None:
        """Draw the number of spans that are left out."""
        mean = PRICE_NS / known.mean_ns - 1 if known.mean_ns else 0.0
        known.left_out = round(2 * max(mean, 0.0) * self._chance())
        if known.left_out or known.fruitless >= _FRUITLESS:
            self.settled.add(name)
        else:
            known.fruitless = 0
