"""The registered agents."""

from __future__ import annotations

import enum
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget import track

from agent_hive.clock import SYSTEM_CLOCK, Clock
from agent_hive.errors import AlreadyExistsError, NotFoundError
from agent_hive.storage.database import Database

_INSERT: Final = """
    INSERT INTO agents (id, status, registered_at, heartbeat_at) VALUES (:id, :status, :now, :now)
    ON CONFLICT DO NOTHING
"""
_INSERT_CAPABILITY: Final = "INSERT INTO agent_capabilities (capability, agent_id) VALUES (:capability, :agent_id)"
_GET: Final = "SELECT * FROM agent_details WHERE id = :id"
_HEARTBEAT: Final = "UPDATE agents SET status = :status, heartbeat_at = :now WHERE id = :id"
_WITH_STATUS: Final = "SELECT * FROM agent_details WHERE status = :status AND id > :after ORDER BY id LIMIT :limit"
_WITH_CAPABILITY: Final = """
    SELECT agent_details.*
    FROM agent_capabilities AS wanted
    JOIN agent_details ON agent_details.id = wanted.agent_id
    WHERE wanted.capability = :capability AND wanted.agent_id > :after
    ORDER BY wanted.agent_id LIMIT :limit
"""


class AgentStatus(enum.Enum):
    """The status that an agent last reported."""

    IDLE = "idle"
    BUSY = "busy"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Agent:
    """A registered agent; times are Unix seconds."""

    id: str
    status: AgentStatus
    capabilities: frozenset[str]
    registered_at: float
    heartbeat_at: float


class AgentRepository:
    """The stored agents. Lists come in pages, ordered by id."""

    def __init__(self, database: Database, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._clock = clock

    @track("storage.agents")
    def register(self, agent_id: str, capabilities: Iterable[str] = ()) -> Agent:
        """Add an agent, which is idle at first.

        Raises:
            AlreadyExistsError: the id is taken.
            ConstraintError: the id or a capability is empty, or a capability has a space.
        """
        now = self._clock()
        agent = Agent(agent_id, AgentStatus.IDLE, frozenset(capabilities), now, now)
        with self._database.transaction() as connection:
            row = {"id": agent.id, "status": agent.status.value, "now": now}
            if connection.execute(_INSERT, row).rowcount == 0:
                raise AlreadyExistsError(f"agent {agent.id!r} is registered already")
            links = [{"capability": capability, "agent_id": agent.id} for capability in sorted(agent.capabilities)]
            connection.executemany(_INSERT_CAPABILITY, links)
        return agent

    @track("storage.agents")
    def get(self, agent_id: str) -> Agent:
        """Return the agent with this id.

        Raises:
            NotFoundError: there is no such agent.
        """
        row = self._database.connection.execute(_GET, {"id": agent_id}).fetchone()
        if row is None:
            raise NotFoundError(f"no agent {agent_id!r}")
        return _agent(row)

    @track("storage.agents")
    def heartbeat(self, agent_id: str, status: AgentStatus) -> None:
        """Record that an agent is alive, and its status.

        Raises:
            NotFoundError: there is no agent with this id.
        """
        values = {"id": agent_id, "status": status.value, "now": self._clock()}
        with self._database.transaction() as connection:
            if connection.execute(_HEARTBEAT, values).rowcount == 0:
                raise NotFoundError(f"no agent {agent_id!r}")

    @track("storage.agents")
    def with_status(self, status: AgentStatus, *, after: str = "", limit: int = 100) -> list[Agent]:
        """Return the next agents with a status, in the order of their ids, from the first id after `after` on."""
        values = {"status": status.value, "after": after, "limit": limit}
        return [_agent(row) for row in self._database.connection.execute(_WITH_STATUS, values)]

    @track("storage.agents")
    def with_capability(self, capability: str, *, after: str = "", limit: int = 100) -> list[Agent]:
        """Return the next agents with a capability, in the order of their ids, from the first id after `after` on."""
        values = {"capability": capability, "after": after, "limit": limit}
        return [_agent(row) for row in self._database.connection.execute(_WITH_CAPABILITY, values)]


def _agent(row: sqlite3.Row) -> Agent:
    return Agent(
        id=row["id"],
        status=AgentStatus(row["status"]),
        capabilities=frozenset((row["capabilities"] or "").split()),
        registered_at=row["registered_at"],
        heartbeat_at=row["heartbeat_at"],
    )
