"""The event loop of asyncio, also of its replacements such as uvloop."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final

from pytest_perfbudget.measure.load.event_loop import Ended, Event, Task, Work

_user: Final[ContextVar[object]] = ContextVar("perfbudget_user")
"""The user of a load in whose requests a task was started; the tasks that a request starts have its context."""


class AsyncioLoop:
    """See `EventLoop`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self.event: Callable[[], Event] = asyncio.Event
        self.pause = asyncio.sleep

    def spawn(self, work: Work, ended: Ended) -> Task:
        """See `EventLoop.spawn`."""

        async def run() -> None:
            await work()

        # A callback spawns the users of an open load, and has another context than the test.
        context, user = self._context.copy(), object()
        context.run(_user.set, user)
        task = context.run(self._loop.create_task, run(), name="perfbudget-load")
        made = _AsyncioTask(task, user)
        task.add_done_callback(lambda task: ended(None if task.cancelled() else made.own(task.exception())))
        return made

    def post(self, function: Callable[[], None]) -> None:
        """See `EventLoop.post`."""
        self._loop.call_soon_threadsafe(function)

    async def wait(self, event: Event, seconds: float, *, is_last: bool = False) -> None:  # noqa: ARG002 - for trio
        """See `EventLoop.wait`."""
        with suppress(asyncio.TimeoutError, TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)


class _AsyncioTask:
    """See `Task`.

    Args:
        task: the task.
        user: the value of `_user` in the task's context.
    """

    def __init__(self, task: asyncio.Task[None], user: object) -> None:
        self._task = task
        self._user = user
        self._is_cancelled = False
        self._is_abandoned = False
        self._given_up: list[bool] = []  # for each part, from the outermost to the innermost

    async def part(self, work: Work) -> None:
        """See `Task.part`."""
        self._given_up.append(False)
        try:
            await work()
        except asyncio.CancelledError:
            if not self._given_up[-1] or self._is_cancelled or _cancellations(self._task) > 1:
                raise
        finally:
            if self._given_up.pop() and hasattr(self._task, "uncancel"):
                self._task.uncancel()

    def give_up(self) -> None:
        """See `Task.give_up`."""
        self._given_up[-1] = True
        self._task.cancel()

    def cancel(self) -> None:
        """See `Task.cancel`."""
        self._is_cancelled = True
        self._task.cancel()

    def abandon(self) -> None:
        """See `Task.abandon`.

        `asyncio.run` and plugins of pytest wait for each task of their loop before they close it, without a limit.
        """
        self._is_abandoned = True
        for inner in asyncio.all_tasks(self._task.get_loop()):
            is_cancelled = _cancellations(inner) > 0 or not hasattr(inner, "cancelling")
            if inner is not self._task and is_cancelled and _user_of(inner) is self._user:
                inner.add_done_callback(_forget_error)
                _close(inner)
        _close(self._task)

    def own(self, error: BaseException | None) -> BaseException | None:
        """Return the error with which the task has ended, unless it ended because it was abandoned."""
        return None if self._is_abandoned else error

    def is_cancelled_by(self, error: BaseException) -> bool:
        """See `Task.is_cancelled_by`; a cancelled task inside a request raises the same exception."""
        if not isinstance(error, asyncio.CancelledError):
            return False
        return self._is_cancelled or any(self._given_up) or _cancellations(self._task) > 0


def _close(task: asyncio.Task[Any]) -> None:
    """Close the coroutine of a task that ignores its cancellation."""
    with suppress(Exception):  # of a clean-up, or because a part of the task waits again
        task.get_coro().close()  # type: ignore[union-attr,unused-ignore]
    task.cancel()  # wakes the task, which finds nothing left to do


def _cancellations(task: asyncio.Task[Any]) -> int:
    return task.cancelling() if hasattr(task, "cancelling") else 0  # Python 3.10 does not count them


def _user_of(task: asyncio.Task[Any]) -> object:
    """Return the user in whose requests a task was started; None if it was started elsewhere."""
    if sys.version_info >= (3, 12):
        return task.get_context().get(_user)
    contexts = (one for one in gc.get_referents(task) if isinstance(one, Context))
    return next((one.get(_user) for one in contexts), None)


def _forget_error(task: asyncio.Task[Any]) -> None:
    """Let asyncio not report the error of a task that was closed."""
    if not task.cancelled():
        task.exception()
