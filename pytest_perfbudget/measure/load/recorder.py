"""The recorder of a running load, which every request goes through, so it does next to nothing."""

from __future__ import annotations

import contextlib
import traceback
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final

from pytest_perfbudget.core.load.disturbances import PAUSE_NS, Disturbances
from pytest_perfbudget.core.load.error_groups import ErrorGroups
from pytest_perfbudget.core.load.latencies import Histogram, Latencies
from pytest_perfbudget.core.load.outcomes import Outcome
from pytest_perfbudget.core.load.over_time import OverTime
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord
from pytest_perfbudget.measure.clock import SYSTEM, Clock
from pytest_perfbudget.measure.load.missing_answers import was_not_sent

_OF_GENERATOR: Final = (str(Path(__file__).parent), contextlib.__file__)
"""The folder and the file whose frames come before those of the user's code in a traceback."""

_ANSWERED: Final = int(Outcome.ANSWERED)

NEVER_NS = 1 << 62
"""A time that never comes."""


class LoadRecorder:
    """The recorder of one load.

    Requests that are due before `begin_ns` belong to the warm-up and are not recorded. An error is recorded if it comes
    after the warm-up: a request that began before and is never answered holds its user for the whole load.

    Args:
        clock: the clock of all times.

    Attributes:
        begin_ns: the time at which the load begins, after its warm-up.
        last_ns: the time at which the last request so far has ended.
        latest_users: the number of users that was recorded last.
        begins: a function that is told `begin_ns` once it is known.
    """

    _in_threads = False

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self.now_ns: Callable[[], int] = clock.wall_ns
        self.begin_ns = NEVER_NS
        self.latencies = Latencies()
        self.outcomes = array("b")
        self.errors = ErrorGroups()
        self.lateness = Histogram()
        self.steps: dict[str, Latencies] = {}
        self._disturbances = Disturbances()
        self._over_time = OverTime()
        self.last_ns = 0
        self.latest_users = 0
        self._planned_end_ns = 0
        self._in_time = 0
        self.begins: Callable[[int], object] = _nobody
        self._cpu_ns = clock.cpu_ns
        self._cpu_at_begin_ns = 0

    def begin(self, at_ns: int, duration_ns: int = 0) -> None:
        """Set the time at which the load begins, and its planned duration; 0 if the number of requests ends it."""
        self.begin_ns = at_ns
        self._planned_end_ns = at_ns + duration_ns
        self.last_ns = at_ns
        self._cpu_at_begin_ns = self._cpu_ns()
        self.begins(at_ns)

    def answered(self, due_ns: int, end_ns: int) -> None:
        """Record a request that was answered.

        Args:
            due_ns: the time at which the request started or, of an open load, should have started.
            end_ns: the time of the answer.
        """
        if due_ns < self.begin_ns:
            return
        self.latencies.append(end_ns - due_ns)
        if due_ns <= self._disturbances.until_ns:
            self._mark(due_ns)
        self.outcomes.append(_ANSWERED)
        self.last_ns = end_ns
        if end_ns <= self._planned_end_ns:
            self._in_time += 1
        self._over_time.add(end_ns - self.begin_ns, end_ns - due_ns)

    def raised(self, error: BaseException, due_ns: int, end_ns: int, *, has_no_answer: bool = False) -> None:
        """Record a request whose code raised.

        Args:
            error: the exception.
            due_ns: the time at which the request started or should have started.
            end_ns: the time of the exception.
            has_no_answer: whether the exception says that no answer came, as if the load had given the request up.
        """
        if end_ns < self.begin_ns:
            return
        took_ns = end_ns - due_ns
        (self.latencies.append_unanswered if has_no_answer else self.latencies.append_failed)(took_ns)
        self._over_time.add(end_ns - self.begin_ns, took_ns if has_no_answer else None, is_error=True)
        outcome = Outcome.NO_ANSWER if has_no_answer else Outcome.FAILED
        if has_no_answer and was_not_sent(
            error
        ):  # another client has connections enough, as another generator has time
            outcome = Outcome.GIVEN_UP
            self._mark(due_ns)
        self._fail(outcome, type(error).__name__, str(error), end_ns, error)

    def given_up(self, kind: str, message: str, due_ns: int, end_ns: int, *, least_ns: int = 0) -> None:
        """Record a request that has not been answered; the answer would have taken longer than the time so far.

        Args:
            kind: the kind of the error.
            message: its message.
            due_ns: the time at which the request started or should have started.
            end_ns: the time.
            least_ns: the shortest time that counts as waited: the timeout for a request that was not sent.
        """
        if end_ns < self.begin_ns:
            return
        waited_ns = max(end_ns - due_ns, least_ns)
        self.latencies.append_unanswered(waited_ns)
        self._mark(due_ns)
        self._over_time.add(end_ns - self.begin_ns, waited_ns, is_error=True)
        self._fail(Outcome.GIVEN_UP, kind, message, end_ns, None)

    def users(self, number: int, at_ns: int) -> None:
        """Record the number of users at a time."""
        self.latest_users = number
        self._over_time.note_users(at_ns - self.begin_ns, number)

    def late(self, due_ns: int, now_ns: int, times: int = 1) -> None:
        """Record that the generator was late; lateness in the warm-up says nothing about the load.

        Args:
            due_ns: the time at which it was to act.
            now_ns: the time at which it acts.
            times: the number of requests that are late by this time.
        """
        if due_ns >= self.begin_ns:
            self.lateness.record(now_ns - due_ns, times)
            if now_ns - due_ns > PAUSE_NS:
                self._disturbances.note(now_ns, now_ns - due_ns)

    def paused(self, due_ns: int, now_ns: int) -> None:
        """Record that requests may be disturbed, because the generator acts late; see `late`."""
        if now_ns - due_ns > PAUSE_NS and due_ns >= self.begin_ns:
            self._disturbances.note(now_ns, now_ns - due_ns)

    def step(self, name: str, start_ns: int, end_ns: int) -> None:
        """Record a step of a request."""
        if start_ns < self.begin_ns:
            return
        self.steps.setdefault(name, Latencies()).append(end_ns - start_ns)

    def record(self, plan: LoadPlan, ended_early: str = "") -> LoadRecord:
        """Return the record of the load so far. Requests that end later do not change the record."""
        elapsed_ns = max(self.last_ns - self.begin_ns, 0)
        whole_ns = elapsed_ns if ended_early else max(elapsed_ns, plan.duration_ns)
        wall_ns = max(self.now_ns() - self.begin_ns, 1)
        late = self.lateness.quantile if self.lateness.count else lambda _: 0.0
        return LoadRecord(
            plan,
            self.latencies.copy(),
            self.outcomes[:],
            [replace(one) for one in self.errors],
            whole_ns,
            GeneratorFacts(
                late(0.99),
                (self._cpu_ns() - self._cpu_at_begin_ns) / wall_ns,
                lateness_p50_ns=late(0.5),
                lateness_p999_ns=late(0.999),
                lateness_max_ns=late(1.0),
                in_threads=self._in_threads,
            ),
            {name: one.copy() for name, one in self.steps.items()},
            ended_early=ended_early,
            over_time=self._over_time.windows(whole_ns),
            in_time=self._in_time,
            disturbances=self._disturbances.copy(),
        )

    def _mark(self, due_ns: int) -> None:
        if self.latencies.is_exact:
            self._disturbances.mark(len(self.latencies) - 1, due_ns)

    def _fail(self, outcome: Outcome, kind: str, message: str, end_ns: int, error: BaseException | None) -> None:
        self.outcomes.append(outcome)
        self.last_ns = end_ns
        first = self.errors.add(kind, message, end_ns - self.begin_ns)
        if first is not None and error is not None:
            trace = of_the_user(error.__traceback__)
            first.traceback = "".join(traceback.format_exception(type(error), error, trace))


