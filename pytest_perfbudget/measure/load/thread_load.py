"""The generator of load for plain functions: a thread for each user, or for each request in flight."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from typing import Any, Final

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.load.call import LoadCall, Look, never_early
from pytest_perfbudget.measure.load.leaving_errors import LeavingErrors
from pytest_perfbudget.measure.load.pacing import PacerThread
from pytest_perfbudget.measure.load.patience import (
    GRACE_NS,
    HEARTBEAT_NS,
    LEAD_NS,
    LONGEST_WATCH_S,
    watch_period_s,
)
from pytest_perfbudget.measure.load.recorder import NEVER_NS, LoadRecorder
from pytest_perfbudget.measure.load.thread_requests import ThreadRequests
from pytest_perfbudget.measure.load.thread_users import Request, ThreadUsers

MOST_THREADS: Final = 500
"""The most requests of an open load that wait for an answer at a time."""


class ThreadLoad:
    """One load, which the calling thread waits for.

    Args:
        plan: the load.
        call: the request.
        recorder: the recorder of the load, which several threads use.
        look: a function that is called several times a second, and ends the load early.

    Attributes:
        ended_early: the reason why the load was ended before its time; empty if the load came to its end.
    """

    def __init__(self, plan: LoadPlan, call: LoadCall, recorder: LoadRecorder, *, look: Look = never_early) -> None:
        self._plan = plan
        self._call = call
        self._recorder = recorder
        self._look = look
        self._pacer = PacerThread(_at_once)
        self._users = ThreadUsers(plan, recorder)
        self._requests = ThreadRequests(call, recorder, self._users)
        self._mailbox: SimpleQueue[int | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._over = threading.Event()
        self._end_ns = NEVER_NS
        self._is_sent = False
        self._unsent = 0
        self.ended_early = ""

    @property
    def left(self) -> int:
        """After the load, the number of threads whose call has not returned."""
        return self._users.left

    @property
    def unclean(self) -> LeavingErrors:
        """The errors at the end of users' context managers."""
        return self._users.unclean

    @property
    def hung(self) -> int:
        """After the load, the number of threads that are still in the end of the user's context manager."""
        return self._users.hung

    def run(self) -> None:
        """Generate the load, and return when each request has ended or was given up.

        Raises:
            BaseException: an exception that ends the load.
        """
        try:
            if self._plan.is_open:
                self._start_open()
            else:
                self._start_closed()
            self._watch()
        finally:
            self._is_sent = True
            self._over.set()
            self._pacer.stop()
            self._dismiss()
            self._users.join()
        if self._users.failure is not None:
            raise self._users.failure

    def _start_closed(self) -> None:
        plan = self._plan
        ready, go = threading.Semaphore(0), threading.Event()

        def wait() -> None:
            ready.release()
            go.wait()

        def live() -> None:
            left = self._live_once(plan.requests or -1, wait)
            while left and not self._over.is_set() and self._recorder.now_ns() < self._end_ns:
                self._over.wait(plan.think_time_ns / 1e9)
                left = self._live_once(left)

        try:
            for number in range(plan.users):
                try:
                    self._users.add(live)
                except RuntimeError:
                    raise self._call.no_threads(number, plan.users) from None
            self._await_users(ready)
        except MisuseError:
            self._over.set()
            go.set()
            raise
        if self._users.failure is not None:
            self._over.set()
            go.set()
            return
        begin_ns = self._recorder.now_ns() + plan.warm_up_ns
        self._recorder.begin(begin_ns, plan.duration_ns)
        self._recorder.users(plan.users, begin_ns)
        self._is_sent = True
        if plan.duration_ns:
            self._end_ns = begin_ns + plan.duration_ns
        self._pacer.start(count(begin_ns, HEARTBEAT_NS), self._beat)
        go.set()

    def _await_users(self, ready: threading.Semaphore) -> None:
        """Wait until all users have entered their context managers, which are no load."""
        for number in range(self._plan.users):
            waited_s = 0.0
            while not ready.acquire(timeout=LONGEST_WATCH_S):
                waited_s += LONGEST_WATCH_S
                if self._users.failure is not None:
                    return
                if waited_s * 1e9 > self._plan.timeout_ns:
                    raise self._call.not_ready(self._plan.users - number, self._plan)

    def _beat(self, come: list[int]) -> None:
        now_ns = self._recorder.now_ns()
        for due_ns in come:  # each stands for the answers of its time, and a pacer that was late has several
            self._recorder.late(due_ns, now_ns)

    def _live_once(self, left: int, ready: Callable[[], object] | None = None) -> int:
        """Enter a user's context manager and make its requests; if it cannot be entered, that was a request.

        Args:
            left: the number of requests of the user; negative if there is no such number.
            ready: a function that waits for the beginning of the load; None if the load has begun.

        Returns:
            The number of requests that are left.
        """
        with self._requests.kept() as stack:
            begun = None if ready is not None else self._requests.begun(self._recorder.now_ns())
            entered = self._requests.enter(stack, begun)
            if ready is not None:
                ready()
            if isinstance(entered, BaseException):
                due_ns = self._recorder.now_ns() if begun is None else begun.due_ns
                if begun is None or begun.settle():
                    self._requests.fail(entered, due_ns, self._recorder.now_ns())
                return left - (due_ns >= self._recorder.begin_ns)
            left = self._own_requests(entered, left)
            self._users.leaves()
        self._users.stays()
        return left

    def _own_requests(self, arguments: tuple[Any, ...], left: int) -> int:
        """Make the requests of one user, until one is given up, whose answer may still come, or ends the connection.

        Returns:
            The number of requests that are left.
        """
        plan, now_ns, begin_ns = self._plan, self._recorder.now_ns, self._recorder.begin_ns
        while left and not self._over.is_set():
            start_ns = now_ns()
            if start_ns >= self._end_ns:
                return 0
            is_connected = self._requests.make(arguments, start_ns)
            if start_ns >= begin_ns:
                left -= 1
            if not is_connected:
                return left
            if plan.think_time_ns:
                self._over.wait(plan.think_time_ns / 1e9)
        return 0

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
        """Send the requests that are due, in the thread of the pacer."""
        for due_ns in come:
            if self._over.is_set():
                return
            with self._lock:
                has_idle = self._idle > 0
                self._idle -= has_idle
            if has_idle:
                self._mailbox.put(due_ns)
            elif self._users.live < MOST_THREADS:
                try:
                    self._users.add(lambda due_ns=due_ns: self._serve(due_ns))  # type: ignore[misc]
                except RuntimeError:
                    self._drop("not sent: the system could not start another thread", due_ns)
            else:
                message = f"not sent: {MOST_THREADS:,} requests were waiting for an answer"
                self._drop(message, due_ns)
            self._unsent -= 1

    def _drop(self, message: str, due_ns: int) -> None:
        """Record a request that is not sent."""
        now_ns, least_ns = self._recorder.now_ns(), self._plan.timeout_ns
        self._recorder.given_up("Dropped", message, due_ns, now_ns, least_ns=least_ns)

    def _serve(self, first_ns: int) -> None:
        """Make one request after the other, each when it is due, for a user that is kept.

        The set-up of the user is part of the first request: an overloaded server accepts no connection, either.
        """
        due_ns: int | None = first_ns
        self._recorder.late(first_ns, self._recorder.now_ns())
        begun = self._requests.begun(first_ns)
        with self._requests.kept() as stack:
            entered = self._requests.enter(stack, begun)
            if isinstance(entered, BaseException):
                if begun.settle():
                    self._requests.fail(entered, first_ns, self._recorder.now_ns())
                return
            first: Request | None = begun
            while due_ns is not None:
                if not self._requests.make(entered, due_ns, first):
                    break  # the next request is made for a new user
                first = None
                with self._lock:
                    if self._is_sent:
                        break
                    self._idle += 1
                due_ns = self._mailbox.get()
                if due_ns is not None:
                    self._recorder.late(due_ns, self._recorder.now_ns())
            self._users.leaves()

    def _watch(self) -> None:
        """Give up requests that are not answered in time, until all are done."""
        period_s = watch_period_s(self._plan)
        now_ns = self._recorder.now_ns()
        while self._users.failure is None and not (self._is_sent and self._users.are_done(now_ns)):
            self._users.changed.wait(period_s)
            self._users.changed.clear()
            now_ns = self._recorder.now_ns()
            self._recorder.users(self._users.most(), now_ns)
            if not self.ended_early and now_ns < self._end_ns and (reason := self._look()):
                self.ended_early, self._end_ns = reason, now_ns
            if not self._is_sent and now_ns >= self._end_ns:
                self._stop_sending(now_ns)
            self._users.give_up(now_ns, self._end_ns)
            if now_ns >= self._end_ns + GRACE_NS:
                return

    def _stop_sending(self, now_ns: int) -> None:
        """Let the users of an open load go when all requests are sent, or will never be."""
        if self._unsent and not self.ended_early:
            if now_ns < self._end_ns + GRACE_NS:
                return
            self._recorder.late(self._end_ns, now_ns, self._unsent)  # the generator could not send them
        self._dismiss()

    def _dismiss(self) -> None:
        """Let the threads that wait for a request end."""
        with self._lock:
            self._is_sent = True
            waiting, self._idle = self._idle, 0
        for _ in range(waiting):
            self._mailbox.put(None)


def _at_once(function: Callable[[], None]) -> None:
    function()
