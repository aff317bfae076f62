"""The generator of load in an asyncio event loop: a task for each user, or for each request in flight.

A request that is not answered in time is cancelled by a watch over all requests, because a timer for each request, as
`asyncio.wait_for` sets, costs more than all the rest.
"""

from __future__ import annotations

import asyncio
from array import array
from contextlib import suppress
from itertools import count
from typing import Any, Final

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.measure.load.call import GRACE_NS, MOST_IN_FLIGHT, STUCK_NS, LoadCall, Look, never_early, starts
from pytest_perfbudget.measure.load.pacing import Pacer, PacerThread
from pytest_perfbudget.measure.load.recorder import NEVER_NS, LoadRecorder

_TURN_NS: Final = 1_000_000
"""The time after which a user lets others go on, even if none of its requests had to wait."""

_LEAD_NS: Final = 20_000_000
"""The time before the first request of an open load, in which the thread of the pacer starts."""

_HEARTBEAT_NS: Final = 20_000_000
_SHORTEST_WATCH_S: Final = 0.005
_LONGEST_WATCH_S: Final = 0.05


class AsyncioLoad:
    """One load in the running event loop.

    Args:
        plan: the load.
        call: the request.
        recorder: the recorder of the load.
        look: a function that is called several times a second, and ends the load early.
        pacer: the source of wake-ups; by default a thread.

    Attributes:
        ended_early: the reason why the load was ended before its time; empty if the load came to its end.
        hung: the number of users that were cancelled at the end of their context manager.
    """

    def __init__(
        self,
        plan: LoadPlan,
        call: LoadCall,
        recorder: LoadRecorder,
        *,
        look: Look = never_early,
        pacer: Pacer | None = None,
    ) -> None:
        self._plan = plan
        self._call = call
        self._recorder = recorder
        self._look = look
        self._loop = asyncio.get_running_loop()
        self._pacer = pacer or PacerThread(self._loop.call_soon_threadsafe)
        self._flying: dict[asyncio.Task[None], int] = {}
        self._cancelled: dict[asyncio.Task[None], int] = {}
        self._leaving: dict[asyncio.Task[None], int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[int | None]] = []
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._end_ns = NEVER_NS
        self._most_flying = 0
        self._is_sent = False
        self._unsent = 0
        self._is_ending = False
        self._is_checked = False
        self._started = 0
        self.ended_early = ""
        self.hung = 0

    async def run(self) -> None:
        """Generate the load, and return when each request has ended or was given up.

        Raises:
            BaseException: an exception that ends the load, or an exception of a user's context manager.
        """
        try:
            if self._plan.is_open:
                self._start_open()
            else:
                await self._start_closed()
            await self._watch()
        finally:
            self._pacer.stop()
            await self._end_tasks()
        if self._failure is not None:
            raise self._failure

    async def _start_closed(self) -> None:
        plan = self._plan
        waiting, go = plan.users, asyncio.Event()

        async def live() -> None:
            nonlocal waiting
            async with self._call.aentered() as arguments:
                waiting -= 1
                if not waiting:
                    self._changed.set()
                await go.wait()
                await self._live(arguments)
                self._leave()

        for _ in range(plan.users):
            self._spawn(live())
        while waiting and self._failure is None:  # the users' context managers are no load
            try:
                await asyncio.wait_for(self._changed.wait(), plan.timeout_ns / 1e9)
            except (asyncio.TimeoutError, TimeoutError):
                raise self._call.not_ready(waiting, plan) from None
            self._changed.clear()
        begin_ns = self._recorder.now_ns() + plan.warm_up_ns
        self._recorder.begin(begin_ns)
        self._recorder.users(plan.users, begin_ns)
        self._is_sent = True
        if plan.duration_ns:
            self._end_ns = begin_ns + plan.duration_ns
        self._pacer.start(count(begin_ns, _HEARTBEAT_NS), self._beat)
        go.set()

    def _beat(self, come: list[int]) -> None:
        now_ns = self._recorder.now_ns()
        for due_ns in come:  # each stands for the answers of its time, and a pacer that was late has several
            self._recorder.late(now_ns - due_ns)

    async def _live(self, arguments: tuple[Any, ...]) -> None:
        """Make the requests of one user."""
        plan, now_ns, begin_ns = self._plan, self._recorder.now_ns, self._recorder.begin_ns
        left = plan.requests or -1
        resumed_ns = now_ns()
        while left:
            start_ns = now_ns()
            if start_ns >= self._end_ns:
                return
            self._started += 1
            started = self._started
            await self._request(arguments, start_ns)
            if start_ns >= begin_ns:
                left -= 1
            if plan.think_time_ns:
                await asyncio.sleep(plan.think_time_ns / 1e9)
            elif self._started != started:  # others had their turn while this request waited
                resumed_ns = start_ns
            elif now_ns() - resumed_ns > _TURN_NS:
                await asyncio.sleep(0)
                resumed_ns = now_ns()

    def _start_open(self) -> None:
        plan = self._plan
        due_ns = array("q", starts(plan))
        self._unsent = len(due_ns)
        first_ns = self._recorder.now_ns() + _LEAD_NS
        begin_ns = first_ns + plan.warm_up_ns
        self._recorder.begin(begin_ns)
        self._end_ns = begin_ns + plan.duration_ns
        self._pacer.start((first_ns + one for one in due_ns), self._dispatch)

    def _dispatch(self, come: list[int]) -> None:
        """Send the requests that are due."""
        self._unsent -= len(come)
        for due_ns in come:
            if self.ended_early:
                return
            if self._idle:
                self._idle.pop().set_result(due_ns)
            elif len(self._tasks) < MOST_IN_FLIGHT:
                self._spawn(self._serve(due_ns))
            else:
                message = f"not sent: {MOST_IN_FLIGHT:,} requests were waiting for an answer"
                self._recorder.given_up("Dropped", message, due_ns, self._recorder.now_ns())

    async def _serve(self, due_ns: int | None) -> None:
        """Make one request after the other, each when it is due, for a user that is kept.

        The set-up of the user is part of the first request: an overloaded server accepts no connection, either.
        """
        self._late(due_ns)
        if due_ns is not None:
            self._flying[asyncio.current_task()] = due_ns  # type: ignore[index]
        async with self._call.aentered() as arguments:
            while due_ns is not None:
                await self._request(arguments, due_ns)
                if self._is_sent:
                    break
                mailbox: asyncio.Future[int | None] = self._loop.create_future()
                self._idle.append(mailbox)
                due_ns = await mailbox
                self._late(due_ns)
            self._leave()

    def _leave(self) -> None:
        """Note that a user has made its last request, and leaves its context manager."""
        self._leaving[asyncio.current_task()] = self._recorder.now_ns()  # type: ignore[index]

    def _late(self, due_ns: int | None) -> None:
        if due_ns is not None:
            self._recorder.late(self._recorder.now_ns() - due_ns)

    async def _request(self, arguments: tuple[Any, ...], due_ns: int) -> None:
        """Make one request and record it."""
        recorder, flying = self._recorder, self._flying
        task: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment]
        flying[task] = due_ns
        self._most_flying = max(self._most_flying, len(flying))
        try:
            result = await self._call.function(*arguments)
            if not self._is_checked:
                self._call.refuse(result)
                self._is_checked = True
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                if self._is_cancelled(task):
                    raise
            elif not self._call.is_error(error):
                raise
            if task not in self._cancelled:
                recorder.raised(error, due_ns, recorder.now_ns())
        else:
            if task not in self._cancelled:
                recorder.answered(due_ns, recorder.now_ns())
        finally:
            del flying[task]
            self._cancelled.pop(task, None)

    def _is_cancelled(self, task: asyncio.Task[None]) -> bool:
        """Return whether a cancellation is of the task, and neither of a late request nor of a task inside the call."""
        if task in self._cancelled:
            if hasattr(task, "uncancel"):
                task.uncancel()
            return False
        return self._is_ending or bool(hasattr(task, "cancelling") and task.cancelling())

    async def _watch(self) -> None:
        """Give up requests that are not answered in time, until all are done."""
        plan = self._plan
        period_s = min(max(plan.timeout_ns / 20e9, _SHORTEST_WATCH_S), _LONGEST_WATCH_S)
        while self._failure is None and (self._tasks or not self._is_sent):
            with suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(self._changed.wait(), period_s)
            self._changed.clear()
            now_ns = self._recorder.now_ns()
            self._recorder.users(self._most_users(), now_ns)
            if not self.ended_early and now_ns < self._end_ns and (reason := self._look()):
                self.ended_early, self._end_ns = reason, now_ns
            if not self._is_sent and now_ns >= self._end_ns:
                self._stop_sending(now_ns)
            self._give_up(now_ns)
            if now_ns >= self._end_ns + GRACE_NS + 2 * STUCK_NS:
                return

    def _most_users(self) -> int:
        """Return the most users at a time since the last look."""
        if not self._plan.is_open:
            return len(self._tasks)
        most, self._most_flying = self._most_flying, len(self._flying)
        return most

    def _stop_sending(self, now_ns: int) -> None:
        """Let the users of an open load go when all requests are sent, or will never be."""
        if self._unsent and not self.ended_early:
            if now_ns < self._end_ns + GRACE_NS:
                return
            self._recorder.late(now_ns - self._end_ns)  # the generator could not send them
        self._is_sent = True
        for mailbox in self._idle:
            mailbox.set_result(None)
        self._idle.clear()

    def _give_up(self, now_ns: int) -> None:
        """Cancel the requests that have waited too long, and leave tasks alone that do not end when cancelled."""
        is_over = now_ns >= self._end_ns + GRACE_NS
        for task, due_ns in list(self._flying.items()):
            if task in self._cancelled:
                if now_ns - self._cancelled[task] > STUCK_NS:
                    self._tasks.discard(task)
                continue
            if is_over:
                after = GRACE_NS / 1e9
                self._recorder.given_up("Unanswered", f"no answer {after:g} s after the end", due_ns, now_ns)
            elif now_ns - due_ns > self._plan.timeout_ns:
                limit = self._plan.timeout_ns / 1e9
                self._recorder.given_up("TimeoutError", f"no answer within {limit:g} s", due_ns, now_ns)
            else:
                continue
            self._cancelled[task] = now_ns
            task.cancel()
        self._give_up_leaving(now_ns, is_over=is_over)
        if is_over and not self._flying:
            for task in self._tasks:  # in a pause, or in a user's context manager
                task.cancel()

    def _give_up_leaving(self, now_ns: int, *, is_over: bool) -> None:
        """Cancel the users that do not leave their context manager in time."""
        for task, since_ns in list(self._leaving.items()):
            if task in self._cancelled:
                if now_ns - self._cancelled[task] > STUCK_NS:
                    self._tasks.discard(task)
            elif is_over or now_ns - since_ns > self._plan.timeout_ns:
                self.hung += 1
                self._cancelled[task] = now_ns
                task.cancel()

    def _spawn(self, coroutine: Any) -> None:  # noqa: ANN401
        task = self._loop.create_task(coroutine, name="perfbudget-load")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        for one in (self._flying, self._cancelled, self._leaving):
            one.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        if not self._tasks or self._failure is not None:
            self._changed.set()

    async def _end_tasks(self) -> None:
        """Cancel the tasks that are left, after a failure or an interruption."""
        self._is_ending = True
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=STUCK_NS / 1e9)
