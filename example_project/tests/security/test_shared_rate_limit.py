from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest
from pytest_perfbudget import Perf

from agent_hive.errors import RateLimitStoreError
from agent_hive.security.limit_table import Decision, Limit
from agent_hive.security.shared_rate_limit import SharedRateLimiter
from agent_hive.switches import VARIABLE, Optimisation

FULL = 300

_names = itertools.count()


@pytest.fixture
def agent_id() -> str:
    """An agent that Redis has not met, because all tests share the server."""
    return f"agent-{next(_names)}"


def with_limiter(url: str, work: Callable[[SharedRateLimiter], Awaitable[None]]) -> None:
    async def main() -> None:
        limits = {"claim": Limit(5, 60), "heartbeat": Limit(FULL, 3600)}
        limiter = SharedRateLimiter(url, limits, default=Limit(3, 60))
        try:
            await work(limiter)
        finally:
            await limiter.close()

    asyncio.run(main())


def test_refuses_a_hit_of_a_full_window(perf: Perf, redis_url: str, agent_id: str) -> None:
    async def work(limiter: SharedRateLimiter) -> None:
        for _ in range(FULL):
            await limiter.hit(agent_id, "heartbeat")
        decision: Decision = await perf.aio(limiter.hit, agent_id, "heartbeat")
        assert not decision.allowed

    with_limiter(redis_url, work)


@pytest.fixture(params=["sliding window", "hit log"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to count have to give the same answers."""
    if request.param == "hit log":
        monkeypatch.setenv(VARIABLE, Optimisation.SLIDING_WINDOW.value)


@pytest.mark.usefixtures("store")
class TestWindow:
    def test_it_counts_down_and_refuses_what_is_too_much(self, redis_url: str, agent_id: str) -> None:
        async def work(limiter: SharedRateLimiter) -> None:
            decisions = [await limiter.hit(agent_id, "claim") for _ in range(7)]
            assert [decision.remaining for decision in decisions] == [4, 3, 2, 1, 0, 0, 0]
            assert [decision.allowed for decision in decisions] == [True] * 5 + [False] * 2
            assert decisions[0].retry_after_s == 0
            assert 1 <= decisions[-1].retry_after_s <= 61

        with_limiter(redis_url, work)

    def test_agents_and_actions_have_their_own(self, redis_url: str, agent_id: str) -> None:
        async def work(limiter: SharedRateLimiter) -> None:
            for _ in range(6):
                await limiter.hit(agent_id, "claim")
            assert (await limiter.hit(f"{agent_id}-other", "claim")).remaining == 4
            assert (await limiter.hit(agent_id, "heartbeat")).remaining == FULL - 1

        with_limiter(redis_url, work)

    def test_actions_without_a_limit_share_the_default(self, redis_url: str, agent_id: str) -> None:
        async def work(limiter: SharedRateLimiter) -> None:
            decisions = [await limiter.hit(agent_id, f"made-up-{number}") for number in range(4)]
            assert [decision.allowed for decision in decisions] == [True, True, True, False]

        with_limiter(redis_url, work)

    def test_two_limiters_count_together(self, redis_url: str, agent_id: str) -> None:
        async def work(limiter: SharedRateLimiter) -> None:
            other = SharedRateLimiter(redis_url, {"claim": Limit(5, 60)}, default=Limit(3, 60))
            try:
                decisions = [await one.hit(agent_id, "claim") for one in (limiter, other) * 3]
            finally:
                await other.close()
            assert [decision.allowed for decision in decisions] == [True] * 5 + [False]

        with_limiter(redis_url, work)

    def test_hits_at_the_same_time_get_no_more_than_the_limit(self, redis_url: str, agent_id: str) -> None:
        async def work(limiter: SharedRateLimiter) -> None:
            decisions = [await limiter.hit(agent_id, "claim") for _ in range(20)]
            assert sum(decision.allowed for decision in decisions) == 5

        with_limiter(redis_url, work)

    def test_a_server_that_does_not_answer_is_an_error(self, agent_id: str) -> None:
        async def work(limiter: SharedRateLimiter) -> None:
            with pytest.raises(RateLimitStoreError, match="Redis"):
                await limiter.hit(agent_id, "claim")

        with_limiter("redis://127.0.0.1:1", work)


def test_the_window_slides(redis_url: str, agent_id: str) -> None:
    # Redis has a clock of its own, so the window is short and the test waits for its end.
    async def main() -> None:
        limiter = SharedRateLimiter(redis_url, {}, default=Limit(3, 1))
        try:
            assert [(await limiter.hit(agent_id, "any")).allowed for _ in range(4)] == [True, True, True, False]
            await asyncio.sleep(2.1)
            assert (await limiter.hit(agent_id, "any")).remaining == 2
        finally:
            await limiter.close()

    asyncio.run(main())
