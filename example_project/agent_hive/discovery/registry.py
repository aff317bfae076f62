"""The endpoints of running agents; an agent that sends no heartbeat is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agent_hive.clock import SYSTEM_CLOCK, Clock
from agent_hive.errors import NotFoundError
from agent_hive.storage.database import Database

DEFAULT_TTL_S: Final = 15.0

_AGENT: Final = """
    INSERT INTO agents (id, status, registered_at, heartbeat_at) VALUES (:agent_id, 'idle', :now, :now)
    ON CONFLICT (id) DO UPDATE SET status = 'idle', heartbeat_at = :now
"""
_FORGET_CAPABILITIES: Final = "DELETE FROM agent_capabilities WHERE agent_id = :agent_id"
_CAPABILITY: Final = "INSERT INTO agent_capabilities (capability, agent_id) VALUES (:capability, :agent_id)"
_ENDPOINT: Final = """
    INSERT INTO endpoints (agent_id, url, weight, expires_at) VALUES (:agent_id, :url, :weight, :expires_at)
    ON CONFLICT (agent_id) DO UPDATE SET url = :url, weight = :weight, is_healthy = 1, expires_at = :expires_at
"""
_HEARTBEAT: Final = "UPDATE endpoints SET expires_at = :expires_at WHERE agent_id = :agent_id AND url = :url"
_AGENT_HEARTBEAT: Final = "UPDATE agents SET heartbeat_at = :now WHERE id = :agent_id"
_WITHDRAW: Final = "DELETE FROM endpoints WHERE agent_id = :agent_id AND url = :url"
_MARK: Final = "UPDATE endpoints SET is_healthy = :is_healthy WHERE agent_id = :agent_id AND url = :url"
_REMOVE_EXPIRED: Final = "DELETE FROM endpoints WHERE expires_at <= :now"
_ALIVE: Final = "SELECT * FROM endpoints WHERE expires_at > :now ORDER BY agent_id"
_FIND: Final = """
    SELECT endpoints.*
    FROM agent_capabilities AS wanted
    JOIN endpoints ON endpoints.agent_id = wanted.agent_id
    WHERE wanted.capability = :capability AND endpoints.is_healthy AND endpoints.expires_at > :now
    ORDER BY wanted.agent_id
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a running agent; `expires_at` is in Unix seconds.

    An agent of weight 2 is to get twice as many calls as an agent of weight 1.
    """

    agent_id: str
    url: str
    weight: int
    is_healthy: bool
    expires_at: float


class Registry:
    """The stored endpoints. Each lives for a time (TTL) that its agent prolongs by heartbeats.

    An agent that is started anew has another URL. A late word of its former process changes nothing.
    """

    def __init__(self, database: Database, *, ttl_s: float = DEFAULT_TTL_S, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._ttl_s = ttl_s
        self._clock = clock

    def announce(self, agent_id: str, url: str, capabilities: Iterable[str], *, weight: int = 1) -> Endpoint:
        """Store the endpoint of an agent that was just started, and register the agent if it is new.

        Raises:
            ConstraintError: the id, the URL or a capability is empty, or the weight is below 1.
        """
        now = self._clock()
        endpoint = Endpoint(agent_id, url, weight, is_healthy=True, expires_at=now + self._ttl_s)
        values = {"agent_id": agent_id, "url": url, "weight": weight, "expires_at": endpoint.expires_at, "now": now}
        links = [{"capability": capability, "agent_id": agent_id} for capability in sorted(set(capabilities))]
        with self._database.transaction() as connection:
            connection.execute(_AGENT, values)
            connection.execute(_FORGET_CAPABILITIES, values)
            connection.executemany(_CAPABILITY, links)
            connection.execute(_ENDPOINT, values)
        return endpoint

    def heartbeat(self, agent_id: str, url: str) -> None:
        """Prolong the life of an endpoint.

        Raises:
            NotFoundError: the endpoint has expired and was removed, or the agent has another one.
        """
        now = self._clock()
        values = {"agent_id": agent_id, "url": url, "expires_at": now + self._ttl_s, "now": now}
        with self._database.transaction() as connection:
            if connection.execute(_HEARTBEAT, values).rowcount == 0:
                raise NotFoundError(f"agent {agent_id!r} has no endpoint {url}")
            connection.execute(_AGENT_HEARTBEAT, values)

    def withdraw(self, agent_id: str, url: str) -> None:
        """Remove the endpoint of an agent that ends."""
        with self._database.transaction() as connection:
            connection.execute(_WITHDRAW, {"agent_id": agent_id, "url": url})

    def mark(self, endpoint: Endpoint, *, is_healthy: bool) -> None:
        """Store the outcome of a health check."""
        values = {"agent_id": endpoint.agent_id, "url": endpoint.url, "is_healthy": is_healthy}
        with self._database.transaction() as connection:
            connection.execute(_MARK, values)

    def remove_expired(self) -> int:
        """Remove the endpoints whose time is over, and return how many there were."""
        with self._database.transaction() as connection:
            return connection.execute(_REMOVE_EXPIRED, {"now": self._clock()}).rowcount

    def alive(self) -> list[Endpoint]:
        """Return all endpoints whose time is not over, healthy or not, in the order of their agents' ids."""
        return [_endpoint(row) for row in self._database.connection.execute(_ALIVE, {"now": self._clock()})]

    def find(self, capability: str) -> tuple[Endpoint, ...]:
        """Return the live and healthy endpoints with a capability, in the order of their agents' ids."""
        values = {"capability": capability, "now": self._clock()}
        return tuple(_endpoint(row) for row in self._database.connection.execute(_FIND, values))


def _endpoint(row: sqlite3.Row) -> Endpoint:
    return Endpoint(
        agent_id=row["agent_id"],
        url=row["url"],
        weight=row["weight"],
        is_healthy=bool(row["is_healthy"]),
        expires_at=row["expires_at"],
    )
