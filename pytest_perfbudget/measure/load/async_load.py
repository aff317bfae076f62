"""The generator of load for coroutines: a task for each user of a closed load, or for each request in flight."""

from __future__ import annotations

from array import array
from contextlib import AsyncExitStack
from itertools import count
from typing import Any, Final

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.measure.load.async_requests import AsyncRequests
from pytest_perfbudget.measure.load.async_users import AsyncUser, AsyncUsers
from pytest_perfbudget.measure.load.call import MOST_IN_FLIGHT, LoadCall, Look, never_early
from pytest_perfbudget.measure.load.event_loop import EventLoop
from pytest_perfbudget.measure.load.leaving_errors import LeavingErrors
from pytest_perfbudget.measure.load.pacing import Pacer, PacerThread
from pytest_perfbudget.measure.load.patience import GRACE_NS, HEARTBEAT_NS, LEAD_NS, STUCK_NS, watch_period_s
from pytest_perfbudget.measure.load.recorder import NEVER_NS, LoadRecorder
from pytest_perfbudget.measure.load.running_loop import running_loop

_TURN_NS: Final = 1_000_000
"""The time after which a user lets others go on, even if none of its requests had to wait."""


class AsyncLoad:
    """One load in the running event loop.

    Args:
        plan: the load.
        call: the request.
        recorder: the recorder of the load.
        look: a function that is called several times a second, and ends the load early.
        pacer: the source of wake-ups; by default a thread.
        loop: the event loop; by default the running loop.

    Attributes:
        ended_early: the reason why the load was ended before its time; empty if the load came to its end.
    """

    def __init__(
        self,
        plan: LoadPlan,
        call: LoadCall,
        recorder: LoadRecorder,
        *,
        look: Look = never_early,
        pacer: Pacer | None = None,
        loop: EventLoop | None = None,
    ) -> None:
        self._plan = plan
        self._call = call
        self._recorder = recorder
        self._look = look
        self._loop = loop or running_loop()
        self._pacer = pacer or PacerThread(self._loop.post)
        self._users = AsyncUsers(plan, self._loop, recorder)
        self._requests = AsyncRequests(call, recorder, self._users)
        self._idle: list[AsyncUser] = []
        self._entering = plan.users
        self._go = self._loop.event()
        self._end_ns = NEVER_NS
        self._is_sent = False
        self._unsent = 0
        self._started = 0
        self.ended_early = ""

    @property
    def left(self) -> int:
        """The number of requests that did not end when they were cancelled."""
        return len(self._users.stuck)

    @property
    def unclean(self) -> LeavingErrors:
        """The errors at the end of users' context managers."""
        return self._users.unclean

    @property
    def hung(self) -> int:
        """The number of users that were cancelled at the end of their context manager."""
        return self._users.hung

    async def run(self) -> None:
        """Generate the load, and return when each request has ended or was given up.

        Raises:
            BaseException: an exception that ends the load.
        """
        try:
            if self._plan.is_open:
                self._start_open()
            else:
                await self._start_closed()
            await self._watch()
        finally:
            self._pacer.stop()
            await self._users.end()
        if self._users.failure is not None:
            raise self._users.failure

    async def _start_closed(self) -> None:
        plan, users = self._plan, self._users
        for _ in range(plan.users):
            users.add(AsyncUser(left=plan.requests or -1), self._live)
        if self._entering:  # the users' context managers are no load
            await self._loop.wait(users.changed, plan.timeout_ns / 1e9)
        if users.failure is not None:
            return
        if self._entering:
            raise self._call.not_ready(self._entering, plan)
        begin_ns = self._recorder.now_ns() + plan.warm_up_ns
        self._recorder.begin(begin_ns, plan.duration_ns)
        self._recorder.users(plan.users, begin_ns)
        self._is_sent = True
        if plan.duration_ns:
            self._end_ns = begin_ns + plan.duration_ns
        self._pacer.start(count(begin_ns, HEARTBEAT_NS), self._beat)
        self._go.set()

    def _beat(self, come: list[int]) -> None:
        now_ns = self._recorder.now_ns()
        for due_ns in come:  # each stands for the answers of its time, and a pacer that was late has several
            self._recorder.late(due_ns, now_ns)

    async def _live(self, user: AsyncUser) -> None:
        """Live as a user of a closed load, who enters the context manager again if that raised or was given up."""

        async def live() -> None:
            await self._requests.with_kept(user, lambda stack: self._live_once(user, stack, is_first=False))

        await self._requests.with_kept(user, lambda stack: self._live_once(user, stack, is_first=True))
        while user.left and self._recorder.now_ns() < self._end_ns:
            await self._loop.pause(self._plan.think_time_ns / 1e9)
            await self._requests.until_given_up(user, live)

    async def _live_once(self, user: AsyncUser, stack: AsyncExitStack, *, is_first: bool) -> None:
        """Enter a context manager and make all requests that are left; if it cannot be entered, that was a request."""
        now_ns, begin_ns = self._recorder.now_ns, self._recorder.begin_ns
        start_ns = None if is_first else now_ns()
        is_request = start_ns is not None and start_ns >= begin_ns
        user.left -= is_request
        entered = await self._requests.enter(user, stack, start_ns)
        if is_first:
            self._entering -= 1
            if not self._entering:
                self._users.changed.set()
            await self._go.wait()
        if isinstance(entered, BaseException):
            if start_ns is None:
                start_ns = now_ns()
                user.left -= start_ns >= self._recorder.begin_ns
            self._requests.fail(entered, start_ns)
            return
        user.left += is_request  # the request is made now
        # The answer to a request that was given up may still come, so the user does not go on with its connection.
        await self._requests.until_given_up(user, lambda: self._own_requests(user, entered))
        self._users.leaves(user)

    async def _own_requests(self, user: AsyncUser, arguments: tuple[Any, ...]) -> None:
        """Make the requests of a user of a closed load."""
        plan, now_ns, begin_ns, pause = self._plan, self._recorder.now_ns, self._recorder.begin_ns, self._loop.pause
        resumed_ns = now_ns()
        while user.left:
            start_ns = now_ns()
            if start_ns >= self._end_ns:
                return
            self._started += 1
            started = self._started
            if start_ns >= begin_ns:
                user.left -= 1
            if not await self._requests.make(user, arguments, start_ns):
                return
            if plan.think_time_ns:
                await pause(plan.think_time_ns / 1e9)
            elif self._started != started:  # others had their turn while this request waited
                resumed_ns = start_ns
            elif now_ns() - resumed_ns > _TURN_NS:
                await pause(0)
                resumed_ns = now_ns()

    def _start_open(self) -> None:
        plan = self._plan
        due_ns = array("q", plan.starts())
        self._unsent = len(due_ns)
        first_ns = self._recorder.now_ns() + LEAD_NS
        begin_ns = first_ns + plan.warm_up_ns
        self._recorder.begin(begin_ns, plan.duration_ns)
        self._end_ns = begin_ns + plan.duration_ns
        self._pacer.start((first_ns + one for one in due_ns), self._dispatch)

    def _dispatch(self, come: list[int]) -> None:
        """Send the requests that are due."""
        self._unsent -= len(come)
        self._recorder.paused(come[0], self._recorder.now_ns())  # before an answer that came in the same pause
        for due_ns in come:
            if self.ended_early:
                return
            if self._idle:
                user = self._idle.pop()
                user.due_ns = due_ns
                user.wake.set()
            elif len(self._users.live) < MOST_IN_FLIGHT:
                self._users.add(AsyncUser(due_ns), self._serve)
            else:
                message = f"not sent: {MOST_IN_FLIGHT:,} requests were waiting for an answer"
                now_ns, least_ns = self._recorder.now_ns(), self._plan.timeout_ns
                self._recorder.given_up("Dropped", message, due_ns, now_ns, least_ns=least_ns)

    async def _serve(self, user: AsyncUser) -> None:
        """Live as a user of an open load, who is kept for further requests.

        The set-up of the user is part of the first request: an overloaded server accepts no connection, either.
        """
        first_ns = user.due_ns or 0
        self._recorder.late(first_ns, self._recorder.now_ns())

        async def live(stack: AsyncExitStack) -> None:
            entered = await self._requests.enter(user, stack, first_ns)
            if isinstance(entered, BaseException):
                self._requests.fail(entered, first_ns)
                return
            # After a request that was given up, the next request is made for a new user.
            await self._requests.until_given_up(user, lambda: self._due_requests(user, entered))
            self._users.leaves(user)

        await self._requests.until_given_up(user, lambda: self._requests.with_kept(user, live))

    async def _due_requests(self, user: AsyncUser, arguments: tuple[Any, ...]) -> None:
        """Make the requests of an open load that this user is woken up for."""
        while True:
            if user.due_ns is None:
                if self._is_sent:
                    return
                user.wake = self._loop.event()
                self._idle.append(user)
                await user.wake.wait()
                if user.due_ns is None:
                    return
                self._recorder.late(user.due_ns, self._recorder.now_ns())
            due_ns, user.due_ns = user.due_ns, None
            if not await self._requests.make(user, arguments, due_ns):
                return

    async def _watch(self) -> None:
        """Give up requests that are not answered in time, until all are done."""
        users, period_s = self._users, watch_period_s(self._plan)
        while users.failure is None and (users.live or not self._is_sent):
            users.changed = self._loop.event()
            await self._loop.wait(users.changed, period_s)
            now_ns = self._recorder.now_ns()
            self._recorder.users(users.most(), now_ns)
            if not self.ended_early and now_ns < self._end_ns and (reason := self._look()):
                self.ended_early, self._end_ns = reason, now_ns
            if not self._is_sent and now_ns >= self._end_ns:
                self._stop_sending(now_ns)
            users.give_up(now_ns, self._end_ns)
            if now_ns >= self._end_ns + GRACE_NS + 2 * STUCK_NS:
                return

    def _stop_sending(self, now_ns: int) -> None:
        """Let the users of an open load go when all requests are sent, or will never be."""
        if self._unsent and not self.ended_early:
            if now_ns < self._end_ns + GRACE_NS:
                return
            self._recorder.late(self._end_ns, now_ns, self._unsent)  # the generator could not send them
        self._is_sent = True
        for user in self._idle:
            user.wake.set()
        self._idle.clear()
