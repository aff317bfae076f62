"""An asyncio event loop whose time is a number: it jumps to the next timer instead of waiting."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.load.pacing import Fire

_T = TypeVar("_T")


class _Selector(selectors.SelectSelector):
    """Never waits: it adds the time that the loop wants to wait to the loop's time."""

    waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            message = "the loop would wait for ever"
            raise AssertionError(message)
        self.waited_s += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Return the virtual time in s."""
        return self._virtual.waited_s

    def now_ns(self) -> int:
        """Return the virtual time in ns."""
        return round(1e9 * self._virtual.waited_s)

    def spend(self, seconds: float) -> None:
        """Let the code that runs take time, in which nothing else can run."""
        self._virtual.waited_s += seconds

    @property
    def clock(self) -> Clock:
        """The clocks of this loop."""
        return Clock(self.now_ns, self.now_ns)


class LoopPacer:
    """Wake-ups by the timers of the loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._is_stopped = False

    def start(self, due_ns: Iterator[int], fire: Fire) -> None:
        upcoming = next(due_ns, None)
        if upcoming is not None:
            self._loop.call_at(upcoming / 1e9, self._wake, upcoming, due_ns, fire)

    def stop(self) -> None:
        self._is_stopped = True

    def _wake(self, due: int, due_ns: Iterator[int], fire: Fire) -> None:
        if not self._is_stopped:
            fire([due])
            self.start(due_ns, fire)


def run_virtually(loop: VirtualLoop, coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end, check that it leaves no task, and close the loop.

    After an interruption all tasks are cancelled, as `asyncio.run` does.
    """
    try:
        return loop.run_until_complete(coroutine)
    except KeyboardInterrupt:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        for task in asyncio.all_tasks(loop):
            with suppress(asyncio.CancelledError, KeyboardInterrupt):
                loop.run_until_complete(task)
        raise
    finally:
        assert not asyncio.all_tasks(loop)
        loop.close()
