"""The generator for plain functions: threads, with events instead of waiting times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest

from pytest_perfbudget.core.load.arrivals import Stage
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.load.call import LoadCall, Look, User, never_early
from pytest_perfbudget.measure.load.recorder import ThreadRecorder
from pytest_perfbudget.measure.load.thread_load import ThreadLoad

S = 1_000_000_000
MS = 1_000_000


class Stop(BaseException):
    """An exception that ends a test, such as pytest's for a skipped test."""


def load(
    plan: LoadPlan, function: Callable[..., object], *, user: User | None = None, look: Look = never_early
) -> tuple[LoadRecord, int]:
    """Generate a load; return its record, and the number of threads that are left."""
    recorder = ThreadRecorder()
    generator = ThreadLoad(plan, LoadCall(function, user, (Stop,)), recorder, look=look)
    generator.run()
    return recorder.record(plan, generator.ended_early), generator.left


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not [one for one in threading.enumerate() if one.name.startswith("perfbudget-load")]


def test_all_users_are_in_their_calls_at_the_same_time() -> None:
    together = threading.Barrier(8)
    found, left = load(LoadPlan(users=8, requests=5), together.wait)
    assert (found.requests, found.failures, left) == (40, 0, 0)


def test_a_duration_ends_the_load() -> None:
    found, _ = load(LoadPlan(users=2, duration_ns=100 * MS), lambda: None)
    assert found.elapsed_ns >= 100 * MS
    assert found.requests == len(found.latencies) > 0


