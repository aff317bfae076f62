"""The perf tests that a session has run, and the time that the others will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_perfbudget.measure.clock import SYSTEM


class SessionPace:
    """The pace of a session, to which all workers of pytest-xdist add: their perf tests run one after the other.

    Args:
        folder: the folder that the workers share; empty without pytest-xdist.
        wall_ns: the clock.

    Attributes:
        total: the number of perf tests of the session.
    """

    def __init__(self, folder: str = "", wall_ns: Callable[[], int] = SYSTEM.wall_ns) -> None:
        self._file = Path(folder, "durations.txt") if folder else None
        self._wall_ns = wall_ns
        self._own_s: list[float] = []
        self.total = 0

    @contextmanager
    def test(self) -> Iterator[None]:
        """Time one perf test with its comparison."""
        started_ns = self._wall_ns()
        try:
            yield
        finally:
            self._add((self._wall_ns() - started_ns) / 1e9)

    @property
    def number(self) -> int:
        """The number of the perf test that runs; a repetition of the last test has its number."""
        return min(len(self._durations_s()) + 1, self.total)

    def left_s(self, *, after_this: bool = False) -> float:
        """Return the time in s that this perf test and those after it will take; 0 if no test has shown that.

        Args:
            after_this: whether to leave out this test.
        """
        known = self._durations_s()
        tests = self.total - len(known) - after_this
        return sum(known) / len(known) * max(tests, 0) if known else 0.0

    def _add(self, duration_s: float) -> None:
        self._own_s.append(duration_s)
        if self._file is not None:
            with suppress(OSError), self._file.open("a", encoding="ascii") as file:
                file.write(f"{duration_s:.3f}\n")

    def _durations_s(self) -> list[float]:
        """Return the durations of the tests so far, in s: of this process only, if the file is of no use."""
        if self._file is None:
            return self._own_s
        try:
            return [float(one) for one in self._file.read_text("ascii").split()]
        except (OSError, ValueError):
            return self._own_s
