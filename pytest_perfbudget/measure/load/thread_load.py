"""The generator of load for plain functions: a thread for each user, or for each request in flight.

A thread cannot be cancelled. A request that is not answered in time is recorded as such, and its thread goes on when
the call returns. A thread whose call never returns is left; it does not keep the process from ending.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from queue import SimpleQueue
from typing import Any, Final

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.load.call import LoadCall, Look, never_early, starts
from pytest_perfbudget.measure.load.pacing import PacerThread
from pytest_perfbudget.measure.load.patience import (
    GRACE_NS,
    HEARTBEAT_NS,
    LEAD_NS,
    LONGEST_WATCH_S,
    STUCK_NS,
    watch_period_s,
    why_given_up,
)
from pytest_perfbudget.measure.load.recorder import NEVER_NS, LoadRecorder

MOST_THREADS: Final = 500
"""The most requests of an open load that wait for an answer at a time."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request in flight, which is recorded once: when its call returns, or when it is given up."""

    due_ns: int
    _settled: threading.Lock = field(default_factory=threading.Lock)

    def settle(self) -> bool:
        """Return whether the request is not recorded yet; only the first thread that asks is told so."""
        return self._settled.acquire(blocking=False)


class ThreadLoad:
    """One load, which the calling thread waits for.

    Args:
        plan: the load.
        call: the request.
        recorder: the recorder of the load, which several threads use.
        look: a function that is called several times a second, and ends the load early.

    Attributes:
        ended_early: the reason why the load was ended before its time; empty if the load came to its end.
        left: after the load, the number of threads whose call has not returned.
        hung: after the load, the number of threads that are still in the end of the user's context manager.
    """

    def __init__(self, plan: LoadPlan, call: LoadCall, recorder: LoadRecorder, *, look: Look = never_early) -> None:
        self._plan = plan
        self._call = call
        self._recorder = recorder
        self._look = look
        self._pacer = PacerThread(_at_once)
        self._flying: dict[int, _Request] = {}
        self._stuck: set[int] = set()
        self._leaving: dict[int, int] = {}
        self._threads: list[threading.Thread] = []
        self._mailbox: SimpleQueue[int | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._live = 0
        self._changed = threading.Event()
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._end_ns = NEVER_NS
        self._most_flying = 0
        self._is_sent = False
        self._unsent = 0
        self._is_checked = False
        self.ended_early = ""
        self.left = 0
        self.hung = 0

    def run(self) -> None:
        """Generate the load, and return when each request has ended or was given up.

        Raises:
            BaseException: an exception that ends the load, or an exception of a user's context manager.
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
            self._join()
        if self._failure is not None:
            raise self._failure

    def _join(self) -> None:
        """Wait for the threads that are not in a call, as long as they end; count those that are left."""
        wait_s = STUCK_NS / 1e9
        for thread in self._threads:
            if thread.ident not in self._flying:
                thread.join(wait_s)
                wait_s = 0.0 if thread.is_alive() else wait_s
        left = [thread for thread in self._threads if thread.is_alive()]
        self.hung = sum(thread.ident in self._leaving for thread in left)
        self.left = len(left) - self.hung

    def _start_closed(self) -> None:
        plan = self._plan
        ready, go = threading.Semaphore(0), threading.Event()

        def wait() -> None:
            ready.release()
            go.wait()

        def live() -> None:
            left = self._live_once(plan.requests or -1, wait)
            while left and not self._over.is_set() and self._recorder.now_ns() < self._end_ns:
                left = self._live_once(left)

        try:
            for number in range(plan.users):
                try:
                    self._spawn(live)
                except RuntimeError:
                    raise self._call.no_threads(number, plan.users) from None
            self._await_users(ready)
        except MisuseError:
            self._over.set()
            go.set()
            raise
        if self._failure is not None:
            self._over.set()
            go.set()
            return
        begin_ns = self._recorder.now_ns() + plan.warm_up_ns
        self._recorder.begin(begin_ns)
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
                if self._failure is not None:
                    return
                if waited_s * 1e9 > self._plan.timeout_ns:
                    raise self._call.not_ready(self._plan.users - number, self._plan)

    def _beat(self, come: list[int]) -> None:
        now_ns = self._recorder.now_ns()
        for due_ns in come:  # each stands for the answers of its time, and a pacer that was late has several
            self._recorder.late(now_ns - due_ns)

    def _live_once(self, left: int, ready: Callable[[], object] | None = None) -> int:
        """Enter a user's context manager and make its requests; if it cannot be entered, that was a request.

        Args:
            left: the number of requests of the user; negative if there is no such number.
            ready: a function that waits for the beginning of the load; None if the load has begun.

        Returns:
            The number of requests that are left.
        """
        with ExitStack() as stack:
            begun = None if ready is not None else self._begun(self._recorder.now_ns())
            entered = self._enter(stack, begun)
            if ready is not None:
                ready()
            if isinstance(entered, BaseException):
                due_ns = self._recorder.now_ns() if begun is None else begun.due_ns
                if begun is None or begun.settle():
                    self._recorder.raised(entered, due_ns, self._recorder.now_ns())
                return left - (due_ns >= self._recorder.begin_ns)
            self._requests(entered, left)
            self._leave()
        return 0

    def _begun(self, due_ns: int) -> _Request:
        """Return a request that begins with the set-up of its user."""
        request = self._flying[threading.get_ident()] = _Request(due_ns)
        return request

    def _enter(self, stack: ExitStack, begun: _Request | None) -> tuple[Any, ...] | BaseException:
        """Enter a user's context manager; return the arguments of the requests, or the error that was raised."""
        try:
            return self._call.enter(stack)
        except BaseException as error:
            if not self._call.is_error(error):
                raise
            return error
        finally:
            if begun is not None:
                self._landed()

    def _landed(self) -> None:
        """Note that the thread's request has ended."""
        thread = threading.get_ident()
        self._flying.pop(thread, None)
        self._stuck.discard(thread)

    def _requests(self, arguments: tuple[Any, ...], left: int) -> None:
        """Make the requests of one user."""
        plan, now_ns, begin_ns = self._plan, self._recorder.now_ns, self._recorder.begin_ns
        while left and not self._over.is_set():
            start_ns = now_ns()
            if start_ns >= self._end_ns:
                return
            self._request(arguments, start_ns)
            if start_ns >= begin_ns:
                left -= 1
            if plan.think_time_ns:
                self._over.wait(plan.think_time_ns / 1e9)

    def _start_open(self) -> None:
        plan = self._plan
        due_ns = array("q", starts(plan))
        self._unsent = len(due_ns)
        first_ns = self._recorder.now_ns() + LEAD_NS
        begin_ns = first_ns + plan.warm_up_ns
        self._recorder.begin(begin_ns)
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
            elif self._live < MOST_THREADS:
                self._spawn(lambda due_ns=due_ns: self._serve(due_ns))  # type: ignore[misc]
            else:
                message = f"not sent: {MOST_THREADS:,} requests were waiting for an answer"
                self._recorder.given_up("Dropped", message, due_ns, self._recorder.now_ns())
            self._unsent -= 1

    def _serve(self, first_ns: int) -> None:
        """Make one request after the other, each when it is due, for a user that is kept.

        The set-up of the user is part of the first request: an overloaded server accepts no connection, either.
        """
        due_ns: int | None = first_ns
        self._recorder.late(self._recorder.now_ns() - first_ns)
        begun = self._begun(first_ns)
        with ExitStack() as stack:
            entered = self._enter(stack, begun)
            if isinstance(entered, BaseException):
                if begun.settle():
                    self._recorder.raised(entered, first_ns, self._recorder.now_ns())
                return
            first: _Request | None = begun
            while due_ns is not None:
                self._request(entered, due_ns, first)
                first = None
                with self._lock:
                    if self._is_sent:
                        break
                    self._idle += 1
                due_ns = self._mailbox.get()
                if due_ns is not None:
                    self._recorder.late(self._recorder.now_ns() - due_ns)
            self._leave()

    def _leave(self) -> None:
        """Note that a user has made its last request, and leaves its context manager."""
        self._leaving[threading.get_ident()] = self._recorder.now_ns()

    def _request(self, arguments: tuple[Any, ...], due_ns: int, request: _Request | None = None) -> None:
        """Make one request and record it; `request` is given if it has begun with the set-up of its user."""
        recorder, thread = self._recorder, threading.get_ident()
        own = request or _Request(due_ns)
        self._flying[thread] = own
        self._most_flying = max(self._most_flying, len(self._flying))
        try:
            result = self._call.function(*arguments)
            if not self._is_checked:
                self._call.refuse(result)
                self._is_checked = True
        except BaseException as error:
            if not self._call.is_error(error):
                raise
            end_ns = recorder.now_ns()
            if own.settle():
                recorder.raised(error, due_ns, end_ns)
        else:
            end_ns = recorder.now_ns()
            if own.settle():
                recorder.answered(due_ns, end_ns)
        finally:
            self._landed()

    def _watch(self) -> None:
        """Give up requests that are not answered in time, until all are done."""
        period_s = watch_period_s(self._plan)
        now_ns = self._recorder.now_ns()
        while self._failure is None and not (self._is_sent and self._all_are_settled(now_ns)):
            self._changed.wait(period_s)
            self._changed.clear()
            now_ns = self._recorder.now_ns()
            self._recorder.users(self._most_users(), now_ns)
            if not self.ended_early and now_ns < self._end_ns and (reason := self._look()):
                self.ended_early, self._end_ns = reason, now_ns
            if not self._is_sent and now_ns >= self._end_ns:
                self._stop_sending(now_ns)
            self._give_up(now_ns)
            if now_ns >= self._end_ns + GRACE_NS:
                return

    def _most_users(self) -> int:
        """Return the most users at a time since the last look."""
        if not self._plan.is_open:
            return self._live
        most, self._most_flying = self._most_flying, len(self._flying)
        return most

    def _all_are_settled(self, now_ns: int) -> bool:
        """Return whether no thread has anything to do, apart from calls and ends of users that were given up."""
        oldest_ns = now_ns - self._plan.timeout_ns
        return self._live <= len(self._stuck) + sum(since_ns < oldest_ns for since_ns in [*self._leaving.values()])

    def _stop_sending(self, now_ns: int) -> None:
        """Let the users of an open load go when all requests are sent, or will never be."""
        if self._unsent and not self.ended_early:
            if now_ns < self._end_ns + GRACE_NS:
                return
            self._recorder.late(now_ns - self._end_ns)  # the generator could not send them
        self._dismiss()

    def _dismiss(self) -> None:
        """Let the threads that wait for a request end."""
        with self._lock:
            self._is_sent = True
            waiting, self._idle = self._idle, 0
        for _ in range(waiting):
            self._mailbox.put(None)

    def _give_up(self, now_ns: int) -> None:
        """Record the requests that have waited too long."""
        for thread, request in list(self._flying.items()):
            reason = why_given_up(self._plan, request.due_ns, now_ns, self._end_ns)
            if reason and request.settle():
                self._stuck.add(thread)
                if self._flying.get(thread) is not request:  # its call has just returned
                    self._stuck.discard(thread)
                self._recorder.given_up(*reason, request.due_ns, now_ns)

    def _spawn(self, target: Callable[[], None]) -> None:
        with self._lock:
            self._live += 1
        thread = threading.Thread(
            target=self._guarded, args=(target,), name=f"perfbudget-load-{len(self._threads) + 1}", daemon=True
        )
        thread.start()
        self._threads.append(thread)

    def _guarded(self, target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self._failure = self._failure or error
        finally:
            thread = threading.get_ident()
            self._leaving.pop(thread, None)
            with self._lock:
                self._live -= 1
            self._changed.set()


def _at_once(function: Callable[[], None]) -> None:
    function()
