"""The generator in the event loops of asyncio and trio, in virtual time: exact latencies, rates and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from virtual_loads import Loop, answers, load

from pytest_perfbudget.core.load.arrivals import Arrival, Stage, ramps
from pytest_perfbudget.core.load.plan import LoadPlan

S = 1_000_000_000
MS = 1_000_000


class TestClosedModel:
    def test_each_user_makes_its_requests_one_after_the_other(self, loop: Loop) -> None:
        found = load(loop, LoadPlan(users=10, requests=20), answers(loop))
        assert found.requests == 200
        assert found.failures == 0
        assert set(found.latencies.sequence) == {100 * MS}
        assert found.elapsed_ns == 2 * S
        assert found.rps == 100
        assert {(one.requests, one.users) for one in found.over_time} == {(0, 10), (10, 10)}

    def test_a_duration_ends_the_load_and_the_last_requests_are_awaited(self, loop: Loop) -> None:
        found = load(loop, LoadPlan(users=3, duration_ns=950 * MS), answers(loop))
        assert found.requests == 30
        assert found.elapsed_ns == S

    def test_a_slow_last_answer_prolongs_the_load_and_does_not_lower_its_rate(self, loop: Loop) -> None:
        numbers = iter(range(1, 100))

        async def answer() -> None:
            await loop.sleep(1.4 if next(numbers) == 30 else 0.1)

        found = load(loop, LoadPlan(users=3, duration_ns=S), answer)
        assert (found.requests, found.in_time, found.rps) == (30, 29, 29)
        assert found.elapsed_ns == 2_300 * MS

    def test_a_user_thinks_between_an_answer_and_the_next_request(self, loop: Loop) -> None:
        found = load(loop, LoadPlan(users=1, duration_ns=S, think_time_ns=150 * MS), answers(loop))
        assert found.requests == 4
        assert set(found.latencies.sequence) == {100 * MS}

    def test_the_warm_up_is_not_recorded(self, loop: Loop) -> None:
        calls = 0

        async def warms() -> None:
            nonlocal calls
            calls += 1
            await loop.sleep(0.1 if calls > 5 else 0.4)

        found = load(loop, LoadPlan(users=1, requests=3, warm_up_ns=2 * S), warms)
        assert calls == 8
        assert set(found.latencies.sequence) == {100 * MS}

    @pytest.mark.parametrize("is_answered", [True, False])
    def test_a_request_of_the_warm_up_that_is_never_answered_is_an_error(
        self, loop: Loop, *, is_answered: bool
    ) -> None:
        """Its user makes no other request in the whole load, which would keep every limit."""
        calls = 0

        async def hangs_once() -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                await loop.sleep(0.3) if is_answered else await loop.for_ever()
            await loop.sleep(0.1)

        found = load(loop, LoadPlan(users=2, duration_ns=S, warm_up_ns=150 * MS), hangs_once)
        assert [(one.kind, one.count) for one in found.errors] == ([] if is_answered else [("Unanswered", 1)])
        assert found.latencies.unanswered == found.failures

    def test_a_call_that_never_waits_leaves_the_other_users_their_turns(self, loop: Loop) -> None:
        seen: set[object] = set()

        @contextmanager
        def user() -> Iterator[int]:
            yield len(seen)

        async def busy(_: int) -> None:
            loop.spend(0.0002)
            seen.add(loop.task())

        found = load(loop, LoadPlan(users=2, duration_ns=S), busy, user=user)
        assert len(seen) == 2
        assert found.requests == pytest.approx(5_000, rel=0.01)


class TestOpenModel:
    def test_requests_start_when_they_are_due(self, loop: Loop) -> None:
        """A server that needs a second for each request has 50 of them at a time."""
        flying = most = 0

        async def slow() -> None:
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            await loop.sleep(1.0)
            flying -= 1

        found = load(loop, LoadPlan(stages=(Stage(50, 50, 10 * S),), duration_ns=10 * S), slow)
        assert found.requests == 500
        assert most in (50, 51)
        assert set(found.latencies.sequence) == {S}
        assert found.generator.lateness_p99_ns == 0
        users = [one.users for one in found.over_time]
        assert users[:5] == pytest.approx([10, 20, 30, 40, 50], abs=1)
        assert users[5:50] == pytest.approx([50] * 45, abs=1)

    def test_a_stall_of_the_server_shows_in_all_requests_that_waited_for_it(self, loop: Loop) -> None:
        """Coordinated omission: 100/s, and no answer from 4 s to 5 s on. The closed model sees one slow request."""
        begin_ns = 20 * MS

        async def stalls() -> None:
            since = loop.now_ns() - begin_ns - 4 * S
            await loop.sleep(0.001 if not 0 <= since < S else (S - since) / 1e9 + 0.001)

        plan = LoadPlan(stages=(Stage(100, 100, 10 * S),), duration_ns=10 * S)
        found = load(loop, plan, stalls)
        exact = sorted([10 * MS * one + MS for one in range(1, 101)] + [MS] * 900)
        assert sorted(found.latencies.sequence) == pytest.approx(exact, rel=1e-6)
        other = type(loop)()
        closed = load(other, LoadPlan(users=1, duration_ns=10 * S, think_time_ns=9 * MS), answers(other, 0.001))
        assert closed.latencies.quantiles([0.99]) == [MS]

    def test_the_wait_of_a_loop_that_is_busy_is_lateness_and_latency(self, loop: Loop) -> None:
        async def blocks() -> None:
            loop.spend(0.015)  # 100/s would need 10 ms

        found = load(loop, LoadPlan(stages=(Stage(100, 100, S),), duration_ns=S), blocks)
        assert found.requests == 100
        assert found.generator.lateness_p99_ns == pytest.approx(98 * 5 * MS, rel=0.02)
        assert max(found.latencies.sequence) == pytest.approx(99 * 5 * MS + 15 * MS, rel=0.02)

    def test_ramps_lead_from_stage_to_stage(self, loop: Loop) -> None:
        stages = tuple(ramps([(100, 2 * S), (100, S)]))
        found = load(loop, LoadPlan(stages=stages, duration_ns=3 * S), answers(loop))
        assert found.requests == 200

    def test_poisson_arrivals_and_a_warm_up(self, loop: Loop) -> None:
        plan = LoadPlan(stages=(Stage(100, 100, 10 * S),), duration_ns=10 * S, warm_up_ns=S, arrival=Arrival.POISSON)
        found = load(loop, plan, answers(loop))
        assert found.requests == pytest.approx(1_000, abs=100)

    def test_users_are_kept_for_the_next_request(self, loop: Loop) -> None:
        made: list[int] = []
        open_users = set()

        @asynccontextmanager
        async def user() -> AsyncIterator[int]:
            number = len(made)
            made.append(number)
            open_users.add(number)
            yield number
            open_users.discard(number)

        async def request(number: int) -> None:
            assert number in open_users
            await loop.sleep(0.015)

        found = load(loop, LoadPlan(stages=(Stage(100, 100, 5 * S),), duration_ns=5 * S), request, user=user)
        assert found.failures == 0
        assert len(made) == 2
        assert not open_users


MODELS = {
    "closed": LoadPlan(users=4, duration_ns=2 * S, timeout_ns=S // 2),
    "open": LoadPlan(stages=(Stage(20, 20, 2 * S),), duration_ns=2 * S, timeout_ns=S // 2),
}
