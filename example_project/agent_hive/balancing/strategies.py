"""The strategies by which the agent of the next call is chosen."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Protocol

from agent_hive.discovery.registry import Endpoint


class Strategy(Protocol):
    """A way to choose among the endpoints of one capability."""

    def choose(self, candidates: Sequence[Endpoint]) -> Endpoint:
        """Return the endpoint for the next call; there is at least one candidate."""
        ...


class RoundRobin:
    """A choice of each endpoint in turn."""

    def __init__(self) -> None:
        self._last = ""

    def choose(self, candidates: Sequence[Endpoint]) -> Endpoint:
        """Return the next endpoint after the last one in the order of ids, so that agents may come and go."""
        ordered = sorted(candidates, key=_agent_id)
        chosen = next((one for one in ordered if one.agent_id > self._last), ordered[0])
        self._last = chosen.agent_id
        return chosen


class LeastConnections:
    """A choice of the endpoint with the fewest calls in flight, in proportion to its weight.

    Args:
        in_flight: the calls in flight of each agent, kept up to date by the caller.
    """

    def __init__(self, in_flight: Mapping[str, int]) -> None:
        self._in_flight = in_flight
        self._turns = RoundRobin()

    def choose(self, candidates: Sequence[Endpoint]) -> Endpoint:
        """Return the endpoint with the fewest calls; among equals, each in turn."""
        load = [self._in_flight.get(one.agent_id, 0) / one.weight for one in candidates]
        least = min(load)
        return self._turns.choose([one for one, its in zip(candidates, load, strict=True) if its == least])


class SmoothWeighted:
    """A choice in proportion to the weights, without bursts to the heaviest (the algorithm of nginx)."""

    def __init__(self) -> None:
        self._credit: dict[str, int] = {}

    def choose(self, candidates: Sequence[Endpoint]) -> Endpoint:
        """Give each endpoint its weight as credit, and return the one with the most, which pays for all."""
        self._credit = {one.agent_id: self._credit.get(one.agent_id, 0) + one.weight for one in candidates}
        chosen = max(candidates, key=lambda one: self._credit[one.agent_id])
        self._credit[chosen.agent_id] -= sum(one.weight for one in candidates)
        return chosen


class StrategyName(enum.Enum):
    """The name of a strategy in the settings."""

    ROUND_ROBIN = "round-robin"
    LEAST_CONNECTIONS = "least-connections"
    WEIGHTED = "weighted"

    def make(self, in_flight: Mapping[str, int]) -> Strategy:
        """Return a new strategy."""
        if self is StrategyName.ROUND_ROBIN:
            return RoundRobin()
        if self is StrategyName.WEIGHTED:
            return SmoothWeighted()
        return LeastConnections(in_flight)


def _agent_id(endpoint: Endpoint) -> str:
    return endpoint.agent_id
