"""The event loop that a load of coroutines runs in, as far as the load needs it: asyncio's or trio's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

Work = Callable[[], Awaitable[None]]
Ended = Callable[["BaseException | None"], None]
"""A function that takes the error with which a task has ended; None if the task came to its end or was cancelled."""


class Event(Protocol):
    """A thing that happens once, and that tasks wait for."""

    def set(self) -> None:
        """Let the tasks that wait go on."""

    async def wait(self) -> object:
        """Wait until the event has happened."""


class Task(Protocol):
    """A task, parts of which can be given up while the task goes on."""

    async def part(self, work: Work) -> None:
        """Do work until it ends or is given up. Parts may contain parts."""

    def give_up(self) -> None:
        """Cancel the innermost part, and no more than that."""

    def cancel(self) -> None:
        """Cancel the task."""

    def abandon(self) -> None:
        """End a task that ignores its cancellation, if the loop has a way to do that."""

    def is_cancelled_by(self, error: BaseException) -> bool:
        """Return whether an error cancels the task or a part, so that the task must not keep the error to itself."""


class EventLoop(Protocol):
    """An event loop, as seen from a task that runs in it."""

    def event(self) -> Event:
        """Return an event that has not happened."""

    def spawn(self, work: Work, ended: Ended) -> Task:
        """Start a task in the context of the load, which calls `ended` at its end."""

    def post(self, function: Callable[[], None]) -> None:
        """Have the loop call a function soon; for other threads.

        Raises:
            RuntimeError: the loop has ended.
        """

    async def pause(self, seconds: float) -> None:
        """Let other tasks go on for some time; with 0 for one turn."""

    async def wait(self, event: Event, seconds: float, *, is_last: bool = False) -> None:
        """Wait until an event has happened, at most for some time.

        Args:
            event: the event.
            seconds: the time.
            is_last: whether to wait even if the task that waits has been cancelled.
        """
