"""The users of a load of plain functions: each is a thread, and makes one request at a time.

A thread cannot be cancelled. A request that is not answered in time is recorded as such, and its thread goes on when
the call returns. A thread whose call never returns is left; it does not keep the process from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.measure.load.leaving_errors import LeavingErrors
from pytest_perfbudget.measure.load.patience import STUCK_NS, why_given_up
from pytest_perfbudget.measure.load.recorder import LoadRecorder


@dataclass(frozen=True, slots=True)
class Request:
    """A request in flight, which is recorded once: when its call returns, or when it is given up."""

    due_ns: int
    _settled: threading.Lock = field(default_factory=threading.Lock)

    def settle(self) -> bool:
        """Return whether the request is not recorded yet; only the first thread that asks is told so."""
        return self._settled.acquire(blocking=False)


@dataclass(eq=False)
class ThreadUsers:
    """All users of a load.

    Attributes:
        plan: the load.
        recorder: the recorder of the load.
        live: the number of users that have not ended.
        failure: the exception with which a user has ended, and which ends the load; None if there is none.
        changed: an event that happens when a user has ended.
        left: after the load, the number of threads whose call has not returned.
        hung: after the load, the number of threads that are still in the end of the user's context manager.
        unclean: the errors at the end of users' context managers.
    """

    plan: LoadPlan
    recorder: LoadRecorder
    live: int = 0
    failure: BaseException | None = None
    changed: threading.Event = field(default_factory=threading.Event)
    left: int = 0
    hung: int = 0
    unclean: LeavingErrors = field(default_factory=LeavingErrors)

    def __post_init__(self) -> None:
        """Begin without users."""
        self._flying: dict[int, Request] = {}
        self._stuck: set[int] = set()
        self._leaving: dict[int, int] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._most_flying = 0

    def add(self, live: Callable[[], None]) -> None:
        """Start a user, who lives as a function says.

        Raises:
            RuntimeError: the system has no thread left.
        """
        thread = threading.Thread(
            target=self._guarded, args=(live,), name=f"perfbudget-load-{len(self._threads) + 1}", daemon=True
        )
        with self._lock:
            self.live += 1
        try:
            thread.start()
        except RuntimeError:
            with self._lock:
                self.live -= 1
            raise
        self._threads.append(thread)

    def starts(self, request: Request) -> None:
        """Note that the user of this thread starts a request."""
        self._flying[threading.get_ident()] = request
        self._most_flying = max(self._most_flying, len(self._flying))

    def ends(self) -> None:
        """Note that the request of this thread has ended."""
        thread = threading.get_ident()
        self._flying.pop(thread, None)
        self._stuck.discard(thread)

    def leaves(self) -> None:
        """Note that the user of this thread has made its last request, and leaves its context manager."""
        self._leaving[threading.get_ident()] = self.recorder.now_ns()

    def stays(self) -> None:
        """Note that the user of this thread has left its context manager, and may enter it again."""
        self._leaving.pop(threading.get_ident(), None)

    def most(self) -> int:
        """Return the most users at a time since the last look."""
        if not self.plan.is_open:
            return self.live
        most, self._most_flying = self._most_flying, len(self._flying)
        return most

    def are_done(self, now_ns: int) -> bool:
        """Return whether no thread has anything to do, apart from calls and ends of users that were given up."""
        oldest_ns = now_ns - self.plan.timeout_ns
        return self.live <= len(self._stuck) + sum(since_ns < oldest_ns for since_ns in [*self._leaving.values()])

    def give_up(self, now_ns: int, end_ns: int) -> None:
        """Record the requests that have waited too long."""
        for thread, request in list(self._flying.items()):
            reason = why_given_up(self.plan, request.due_ns, now_ns, end_ns)
            if reason and request.settle():
                self._stuck.add(thread)
                if self._flying.get(thread) is not request:  # its call has just returned
                    self._stuck.discard(thread)
                self.recorder.given_up(*reason, request.due_ns, now_ns)

    def join(self) -> None:
        """Wait for the threads that are not in a call, as long as they end; count those that are left."""
        wait_s = STUCK_NS / 1e9
        for thread in self._threads:
            if thread.ident not in self._flying:
                thread.join(wait_s)
                wait_s = 0.0 if thread.is_alive() else wait_s
        left = [thread for thread in self._threads if thread.is_alive()]
        self.hung = sum(thread.ident in self._leaving for thread in left)
        self.left = len(left) - self.hung

    def _guarded(self, live: Callable[[], None]) -> None:
        try:
            live()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self.failure = self.failure or error
        finally:
            self._leaving.pop(threading.get_ident(), None)
            with self._lock:
                self.live -= 1
            self.changed.set()
