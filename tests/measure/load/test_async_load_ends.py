"""Errors, requests without an answer and users that do not end, in virtual time: each load comes to its end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
import trio
from virtual_loads import Loop, Stop, answers, load
from virtual_time import VirtualLoop, VirtualTrio

from pytest_perfbudget.core.load.arrivals import Stage
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.load.async_load import AsyncLoad
from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.recorder import LoadRecorder

S = 1_000_000_000
MS = 1_000_000

MODELS = {
    "closed": LoadPlan(users=4, duration_ns=2 * S, timeout_ns=S // 2),
    "open": LoadPlan(stages=(Stage(20, 20, 2 * S),), duration_ns=2 * S, timeout_ns=S // 2),
}


@pytest.mark.parametrize("plan", MODELS.values(), ids=MODELS)
class TestErrors:
    def test_exceptions_and_failed_assertions_are_errors_of_their_request(self, loop: Loop, plan: LoadPlan) -> None:
        calls = 0

        async def fails() -> None:
            nonlocal calls
            calls += 1
            number = calls
            await loop.sleep(0.1)
            assert number % 2, "even"
            if number % 4 == 1:
                message = f"port {40_000 + number}"
                raise ConnectionError(message)

        found = load(loop, plan, fails)
        assert found.failures == sum(one.count for one in found.errors)
        assert {one.kind for one in found.errors} == {"AssertionError", "ConnectionError"}
        assert "in fails" in found.errors[0].traceback
        assert len(found.latencies) == found.requests - found.failures

    def test_a_request_without_an_answer_is_given_up_after_the_timeout(self, loop: Loop, plan: LoadPlan) -> None:
        async def hangs() -> None:
            await loop.for_ever()

        found = load(loop, plan, hangs)
        assert found.failures == found.requests > 0
        assert found.errors[0].kind == "TimeoutError"
        assert found.errors[0].message == "no answer within 0.5 s"
        assert min(found.latencies.sequence) >= 0.5 * S

    def test_the_load_ends_in_time_if_nothing_is_answered(self, loop: Loop, plan: LoadPlan) -> None:
        async def hangs() -> None:
            await loop.for_ever()

        patient = LoadPlan(plan.users, stages=plan.stages, duration_ns=plan.duration_ns)
        found = load(loop, patient, hangs)
        assert {one.kind for one in found.errors} == {"Unanswered"}
        assert loop.time() < (plan.duration_ns / 1e9) + 2

    def test_a_call_that_ignores_its_cancellation_does_not_keep_the_load_from_its_end(
        self, loop: Loop, plan: LoadPlan
    ) -> None:
        """Asyncio waits for each task before a loop ends, so none is left; trio has no way to end a shielded task."""

        async def generate() -> LoadRecord:
            recorder = LoadRecorder(loop.clock)
            await AsyncLoad(plan, LoadCall(lambda: loop.stay(2_000)), recorder, pacer=loop.pacer).run()
            assert loop.time() < 2 + 2  # within 2 s of the end of the load
            return recorder.record(plan)

        found = loop.run(generate, leaves_tasks=isinstance(loop, VirtualTrio))
        assert found.failures == found.requests > 0

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize("loop", [VirtualLoop], indirect=True, ids=["asyncio"])
    def test_the_loop_ends_without_a_call_that_handles_every_exception(self, loop: Loop, plan: LoadPlan) -> None:
        """Python warns of such a call."""
        calls = 0

        async def stays() -> None:
            nonlocal calls
            calls += 1
            while True:
                with suppress(BaseException):
                    await loop.sleep(1_000)

        found = load(loop, plan, stays)
        assert found.failures == found.requests == calls > 0

    @pytest.mark.parametrize("loop", [VirtualLoop], indirect=True, ids=["asyncio"])
    @pytest.mark.parametrize("wait", [asyncio.ensure_future, asyncio.gather])
    def test_the_loop_ends_without_inner_tasks_that_ignore_their_cancellation(
        self, loop: Loop, plan: LoadPlan, wait: Callable[..., Awaitable[object]], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Such as the task of a client that swallows each exception; a task that the test has started goes on."""
        others: list[asyncio.Task[None]] = []

        async def stays() -> None:
            while True:
                with suppress(asyncio.CancelledError):
                    await loop.sleep(1_000)

        async def request() -> None:
            await wait(asyncio.ensure_future(stays()))

        async def generate() -> None:
            others.append(asyncio.ensure_future(loop.sleep(1_000)))
            recorder = LoadRecorder(loop.clock)
            await AsyncLoad(plan, LoadCall(request), recorder, pacer=loop.pacer).run()
            found = recorder.record(plan)
            assert found.failures == found.requests > 0
            assert asyncio.all_tasks() == {asyncio.current_task(), *others}
            others[0].cancel()

        loop.run(generate)
        gc.collect()
        assert not caplog.records

    @pytest.mark.parametrize("loop", [VirtualLoop], indirect=True, ids=["asyncio"])
    def test_a_call_that_ignores_its_cancellation_cleans_up(self, loop: Loop, plan: LoadPlan) -> None:
        opened, closed = [], []

        @asynccontextmanager
        async def connected() -> AsyncIterator[None]:
            opened.append(1)
            try:
                yield
            finally:
                closed.append(1)
                await loop.sleep(0.1)  # ends at once

        async def stays(_: object) -> None:
            while True:
                with suppress(asyncio.CancelledError):
                    await loop.sleep(1_000)

        found = load(loop, plan, stays, user=connected)
        assert len(opened) == len(closed) == found.requests > 0

    @pytest.mark.parametrize("loop", [VirtualLoop], indirect=True, ids=["asyncio"])
    def test_an_inner_task_that_was_cancelled_is_an_error(self, loop: Loop, plan: LoadPlan) -> None:
        async def cancels() -> None:
            inner = asyncio.ensure_future(asyncio.sleep(1))
            await loop.sleep(0.1)
            inner.cancel()
            await inner

        found = load(loop, plan, cancels)
        assert {one.kind for one in found.errors} == {"CancelledError"}

    @pytest.mark.parametrize("stop", [Stop, KeyboardInterrupt])
    def test_some_exceptions_end_the_load_and_leave_no_task(
        self, loop: Loop, plan: LoadPlan, stop: type[BaseException]
    ) -> None:
        async def stops() -> None:
            await loop.sleep(0.1)
            raise stop

        with pytest.raises(stop):
            load(loop, plan, stops)

    @pytest.mark.parametrize("refused", [0, 5, 10_000])
    def test_a_user_that_cannot_enter_is_an_error_of_its_request(
        self, loop: Loop, plan: LoadPlan, refused: int
    ) -> None:
        tried = 0

        @asynccontextmanager
        async def connected() -> AsyncIterator[None]:
            nonlocal tried
            tried = number = tried + 1
            await loop.sleep(0.1)
            if number <= refused:
                message = f"refused port {40_000 + number}"
                raise ConnectionError(message)
            yield

        found = load(loop, plan, answers(loop), user=connected)
        assert found.failures == min(refused, found.requests)
        assert found.requests == (40 if plan.is_open else pytest.approx(80, abs=8))
        assert [(one.kind, one.count) for one in found.errors] == (
            [("ConnectionError", found.failures)] if refused else []
        )
        for one in found.errors:
            first = one.traceback.splitlines()[1]
            assert first.endswith("in connected"), one.traceback

    def test_an_error_at_the_end_of_a_users_context_manager_is_no_error_of_a_request(
        self, loop: Loop, plan: LoadPlan
    ) -> None:
        """For example a connection that cannot be closed cleanly, because the server was killed."""

        @contextmanager
        def broken() -> Iterator[None]:
            yield
            message = "still open"
            raise OSError(message)

        async def generate() -> None:
            recorder = LoadRecorder(loop.clock)
            generator = AsyncLoad(plan, LoadCall(answers(loop), broken), recorder, pacer=loop.pacer)
            await generator.run()
            found = recorder.record(plan)
            assert (found.requests > 0, found.failures) == (True, 0)
            assert [(one.kind, one.message) for one in generator.unclean] == [("OSError", "still open")]

        loop.run(generate)

    def test_after_a_request_without_an_answer_the_user_enters_again(self, loop: Loop, plan: LoadPlan) -> None:
        """The late answer on the old connection would be taken for that to the next request."""
        connections = 0

        @contextmanager
        def connected() -> Iterator[list[int]]:
            nonlocal connections
            connections += 1
            yield []

        async def order(made: list[int]) -> None:
            assert len(made) < 3, "a connection is used after a request without an answer"
            made.append(1)
            if len(made) == 3:
                await loop.for_ever()
            await loop.sleep(0.1)

        found = load(loop, plan, order, user=connected)
        assert {one.kind for one in found.errors} <= {"TimeoutError", "Unanswered"}
        assert connections >= found.failures >= 1

    @pytest.mark.parametrize(
        "kind", [BrokenPipeError, trio.BrokenResourceError, asyncio.IncompleteReadError, ValueError]
    )
    def test_after_the_end_of_its_connection_the_user_enters_again(
        self, loop: Loop, plan: LoadPlan, kind: type[Exception]
    ) -> None:
        """The server closes each connection after four answers; without a new connection all later requests fail."""

        @contextmanager
        def connected() -> Iterator[list[int]]:
            yield []

        async def order(made: list[int]) -> None:
            await loop.sleep(0.05 if len(made) < 4 else 0.001)
            made.append(1)
            if len(made) > 4:
                raise kind(b"", 1) if kind is asyncio.IncompleteReadError else kind("closed")

        found = load(loop, plan, order, user=connected)
        if issubclass(kind, ValueError):  # what an application raises says nothing about the connection
            assert found.failures > found.requests / 2
        else:
            assert 0 < found.failures <= found.requests / 5

    def test_a_look_ends_the_load_early(self, loop: Loop, plan: LoadPlan) -> None:
        found = load(loop, plan, answers(loop), look=lambda: "enough" if loop.time() > 1 else "")
        assert found.ended_early == "enough"
        assert loop.time() < 1.5
        assert found.elapsed_ns < 1.2 * S


