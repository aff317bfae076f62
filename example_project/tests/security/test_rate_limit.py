from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from agent_hive.clock import ManualClock
from agent_hive.security.limit_table import Limit
from agent_hive.security.rate_limit import RateLimiter


@pytest.fixture
def limiter(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> RateLimiter:
    # The library's memory storage takes no clock; this one stands where it looks for its own.
    monkeypatch.setattr("limits.storage.memory.time", SimpleNamespace(time=clock))
    return RateLimiter({"claim": Limit(5, 60), "heartbeat": Limit(60, 60)}, default=Limit(3, 60), clock=clock)


@pytest.fixture
def busy_limiter(limiter: RateLimiter) -> RateLimiter:
    """A limiter that 2,000 agents have used within the last minute."""
    for number in range(2000):
        for _ in range(5):
            limiter.hit(f"agent-{number}", "claim")
    return limiter


@pytest.mark.perf_budget(p95_ms=5, component="security.rate_limit")
def test_allows_a_hit(busy_limiter: RateLimiter, clock: ManualClock) -> None:
    clock.advance(2)  # half the limit's pace: the window stays half full however often this runs
    assert busy_limiter.hit("agent-7", "heartbeat").allowed


@pytest.mark.perf_budget
def test_refuses_a_hit(busy_limiter: RateLimiter) -> None:
    assert not busy_limiter.hit("agent-7", "claim").allowed


class TestWindow:
    def test_it_counts_down(self, limiter: RateLimiter) -> None:
        assert [limiter.hit("agent-7", "claim").remaining for _ in range(5)] == [4, 3, 2, 1, 0]

    def test_it_refuses_what_is_too_much(self, limiter: RateLimiter) -> None:
        decisions = [limiter.hit("agent-7", "claim") for _ in range(6)]
        assert [decision.allowed for decision in decisions] == [True] * 5 + [False]
        assert decisions[-1].remaining == 0

    def test_it_slides(self, limiter: RateLimiter, clock: ManualClock) -> None:
        for _ in range(5):
            limiter.hit("agent-7", "claim")
            clock.advance(10)
        assert not limiter.hit("agent-7", "claim").allowed
        clock.advance(10.5)  # the first of the five is older than a minute, the second is not
        assert limiter.hit("agent-7", "claim").allowed
        assert not limiter.hit("agent-7", "claim").allowed

    def test_the_end_of_a_minute_gives_no_second_burst(self, limiter: RateLimiter, clock: ManualClock) -> None:
        clock.advance(60 - clock.now % 60 - 1)
        for _ in range(5):
            assert limiter.hit("agent-7", "claim").allowed
        clock.advance(2)
        assert not limiter.hit("agent-7", "claim").allowed

    def test_retry_after_is_long_enough_and_not_a_second_more(self, limiter: RateLimiter, clock: ManualClock) -> None:
        for _ in range(5):
            limiter.hit("agent-7", "claim")
        clock.advance(17.25)
        wait = limiter.hit("agent-7", "claim").retry_after_s
        assert wait == 43
        clock.advance(wait - 1)
        assert not limiter.peek("agent-7", "claim").allowed
        clock.advance(1)
        assert limiter.hit("agent-7", "claim").allowed

    def test_retry_after_at_the_very_end_of_the_window(self, limiter: RateLimiter, clock: ManualClock) -> None:
        for _ in range(5):
            limiter.hit("agent-7", "claim")
        clock.advance(60)
        decision = limiter.hit("agent-7", "claim")
        assert decision.allowed or decision.retry_after_s == 1

    def test_a_refused_hit_does_not_count(self, limiter: RateLimiter, clock: ManualClock) -> None:
        for _ in range(50):
            limiter.hit("agent-7", "claim")
        clock.advance(61)
        assert limiter.hit("agent-7", "claim").remaining == 4

    def test_an_allowed_hit_needs_no_waiting(self, limiter: RateLimiter) -> None:
        assert limiter.hit("agent-7", "claim").retry_after_s == 0

    def test_peek_counts_nothing(self, limiter: RateLimiter) -> None:
        for _ in range(20):
            assert limiter.peek("agent-7", "claim").remaining == 5
        for _ in range(5):
            limiter.hit("agent-7", "claim")
        assert not limiter.peek("agent-7", "claim").allowed


class TestSeparation:
    def test_agents_do_not_share_a_window(self, limiter: RateLimiter) -> None:
        for _ in range(6):
            limiter.hit("agent-7", "claim")
        assert limiter.hit("agent-8", "claim").remaining == 4

    def test_actions_do_not_share_a_window(self, limiter: RateLimiter) -> None:
        for _ in range(6):
            limiter.hit("agent-7", "claim")
        assert limiter.hit("agent-7", "heartbeat").remaining == 59

    def test_actions_without_a_limit_share_the_default(self, limiter: RateLimiter) -> None:
        allowed = [limiter.hit("agent-7", f"made-up-{number}").allowed for number in range(4)]
        assert allowed == [True, True, True, False]

    def test_an_agent_id_cannot_reach_into_another_window(self, limiter: RateLimiter) -> None:
        for name in ("agent-7/5/60/second", "claim/agent-7", "../agent-7", "*/agent-7"):
            for _ in range(6):
                limiter.hit(name, "claim")
        assert limiter.hit("agent-7", "claim").remaining == 4

    def test_threads_together_get_no_more_than_the_limit(self, limiter: RateLimiter) -> None:
        with ThreadPoolExecutor(4) as pool:
            decisions = list(pool.map(lambda _: limiter.hit("agent-7", "heartbeat"), range(400)))
        assert sum(decision.allowed for decision in decisions) == 60


class TestDefinition:
    @pytest.mark.parametrize(("hits", "window_s"), [(0, 60), (5, 0), (-1, 60)])
    def test_a_limit_that_allows_nothing_is_refused(self, hits: int, window_s: int) -> None:
        with pytest.raises(ValueError, match="at least one hit"):
            Limit(hits, window_s)

    @pytest.mark.parametrize("action", ["task/claim", "*"])
    def test_a_name_the_storage_could_confuse_is_refused(self, action: str) -> None:
        with pytest.raises(ValueError, match="cannot be the name"):
            RateLimiter({action: Limit(5, 60)}, default=Limit(3, 60))
