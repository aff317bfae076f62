"""The second screening pair, which tells whether a process of the first pair is off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.shared_pair import SharedPair
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.processes.duet import Duet

_FEWEST_LEFT: Final = 2
"""The number of tests that have to be left for the pair to be started ahead of them."""


class SecondPair:
    """A pair that is started once a test has needed it, and then stays.

    A pair that is as old as the session costs a third of a fresh pair. It is started between tests, because a suite may
    look for processes and threads that a test leaves behind. The first test that needs it has a pair that ends with it.

    Args:
        make: see `SharedPair`.
        carried: see there.
    """

    def __init__(self, make: Callable[[Sequence[str]], Duet], carried: Callable[[], Sequence[str]]) -> None:
        self._pair = SharedPair(make, carried)
        self._is_wanted = False
        self._stays = False
        self._has_failed = False

    def measure(
        self,
        nodeids: Sequence[str],
        patience_s: float,
        play: Callable[[Duet, Sequence[str]], Attempt[Pair] | None],
    ) -> Attempt[Pair] | None:
        """Measure one test; None if the pair cannot, so that the session does without; see `SharedPair.measure`."""
        if self._has_failed:
            return None
        self._is_wanted = True
        try:
            return self._pair.measure(nodeids, patience_s, play)
        except WorkerError:
            self._has_failed = True
            return None
        finally:
            if not self._stays:
                self._pair.end()

    def prepare(self, nodeids: Sequence[str], left: int, *, is_last: bool) -> None:
        """Start the pair, between tests, if a test has needed it; end it before the last test.

        Args:
            nodeids: all tests that the pair may measure.
            left: the number of tests that are left.
            is_last: see `ComparisonStrategy.prepare`.
        """
        if is_last:
            self.end()
        elif self._is_wanted and not (self._stays or self._has_failed) and left >= _FEWEST_LEFT:
            try:
                self._pair.open(nodeids)
                self._stays = True
            except Exception:  # noqa: BLE001 - a fixture may have patched any function, and the first pair does as well
                self._has_failed = True

    def end(self) -> None:
        """End the pair; a test that needs it later has a pair that ends with the test."""
        self._stays = False
        self._pair.end()
