"""The pace of a generator: wake-ups at given times, more exact than the timers of an event loop.

An event loop waits in whole milliseconds. A thread sleeps to within a tenth of that, and wakes the loop up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from pytest_perfbudget.measure.clock import SYSTEM

Fire = Callable[[list[int]], None]
"""A function that takes the times that have come since it was called last, ascending, in ns."""

_sleep: Final = time.sleep
_NAP_S: Final = 0.05
"""The longest sleep, after which the thread looks whether it is to stop."""


class Pacer(Protocol):
    """A source of wake-ups."""

    def start(self, due_ns: Iterator[int], fire: Fire) -> None:
        """Call `fire` whenever times have come, until there are no more or `stop` is called.

        Args:
            due_ns: the times, ascending, in ns of the recorder's clock.
            fire: the function, which is called in the generator's own thread.
        """

    def stop(self) -> None:
        """Stop; `fire` is not called again."""


class PacerThread:
    """A thread that wakes the generator up.

    Args:
        post: a function that has the generator's thread call a function soon, such as `loop.call_soon_threadsafe`.
    """

    def __init__(self, post: Callable[[Callable[[], None]], object]) -> None:
        self._post = post
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    def start(self, due_ns: Iterator[int], fire: Fire) -> None:
        """See `Pacer.start`."""
        self._thread = threading.Thread(
            target=self._run, args=(due_ns, fire), name="perfbudget-load-pacer", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """See `Pacer.stop`."""
        self._is_stopped = True
        if self._thread is not None:
            self._thread.join()

    def _run(self, due_ns: Iterator[int], fire: Fire) -> None:
        now_ns = SYSTEM.wall_ns
        upcoming = next(due_ns, None)
        while upcoming is not None and not self._is_stopped:
            left_ns = upcoming - now_ns()
            if left_ns > 0:
                _sleep(min(left_ns / 1e9, _NAP_S))
                continue
            come = []
            at_ns = now_ns()
            while upcoming is not None and upcoming <= at_ns:
                come.append(upcoming)
                upcoming = next(due_ns, None)
            try:
                self._post(lambda come=come: self._fire(fire, come))  # type: ignore[misc]
            except RuntimeError:  # the loop is closed
                return

    def _fire(self, fire: Fire, come: list[int]) -> None:
        if not self._is_stopped:
            fire(come)
