"""The notes on the terminal while a comparison runs: which test, which process of how many, and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_perfbudget.compare.context import ProgressNote
from pytest_perfbudget.core.slowdown import MOST_FRESH
from pytest_perfbudget.measure.clock import SYSTEM

_FIRST_LOOK = 3
"""The number of fresh processes after which a verdict may come; without a verdict there are `MOST_FRESH`."""


class Pace:
    """The time that the steps of a comparison take, from which the time left follows.

    Args:
        wall_ns: the clock.
    """

    def __init__(self, wall_ns: Callable[[], int] = SYSTEM.wall_ns) -> None:
        self._wall_ns = wall_ns
        self._spent_ns = 0
        self.done = 0

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time one step."""
        started_ns = self._wall_ns()
        try:
            yield
        finally:
            self._spent_ns += self._wall_ns() - started_ns
            self.done += 1

    def left(self, total: int) -> str:
        """Return the time left with a comma before it; empty before the first step has shown how long a step takes."""
        if not self.done:
            return ""
        left_s = self._spent_ns / self.done * max(total - self.done, 0) / 1e9
        return f", {left_s / 60:.0f} min left" if left_s >= 90 else f", {left_s:.0f} s left"


def note_screening(progress: ProgressNote, nodeid: str, pace: Pace, total: int) -> None:
    """Show which test of how many is compared; a repetition of a test is no further test."""
    number = min(pace.done + 1, total)
    progress.note(f"perf: comparing test {number} of {total}{pace.left(total)}: {nodeid}")


def note_fresh(progress: ProgressNote, nodeid: str, pace: Pace) -> None:
    """Show which fresh process of how many measures a test that looks worse."""
    total = _FIRST_LOOK if pace.done < _FIRST_LOOK else MOST_FRESH
    most = "" if pace.done < _FIRST_LOOK else "at most "
    progress.note(f"perf: looks worse, fresh process {pace.done + 1} of {most}{total}{pace.left(total)}: {nodeid}")
