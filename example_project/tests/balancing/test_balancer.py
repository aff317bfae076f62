from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_perfbudget import Perf

from agent_hive.balancing.balancer import Balancer
from agent_hive.balancing.circuit_breaker import CircuitBreaker
from agent_hive.balancing.strategies import StrategyName
from agent_hive.clock import ManualClock
from agent_hive.discovery.registry import Endpoint
from agent_hive.errors import CircuitOpenError, UpstreamError

Make = Callable[..., list[Endpoint]]


class InterruptedTestError(Exception):
    pass


@pytest.fixture
def balancer(clock: ManualClock) -> Balancer:
    return Balancer(StrategyName.ROUND_ROBIN, lambda: CircuitBreaker(failures=1, open_s=10, clock=clock))


def call(balancer: Balancer, candidates: list[Endpoint], capability: str = "search") -> str:
    with balancer.lease(capability, candidates) as endpoint:
        return endpoint.agent_id


def failing_call(balancer: Balancer, candidates: list[Endpoint], error: Exception) -> None:
    with pytest.raises(type(error)), balancer.lease("search", candidates):
        raise error


def test_leases_an_agent(perf: Perf, balancer: Balancer, endpoints: Make) -> None:
    assert perf(call, balancer, endpoints(*[1] * 10))


def test_each_capability_has_its_own_turns(balancer: Balancer, endpoints: Make) -> None:
    found = [call(balancer, endpoints(1, 1), capability) for capability in ("search", "plan", "search", "plan")]
    assert found == ["a", "a", "b", "b"]


def test_calls_in_flight_are_counted_until_they_end(balancer: Balancer, endpoints: Make) -> None:
    candidates = endpoints(1)
    with balancer.lease("search", candidates), balancer.lease("search", candidates):
        assert balancer.in_flight("a") == 2
    failing_call(balancer, candidates, InterruptedTestError())
    assert balancer.in_flight("a") == 0


def test_the_least_busy_agent_gets_the_call(endpoints: Make) -> None:
    balancer, candidates = Balancer(StrategyName.LEAST_CONNECTIONS), endpoints(1, 1)
    with balancer.lease("search", candidates) as first:
        assert {call(balancer, candidates) for _ in range(3)} == {"a", "b"} - {first.agent_id}


class TestBreakers:
    def test_an_agent_that_failed_is_left_alone_for_a_while(
        self, balancer: Balancer, endpoints: Make, clock: ManualClock
    ) -> None:
        candidates = endpoints(1, 1)
        failing_call(balancer, candidates, UpstreamError())
        assert [call(balancer, candidates) for _ in range(3)] == ["b", "b", "b"]
        clock.advance(10)
        assert {call(balancer, candidates) for _ in range(2)} == {"a", "b"}

    def test_no_agent_left_is_an_error(self, balancer: Balancer, endpoints: Make) -> None:
        failing_call(balancer, endpoints(1), UpstreamError())
        with pytest.raises(CircuitOpenError, match="search"):
            call(balancer, endpoints(1))

    def test_another_error_says_nothing_about_the_agent(self, balancer: Balancer, endpoints: Make) -> None:
        failing_call(balancer, endpoints(1), InterruptedTestError())
        assert call(balancer, endpoints(1)) == "a"

    def test_an_agent_that_starts_anew_is_tried_at_once(self, balancer: Balancer, endpoints: Make) -> None:
        failing_call(balancer, endpoints(1), UpstreamError())
        anew = Endpoint("a", "http://anew", 1, is_healthy=True, expires_at=0)
        assert call(balancer, [anew]) == "a"
