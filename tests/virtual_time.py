"""Event loops whose time is a number: it jumps to the next timer instead of waiting. Of asyncio, and of trio."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import trio
from trio.testing import MockClock

from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.load.pacing import Fire, Pacer

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
    """An event loop of asyncio in virtual time."""

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

    @property
    def pacer(self) -> Pacer:
        """A pacer in the time of this loop."""
        return LoopPacer(self)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    async def for_ever(self) -> None:
        """Wait until cancelled."""
        await asyncio.Event().wait()

    async def stay(self, seconds: float) -> None:
        """Sleep in spite of cancellations."""
        end = self.time() + seconds
        while self.time() < end:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(end - self.time())

    def task(self) -> object:
        """Return the current task."""
        return asyncio.current_task(self)

    def run(self, function: Callable[[], Coroutine[Any, Any, _T]], *, leaves_tasks: bool = False) -> _T:
        """Run a coroutine function to its end, and close the loop; see `run_virtually`."""
        if not leaves_tasks:
            return run_virtually(self, function())
        try:
            return self.run_until_complete(function())
        finally:
            left = asyncio.all_tasks(self)
            assert left
            for task in left:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
            self.close()


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


class VirtualTrio:
    """An event loop of trio in virtual time."""

    def __init__(self) -> None:
        self._time = MockClock(autojump_threshold=0)

    def time(self) -> float:
        """Return the virtual time in s."""
        return self._time.current_time()

    def now_ns(self) -> int:
        """Return the virtual time in ns."""
        return round(1e9 * self.time())

    def spend(self, seconds: float) -> None:
        """Let the code that runs take time, in which nothing else can run."""
        self._time.jump(seconds)

    @property
    def clock(self) -> Clock:
        """The clocks of this loop."""
        return Clock(self.now_ns, self.now_ns)

    @property
    def pacer(self) -> Pacer:
        """A pacer in the time of this loop."""
        return TrioPacer()

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await trio.sleep(seconds)

    async def for_ever(self) -> None:
        """Wait until cancelled."""
        await trio.sleep_forever()

    async def stay(self, seconds: float) -> None:
        """Sleep in spite of cancellations."""
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)

    def task(self) -> object:
        """Return the current task."""
        return trio.lowlevel.current_task()

    def run(self, function: Callable[[], Awaitable[_T]], *, leaves_tasks: bool = False) -> _T:
        """Run an async function to its end, and check that it leaves no task unless it should."""
        found: list[_T] = []

        async def main() -> None:
            before = _tasks()
            try:
                found.append(await function())
            finally:
                assert (len(_tasks() - before) > 0) is leaves_tasks

        trio.run(main, clock=self._time)
        return found[0]


class TrioPacer:
    """Wake-ups by the timers of trio."""

    def __init__(self) -> None:
        self._scope = trio.CancelScope()

    def start(self, due_ns: Iterator[int], fire: Fire) -> None:
        async def run() -> None:
            with self._scope:
                for due in due_ns:
                    await trio.sleep_until(due / 1e9)
                    fire([due])

        trio.lowlevel.spawn_system_task(run, name="pacer")

    def stop(self) -> None:
        self._scope.cancel()


def _tasks() -> set[trio.lowlevel.Task]:
    """Return the tasks of a load that run in trio."""
    root = trio.lowlevel.current_root_task()
    assert root is not None
    system = root.child_nurseries[0].child_tasks
    inner = {task for nursery in root.child_nurseries for task in nursery.child_tasks} | set(system)
    return {task for task in inner if task.name == "perfbudget-load"}
