"""The pairs of processes that stay from test to test, so that not each suspect has to start pairs of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.shared_pair import SharedPair
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.measure.free_memory import available_bytes, resident_bytes
from pytest_perfbudget.processes.duet import Duet

_FEWEST_SUSPECTS: Final = 2
"""The number of suspects that there have to be, and of further suspects that have to be expected, for a pair to be
started ahead of them. A clean session has one suspect in a while."""

FIRST_KEPT: Final = 2
"""The number of the first pair that stays, because the first pair of each suspect is a fresh pair."""

_ROOM: Final = 8
"""The available memory, as a multiple of the memory of a pair, that has to be there for each pair that stays."""


class KeptPairs:
    """Pairs of processes in the place of fresh pairs, whose start takes longer than a measurement.

    Pair n measures each suspect as its nth fresh pair, once. Each has a hash seed, an address space and pages of memory
    of its own, as fresh pairs have; but all have run the suspects so far, which may have left something behind. So the
    first pair of a suspect is always a fresh pair; see `core.shared_pairs`. Between tests a pair holds no fixture.

    The pairs are started between tests. A suite may look for processes and threads that a test leaves behind.

    Args:
        make: a function that takes tests and a number, and returns the pair of this number, not yet started.
        carried: see `SharedPair`.
        most: the largest number of pairs.
        available: a function that returns the available memory in bytes; 0 if that is not known.
        resident: a function that returns the memory of a process in bytes, by its id.
    """

    def __init__(
        self,
        make: Callable[[Sequence[str], int], Duet],
        carried: Callable[[], Sequence[str]],
        most: int,
        *,
        available: Callable[[], int] = available_bytes,
        resident: Callable[[int], int] = resident_bytes,
    ) -> None:
        self._make = make
        self._carried = carried
        self._most = most
        self._available = available
        self._resident = resident
        self._tests: Sequence[str] = ()
        self._pairs: dict[int, SharedPair] = {}
        self._measured: dict[int, set[str]] = {}

    @property
    def is_any(self) -> bool:
        """Whether there is a pair."""
        return bool(self._pairs)

    def missing(self, taken: Collection[int], done: int, left: int) -> int:
        """Return the number of pairs to start now, because the tests that are left are likely to need them.

        Args:
            taken: the number of fresh pairs that each suspect so far has taken.
            done: the number of tests so far.
            left: the number of tests that are left.
        """
        wanted = 0
        while wanted < self._most:
            needed = sum(one >= FIRST_KEPT + wanted for one in taken)
            if min(needed, needed * left / (done + 1)) < _FEWEST_SUSPECTS:
                break
            wanted += 1
        return max(wanted - len(self._pairs), 0)

    def start(self, tests: Sequence[str], number: int) -> None:
        """Start further pairs, as many as memory allows; if a pair cannot be started, no pair stays.

        Args:
            tests: all tests that the pairs may measure.
            number: the number of pairs.
        """
        self._tests = tests
        try:
            first = FIRST_KEPT + len(self._pairs)
            for at in range(first, first + number):
                pair = SharedPair(partial(self._numbered, number=at), self._carried)
                self._pairs[at] = pair
                pair.open(tests)
                if not self._has_room(pair):
                    self._most = at - FIRST_KEPT
                    self._pairs.pop(at).end()
                    break
        except Exception:  # noqa: BLE001 - a fixture may have patched any function, and fresh pairs do as well
            self.give_up()

    def measure(
        self,
        number: int,
        nodeid: str,
        patience_s: float,
        play: Callable[[Duet, Sequence[str]], Attempt[Pair] | None],
    ) -> Attempt[Pair] | None:
        """Measure a test with the pair of a number; None if a fresh pair has to measure the test.

        What fails in a pair that has measured other tests may pass in a fresh pair: a fixture can perhaps be set up
        only once in a process. No pair stays then.

        Args:
            number: the number of the pair.
            nodeid: the test.
            patience_s: the time in s for which a process may be silent.
            play: see `SharedPair.measure`.
        """
        pair = self._pairs.get(number)
        if pair is None or nodeid not in self._tests:
            return None
        try:
            found = pair.measure(self._tests, patience_s, play)
        except WorkerError:
            found = None
        if found is None or found.problem:
            self.give_up()
            return None
        measured = self._measured.setdefault(number, set())
        measured.add(nodeid)
        if pair.has_failed:  # in a further run, which the result does without
            self.give_up()
        elif not self._has_room(pair):
            self._most = number - FIRST_KEPT
            self._end_from(number)
        if len(measured) == 1:
            return found
        return replace(found, runs={name: replace(one, is_shared=True) for name, one in found.runs.items()})

    def give_up(self) -> None:
        """End all pairs, and start no other."""
        self._most = 0
        self.end()

    def end(self) -> None:
        """End all pairs."""
        self._end_from(FIRST_KEPT)

    def _end_from(self, number: int) -> None:
        """End the pair of a number and all later pairs."""
        for at in sorted(self._pairs, reverse=True):
            if at >= number:
                self._measured.pop(at, None)
                self._pairs.pop(at).end()

    def _numbered(self, tests: Sequence[str], number: int) -> Duet:
        return self._make(tests, number)

    def _has_room(self, pair: SharedPair) -> bool:
        return self._available() >= _ROOM * sum(self._resident(one) for one in pair.pids) > 0