def test_users_that_are_never_ready_are_said(loop: Loop) -> None:
    @asynccontextmanager
    async def hangs() -> AsyncIterator[None]:
        await loop.for_ever()
        yield

    with pytest.raises(MisuseError, match="2 of 2 users were not ready within 1 s"):
        load(loop, LoadPlan(users=2, requests=1, timeout_ns=S), answers(loop), user=hangs)


USERS = {
    "closed": LoadPlan(users=4, requests=5, timeout_ns=S),
    "duration": LoadPlan(users=4, duration_ns=S, think_time_ns=250 * MS, timeout_ns=60 * S),
    "open": LoadPlan(stages=(Stage(20, 20, S),), duration_ns=S, timeout_ns=60 * S),
}


class TestUsersThatWaitForEver:
    """A load ends although its users do not."""

    @pytest.mark.parametrize("plan", USERS.values(), ids=USERS)
    def test_after_their_requests(self, loop: Loop, plan: LoadPlan) -> None:
        @asynccontextmanager
        async def stays() -> AsyncIterator[None]:
            yield
            await loop.for_ever()

        async def generate() -> None:
            recorder = LoadRecorder(loop.clock)
            generator = AsyncLoad(plan, LoadCall(answers(loop), stays), recorder, pacer=loop.pacer)
            await generator.run()
            found = recorder.record(plan)
            assert (found.requests >= 12, found.failures) == (True, 0)
            assert generator.hung > 0

        loop.run(generate)
        assert loop.time() < 4

    def test_before_their_first_request(self, loop: Loop) -> None:
        """Otherwise a load without any answer, and without any error, would pass."""

        @asynccontextmanager
        async def hangs() -> AsyncIterator[None]:
            await loop.for_ever()
            yield

        found = load(loop, USERS["open"], answers(loop), user=hangs)
        assert (found.requests, found.failures) == (20, 20)
        assert {one.kind for one in found.errors} == {"Unanswered"}

    def test_users_that_end_are_not_called_hung(self, loop: Loop) -> None:
        @asynccontextmanager
        async def user() -> AsyncIterator[None]:
            yield

        async def generate() -> None:
            plan = USERS["closed"]
            generator = AsyncLoad(plan, LoadCall(answers(loop), user), LoadRecorder(loop.clock), pacer=loop.pacer)
            await generator.run()
            assert generator.hung == 0

        loop.run(generate)