def test_every_request_of_an_open_load_is_sent() -> None:
    plan = LoadPlan(stages=(Stage(400, 400, S // 4),), duration_ns=S // 4, warm_up_ns=S // 20)
    calls: list[None] = []
    found, left = load(plan, lambda: calls.append(None))
    assert (found.requests, len(calls), left) == (100, 120, 0)


def test_requests_of_an_open_load_do_not_wait_for_answers() -> None:
    """The first answer comes when the last request has been sent."""
    all_sent = threading.Barrier(20)
    plan = LoadPlan(stages=(Stage(200, 200, S // 10),), duration_ns=S // 10)
    found, _ = load(plan, all_sent.wait)
    assert (found.requests, found.failures) == (20, 0)


MODELS = {
    "closed": LoadPlan(users=4, requests=5, timeout_ns=2 * S),
    "open": LoadPlan(stages=(Stage(100, 100, S // 5),), duration_ns=S // 5, timeout_ns=2 * S),
}
"""Loads of 20 requests; the timeout is far from the time of a request, on a busy machine, too."""


def impatient(plan: LoadPlan) -> LoadPlan:
    """Return a load whose requests are given up after 100 ms."""
    return replace(plan, timeout_ns=100 * MS)


@pytest.mark.parametrize("plan", MODELS.values(), ids=MODELS)
class TestErrors:
    def test_exceptions_are_errors_of_their_request(self, plan: LoadPlan) -> None:
        calls = iter(range(1000))

        def fails() -> None:
            assert next(calls) % 2, "even"

        found, _ = load(plan, fails)
        assert (found.requests, found.failures, len(found.latencies)) == (20, 10, 10)
        (group,) = found.errors
        assert (group.kind, group.count) == ("AssertionError", 10)
        assert "in fails" in group.traceback

    def test_a_call_that_never_returns_is_given_up_and_its_thread_is_counted(self, plan: LoadPlan) -> None:
        release = threading.Event()
        found, left = load(impatient(plan), release.wait)
        try:
            assert found.failures == found.requests > 0
            assert {one.kind for one in found.errors} == {"TimeoutError"}
            assert left > 0
        finally:
            release.set()
            for one in threading.enumerate():
                if one.name.startswith("perfbudget-load"):
                    one.join()

    @pytest.mark.parametrize("stop", [Stop, KeyboardInterrupt])
    def test_some_exceptions_end_the_load(self, plan: LoadPlan, stop: type[BaseException]) -> None:
        def stops() -> None:
            raise stop

        with pytest.raises(stop):
            load(plan, stops)

    @pytest.mark.parametrize("refused", [0, 3])
    def test_a_user_that_cannot_enter_is_an_error_of_its_request(self, plan: LoadPlan, refused: int) -> None:
        tried = count(1)

        @contextmanager
        def connected() -> Iterator[None]:
            number = next(tried)
            if number <= refused:
                message = f"refused port {40_000 + number}"
                raise ConnectionError(message)
            yield

        found, _ = load(plan, lambda _: time.sleep(0.001), user=connected)
        assert found.failures == refused
        assert found.requests > refused
        assert [(one.kind, one.count) for one in found.errors] == ([("ConnectionError", refused)] if refused else [])
        assert all(one.traceback.splitlines()[1].endswith("in connected") for one in found.errors)

    def test_an_error_at_the_end_of_a_users_context_manager_is_no_error_of_a_request(self, plan: LoadPlan) -> None:
        @contextmanager
        def broken() -> Iterator[None]:
            yield
            message = "still open"
            raise OSError(message)

        recorder = ThreadRecorder()
        generator = ThreadLoad(plan, LoadCall(lambda _: None, broken), recorder)
        generator.run()
        found = recorder.record(plan)
        assert (found.requests, found.failures) == (20, 0)
        assert [(one.kind, one.message) for one in generator.unclean] == [("OSError", "still open")]

    def test_after_a_request_without_an_answer_the_user_enters_again(self, plan: LoadPlan) -> None:
        """The request that stalls takes 1.2 times the timeout, and each other request a third of it."""
        plan = replace(plan, timeout_ns=S // 2)
        if plan.is_open:
            plan = replace(plan, stages=(Stage(25, 25, 8 * S // 10),), duration_ns=8 * S // 10)
        has_stalled = False

        @contextmanager
        def connected() -> Iterator[list[int]]:
            yield []

        def order(lost: list[int]) -> None:
            nonlocal has_stalled
            assert not lost, "a connection is used after a request without an answer"
            if not has_stalled:
                has_stalled = True
                time.sleep(0.6)
                lost.append(1)
            else:
                time.sleep(0.15)  # so the load of users goes on when the stalled request has ended

        found, _ = load(plan, order, user=connected)
        assert [(one.kind, one.count) for one in found.errors] == [("TimeoutError", 1)]

    @pytest.mark.parametrize("kind", [BrokenPipeError, EOFError, ValueError])
    def test_after_the_end_of_its_connection_the_user_enters_again(self, plan: LoadPlan, kind: type[Exception]) -> None:
        """The server closes each connection after the first answer."""

        @contextmanager
        def connected() -> Iterator[list[int]]:
            yield []

        def order(made: list[int]) -> None:
            made.append(1)
            if len(made) == 2:
                raise kind
            assert len(made) == 1, "the connection has ended"

        found, _ = load(plan, order, user=connected)
        kinds = {one.kind for one in found.errors}
        assert kinds == ({"ValueError", "AssertionError"} if kind is ValueError else {kind.__name__})

    def test_users_are_kept_and_closed(self, plan: LoadPlan) -> None:
        open_users: set[int] = set()
        made: list[int] = []

        @contextmanager
        def user() -> Iterator[int]:
            number = threading.get_ident()
            made.append(number)
            open_users.add(number)
            yield number
            open_users.discard(number)

        def request(number: int) -> None:
            assert number in open_users

        found, _ = load(plan, request, user=user)
        assert found.failures == 0
        assert len(made) < found.requests
        assert not open_users


def test_a_look_ends_the_load_early() -> None:
    calls: list[None] = []
    plan = LoadPlan(users=1, duration_ns=3600 * S)
    found, _ = load(plan, lambda: calls.append(None), look=lambda: "enough" if len(calls) > 10 else "")
    assert found.ended_early == "enough"


def test_users_that_are_never_ready_are_said() -> None:
    release = threading.Event()

    @contextmanager
    def hangs() -> Iterator[None]:
        release.wait()
        yield

    with pytest.raises(MisuseError, match="2 of 2 users were not ready within"):
        load(LoadPlan(users=2, requests=1, timeout_ns=100 * MS), lambda _: None, user=hangs)
    release.set()
    for one in threading.enumerate():
        if one.name.startswith("perfbudget-load"):
            one.join()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """An event that is set, and whose threads have ended, after the test."""
    event = threading.Event()
    yield event
    event.set()
    for one in threading.enumerate():
        if one.name.startswith("perfbudget-load"):
            one.join()


@pytest.mark.parametrize("plan", MODELS.values(), ids=MODELS)
def test_a_load_ends_although_its_users_do_not(plan: LoadPlan, release: threading.Event) -> None:
    @contextmanager
    def stays() -> Iterator[None]:
        yield
        release.wait()

    recorder = ThreadRecorder()
    generator = ThreadLoad(plan, LoadCall(lambda _: None, stays), recorder)
    generator.run()
    assert (recorder.record(plan).requests, recorder.record(plan).failures, generator.left) == (20, 0, 0)
    assert generator.hung > 0


@pytest.mark.parametrize("plan", MODELS.values(), ids=MODELS)
def test_users_that_end_are_not_called_hung(plan: LoadPlan) -> None:
    @contextmanager
    def user() -> Iterator[None]:
        yield

    generator = ThreadLoad(plan, LoadCall(lambda _: None, user), ThreadRecorder())
    generator.run()
    assert (generator.left, generator.hung) == (0, 0)


def test_a_request_of_an_open_load_whose_user_is_never_ready_is_an_error(release: threading.Event) -> None:
    """Otherwise a load without any answer, and without any error, would pass."""

    @contextmanager
    def hangs() -> Iterator[None]:
        release.wait()
        yield

    found, left = load(impatient(MODELS["open"]), lambda _: None, user=hangs)
    assert (found.requests, found.failures, left) == (20, 20, 20)


def test_users_for_whom_there_are_no_threads_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if thread.name == "perfbudget-load-4":
            message = "can't start new thread"
            raise RuntimeError(message)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(MisuseError, match="users=9: each user of a plain function needs a thread, and only 3 can be"):
        load(LoadPlan(users=9, requests=1), lambda: None)


def test_requests_for_which_there_is_no_thread_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    start, most = threading.Thread.start, 3

    def limited(thread: threading.Thread) -> None:
        nonlocal most
        if thread.name != "perfbudget-load-pacer":
            most -= 1
            if most < 0:
                message = "can't start new thread"
                raise RuntimeError(message)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    plan = MODELS["open"]
    found, _ = load(plan, lambda: time.sleep(1))  # five times as long as the load, which may be late on a busy machine
    assert (found.requests, found.failures, found.latencies.unanswered) == (20, 17, 17)
    assert {one.kind for one in found.errors} == {"Dropped"}
    assert found.latencies.quantiles([0.5]) == [plan.timeout_ns]


def test_each_heartbeat_of_a_pacer_that_was_late_counts() -> None:
    """Heartbeats that come at once stand for the times at which an answer would have waited; those before the load do
    not count."""
    recorder = ThreadRecorder()
    generator = ThreadLoad(LoadPlan(users=1, requests=1), LoadCall(lambda: None), recorder)
    now_ns = recorder.now_ns()
    recorder.begin(now_ns - 200 * MS)
    generator._beat([now_ns - 300 * MS, now_ns - 200 * MS, now_ns - 100 * MS, now_ns])
    assert recorder.lateness.count == 3
    assert recorder.lateness.most_ns >= 200 * MS
