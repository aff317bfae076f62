"""The event loop of trio. This module is imported by tests that run in trio only."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context

import trio

from pytest_perfbudget.measure.load.event_loop import Ended, Event, Task, Work
from pytest_perfbudget.measure.load.missing_answers import grouped


class TrioLoop:
    """See `EventLoop`.

    The tasks are system tasks of trio: a nursery could not be left as long as a request ignores its cancellation. Trio
    raises a KeyboardInterrupt in the test, which waits for the load.
    """

    def __init__(self) -> None:
        self._context = copy_context()
        self._token = trio.lowlevel.current_trio_token()
        self.event: Callable[[], Event] = trio.Event
        self.pause = trio.sleep

    def spawn(self, work: Work, ended: Ended) -> Task:
        """See `EventLoop.spawn`."""
        task = _TrioTask()

        async def run() -> None:
            error: BaseException | None = None
            try:
                with task.whole:
                    await work()
            except BaseException as found:  # noqa: BLE001 - an exception of a system task would end trio
                error = found
            ended(error)

        trio.lowlevel.spawn_system_task(run, name="perfbudget-load", context=self._context.copy())
        return task

    def post(self, function: Callable[[], None]) -> None:
        """See `EventLoop.post`."""
        self._token.run_sync_soon(function)

    async def wait(self, event: Event, seconds: float, *, is_last: bool = False) -> None:
        """See `EventLoop.wait`."""
        with trio.CancelScope(deadline=trio.current_time() + seconds, shield=is_last):
            await event.wait()


class _TrioTask:
    """See `Task`."""

    def __init__(self) -> None:
        self.whole = trio.CancelScope()
        self._parts: list[trio.CancelScope] = []

    async def part(self, work: Work) -> None:
        """See `Task.part`."""
        with trio.CancelScope() as scope:
            self._parts.append(scope)
            try:
                await work()
            finally:
                self._parts.pop()

    def give_up(self) -> None:
        """See `Task.give_up`."""
        self._parts[-1].cancel()

    def cancel(self) -> None:
        """See `Task.cancel`."""
        self.whole.cancel()

    def abandon(self) -> None:
        """See `Task.abandon`; trio raises a cancellation at each wait, so only a shielded task goes on, and is left."""

    def is_cancelled_by(self, error: BaseException) -> bool:
        """See `Task.is_cancelled_by`; a nursery inside a request puts the cancellation into a group of errors."""
        return isinstance(error, trio.Cancelled) or any(map(self.is_cancelled_by, grouped(error)))