class ThreadRecorder(LoadRecorder):
    """A recorder for several threads, one of which records at a time, or looks at what is recorded."""

    _in_threads = True

    def __init__(self, clock: Clock = SYSTEM) -> None:
        super().__init__(clock)
        self._lock = Lock()

    def answered(self, due_ns: int, end_ns: int) -> None:
        """See `LoadRecorder.answered`."""
        with self._lock:
            super().answered(due_ns, end_ns)

    def raised(self, error: BaseException, due_ns: int, end_ns: int, *, has_no_answer: bool = False) -> None:
        """See `LoadRecorder.raised`."""
        with self._lock:
            super().raised(error, due_ns, end_ns, has_no_answer=has_no_answer)

    def given_up(self, kind: str, message: str, due_ns: int, end_ns: int, *, least_ns: int = 0) -> None:
        """See `LoadRecorder.given_up`."""
        with self._lock:
            super().given_up(kind, message, due_ns, end_ns, least_ns=least_ns)

    def users(self, number: int, at_ns: int) -> None:
        """See `LoadRecorder.users`."""
        with self._lock:
            super().users(number, at_ns)

    def late(self, due_ns: int, now_ns: int, times: int = 1) -> None:
        """See `LoadRecorder.late`."""
        with self._lock:
            super().late(due_ns, now_ns, times)

    def step(self, name: str, start_ns: int, end_ns: int) -> None:
        """See `LoadRecorder.step`."""
        with self._lock:
            super().step(name, start_ns, end_ns)

    def record(self, plan: LoadPlan, ended_early: str = "") -> LoadRecord:
        """See `LoadRecorder.record`."""
        with self._lock:
            return super().record(plan, ended_early)


def _nobody(_: int) -> None:
    """Tell nobody when a load begins."""


def of_the_user(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of the generator, which come first."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OF_GENERATOR):
        trace = trace.tb_next
    return trace
