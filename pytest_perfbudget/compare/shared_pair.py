"""A pair of processes that lives as long as the session, and measures many tests, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.processes.duet import Duet


class SharedPair:
    """A pair that is started when it is first needed, and started anew after a failure.

    Args:
        make: a function that takes the tests and returns a new pair for them, not yet started.
        carried: a function that returns the generated modules that the base has now.
        is_open: a function that is called with each pair that has started.

    Attributes:
        start_s: the time in s that the last pair took to start; 0 before.
    """

    def __init__(
        self,
        make: Callable[[Sequence[str]], Duet],
        carried: Callable[[], Sequence[str]],
        is_open: Callable[[Duet], None] = lambda _: None,
    ) -> None:
        self._make = make
        self._carried_now = carried
        self._carried: Sequence[str] = ()
        self._note = is_open
        self._duet: Duet | None = None
        self.start_s = 0.0

    @property
    def pids(self) -> Sequence[int]:
        """The ids of both processes; none if the pair is not started."""
        return () if self._duet is None else self._duet.pids

    @property
    def has_failed(self) -> bool:
        """Whether a test has not come to its end in both processes, so that these cannot measure another test."""
        return self._duet is not None and self._duet.has_failed

    def open(self, nodeids: Sequence[str]) -> Duet:
        """Start the pair for tests; nothing of the pair is left after an error.

        Raises:
            WorkerError: a process cannot be started, or died while it collected its tests.
        """
        self._carried = self._carried_now()
        self._duet = self._make(nodeids)
        started_ns = SYSTEM.wall_ns()
        try:
            self._duet.__enter__()
        except BaseException as error:
            self.end(error)
            raise
        self.start_s = (SYSTEM.wall_ns() - started_ns) / 1e9
        self._note(self._duet)
        return self._duet

    def measure(
        self,
        nodeids: Sequence[str],
        patience_s: float,
        play: Callable[[Duet, Sequence[str]], Attempt[Pair] | None],
    ) -> Attempt[Pair]:
        """Measure one test; end the pair after an error.

        Args:
            nodeids: all tests that the pair will measure.
            patience_s: the time in s for which a process may be silent.
            play: a function that measures with a pair whose base has some generated modules, and returns None if the
                base needs a new process, because there are more of these now.

        Raises:
            WorkerError: a process cannot be started, died or hangs.
        """
        try:
            while True:
                duet = self._duet or self.open(nodeids)
                duet.be_patient(patience_s)
                if (found := play(duet, self._carried)) is not None:
                    return found
                self.end()
        except BaseException as error:  # a pair that is half started, or interrupted, is of no more use
            self.end(error)
            raise

    def end(self, error: BaseException | None = None) -> None:
        """End the pair: at once after an error, otherwise after its fixtures are torn down.

        What the fixtures hold is free then.
        """
        if self._duet is not None:
            self._duet.__exit__(None if error is None else type(error), error, None)
            self._duet = None
