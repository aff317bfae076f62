"""The balancer: a strategy for each capability, a circuit breaker for each agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from agent_hive.balancing.circuit_breaker import CircuitBreaker
from agent_hive.balancing.strategies import Strategy, StrategyName
from agent_hive.discovery.registry import Endpoint
from agent_hive.errors import CircuitOpenError, UpstreamError


class Balancer:
    """A choice of agents that counts the calls in flight. One event loop uses it.

    Args:
        strategy: the strategy; each capability has its own turns.
        make_breaker: a function that makes the breaker of an agent.
    """

    def __init__(self, strategy: StrategyName, make_breaker: Callable[[], CircuitBreaker] = CircuitBreaker) -> None:
        self._name = strategy
        self._make_breaker = make_breaker
        self._in_flight: Counter[str] = Counter()
        self._strategies: dict[str, Strategy] = {}
        self._breakers: dict[str, tuple[str, CircuitBreaker]] = {}

    def in_flight(self, agent_id: str) -> int:
        """Return the number of an agent's calls that have not ended."""
        return self._in_flight[agent_id]

    @contextmanager
    def lease(self, capability: str, endpoints: Sequence[Endpoint]) -> Iterator[Endpoint]:
        """Choose an endpoint for one call, which the block makes.

        An `UpstreamError` of the block counts as a failure of the agent. Any other exception, such as a
        cancellation, says nothing about the agent.

        Raises:
            CircuitOpenError: the breakers of all endpoints are open.
        """
        breakers = {endpoint.agent_id: self._breaker(endpoint) for endpoint in endpoints}
        ready = [endpoint for endpoint in endpoints if breakers[endpoint.agent_id].is_ready]
        if not ready:
            raise CircuitOpenError(f"no agent for {capability!r} has answered lately")
        strategy = self._strategies.get(capability)
        if strategy is None:
            strategy = self._strategies[capability] = self._name.make(self._in_flight)
        endpoint = strategy.choose(ready)
        breaker = breakers[endpoint.agent_id]
        breaker.begin()
        self._in_flight[endpoint.agent_id] += 1
        try:
            yield endpoint
        except UpstreamError:
            breaker.fail()
            raise
        except BaseException:
            breaker.abandon()
            raise
        else:
            breaker.succeed()
        finally:
            self._in_flight[endpoint.agent_id] -= 1

    def _breaker(self, endpoint: Endpoint) -> CircuitBreaker:
        """Return the breaker of an agent; an agent that was started anew gets a new one."""
        url, breaker = self._breakers.get(endpoint.agent_id, ("", None))
        if breaker is None or url != endpoint.url:
            breaker = self._make_breaker()
            self._breakers[endpoint.agent_id] = (endpoint.url, breaker)
        return breaker