class TestUsersThatIgnoreTheirCancellation:
    """The second request is given up after 0.5 s, and needs some time to end. Trio cancels again at every wait."""

    @staticmethod
    def generate(loop: Loop, plan: LoadPlan, cleanup_s: float) -> tuple[LoadRecord, int, int, int]:
        """Return the record, the number of requests that did not end, and the number of calls: then, and later."""
        calls = 0

        async def slow_to_end() -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                until = loop.time() + 0.5 + cleanup_s
                while loop.time() < until:
                    with suppress(asyncio.CancelledError):
                        await loop.sleep(until - loop.time())
            await loop.sleep(0.1)

        async def generate() -> tuple[LoadRecord, int, int, int]:
            recorder = LoadRecorder(loop.clock)
            generator = AsyncLoad(plan, LoadCall(slow_to_end), recorder, pacer=loop.pacer)
            await generator.run()
            left, at_end = generator.left, calls
            await loop.sleep(5)
            return recorder.record(plan), left, at_end, calls

        return loop.run(generate)

    def test_a_user_who_comes_back_goes_on(self) -> None:
        plan = LoadPlan(users=1, duration_ns=10 * S, timeout_ns=S // 2)
        found, left, at_end, later = self.generate(VirtualLoop(), plan, 1.0)
        assert (left, at_end, found.failures) == (0, later, 1)
        assert found.requests > 75

    def test_a_user_who_does_not_makes_no_request_after_the_load(self) -> None:
        plan = LoadPlan(users=2, requests=20, timeout_ns=S // 2)
        found, left, at_end, later = self.generate(VirtualLoop(), plan, 4.0)
        assert (left, at_end, found.failures) == (0, later, 1)
        assert found.requests == 21
