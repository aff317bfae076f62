"""The users of a load of coroutines: each is a task, and makes one request at a time.

A request that is not answered in time is cancelled by a watch over all requests, because a timer for each request costs
more than all the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.measure.load.event_loop import Event, EventLoop, Task
from pytest_perfbudget.measure.load.leaving_errors import LeavingErrors
from pytest_perfbudget.measure.load.patience import GRACE_NS, STUCK_NS, why_given_up
from pytest_perfbudget.measure.load.recorder import LoadRecorder

_ABANDONED_S: Final = 0.05
"""The time that an abandoned task has to end: it has to run once more, and waits for nothing."""


@dataclass(eq=False, slots=True)
class AsyncUser:
    """A user.

    Attributes:
        task: the user's task.
        wake: the event that wakes the user up who waits for the next request of an open load.
        due_ns: the time at which the next request of an open load is due; None if there is none.
        left: the number of requests that are left to a user of a closed load; negative if there is no such number.
        cancelled_ns: the time at which the user's request was given up, or the user was cancelled; None if neither.
    """

    due_ns: int | None = None
    left: int = -1
    task: Task = field(init=False)
    wake: Event = field(init=False)
    cancelled_ns: int | None = None


@dataclass(eq=False)
class AsyncUsers:
    """All users of a load.

    Attributes:
        plan: the load.
        loop: the event loop.
        recorder: the recorder of the load.
        live: the users that have not ended, without those that are stuck.
        stuck: the users that were left, because they ignored their cancellation and nobody else was live.
        flying: the users that make a request, with the time at which the request was due.
        leaving: the users that have made their last request, with the time from which they leave their context manager.
        hung: the number of users that were cancelled while they left.
        unclean: the errors at the end of users' context managers.
        failure: the exception with which a user has ended, and which ends the load; None if there is none.
        changed: an event that happens when the last user has ended, or a user has failed.
    """

    plan: LoadPlan
    loop: EventLoop
    recorder: LoadRecorder
    live: set[AsyncUser] = field(default_factory=set)
    stuck: set[AsyncUser] = field(default_factory=set)
    flying: dict[AsyncUser, int] = field(default_factory=dict)
    leaving: dict[AsyncUser, int] = field(default_factory=dict)
    hung: int = 0
    unclean: LeavingErrors = field(default_factory=LeavingErrors)
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        """Begin without users."""
        self.changed = self.loop.event()
        self._all_ended = self.loop.event()
        self._most_flying = 0

    def add(self, user: AsyncUser, live: Callable[[AsyncUser], Awaitable[None]]) -> None:
        """Start a user, who lives as a function says."""
        user.task = self.loop.spawn(lambda: live(user), lambda error: self._ended(user, error))
        self.live.add(user)

    def starts(self, user: AsyncUser, due_ns: int) -> None:
        """Note that a user starts a request."""
        self.flying[user] = due_ns
        self._most_flying = max(self._most_flying, len(self.flying))

    def most(self) -> int:
        """Return the most users at a time since the last look."""
        if not self.plan.is_open:
            return len(self.live)
        most, self._most_flying = self._most_flying, len(self.flying)
        return most

    def leaves(self, user: AsyncUser) -> None:
        """Note that a user has made its last request, and leaves its context manager."""
        self.leaving[user] = self.recorder.now_ns()

    def give_up(self, now_ns: int, end_ns: int) -> None:
        """Cancel the requests that have waited too long, and leave users alone that do not end when cancelled."""
        for user, due_ns in list(self.flying.items()):
            if user.cancelled_ns is None and (reason := why_given_up(self.plan, due_ns, now_ns, end_ns)):
                self.recorder.given_up(*reason, due_ns, now_ns)
                user.cancelled_ns = now_ns
                user.task.give_up()
        is_over = now_ns >= end_ns + GRACE_NS
        self._give_up_leaving(now_ns, is_over=is_over)
        if now_ns >= end_ns or not self.plan.duration_ns:
            self._leave_stuck(now_ns)
        if is_over and not self.flying:
            self.cancel()  # in a pause, or in a context manager

    def _give_up_leaving(self, now_ns: int, *, is_over: bool) -> None:
        for user, since_ns in list(self.leaving.items()):
            if user.cancelled_ns is None and (is_over or now_ns - since_ns > self.plan.timeout_ns):
                self.hung += 1
                user.cancelled_ns = now_ns
                user.task.cancel()

    def _leave_stuck(self, now_ns: int) -> None:
        """Leave the users that ignore their cancellation, once there are no others: they make no further request."""
        if all(one.cancelled_ns is not None and now_ns - one.cancelled_ns > STUCK_NS for one in self.live):
            for user in self.live:
                user.left = 0
            self.stuck |= self.live
            self.live.clear()

    def cancel(self) -> None:
        """Cancel all users."""
        for user in [*self.live, *self.stuck]:
            user.task.cancel()

    async def end(self) -> None:
        """Cancel the users that are left, wait for them for a short time, and abandon those that go on."""
        if not (self.live or self.stuck):
            return
        self._all_ended = self.loop.event()
        self.cancel()
        if self.live:  # the others have had this time
            await self.loop.wait(self._all_ended, STUCK_NS / 1e9, is_last=True)
        for user in (ignoring := [*self.live, *self.stuck]):
            user.task.abandon()
        if ignoring:
            await self.loop.wait(self._all_ended, _ABANDONED_S, is_last=True)

    def _ended(self, user: AsyncUser, error: BaseException | None) -> None:
        self.live.discard(user)
        self.stuck.discard(user)
        self.flying.pop(user, None)
        self.leaving.pop(user, None)
        if error is not None:
            self.failure = self.failure or error
        if not (self.live or self.stuck):
            self._all_ended.set()
        if not self.live or self.failure is not None:
            self.changed.set()
