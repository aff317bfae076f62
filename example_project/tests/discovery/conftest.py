from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent_hive.clock import ManualClock
from agent_hive.discovery.lookup import Lookup
from agent_hive.discovery.registry import Registry
from agent_hive.storage.database import Database

AGENTS = 2_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "hive.sqlite3")) as opened:
        yield opened


@pytest.fixture
def registry(database: Database, clock: ManualClock) -> Registry:
    return Registry(database, ttl_s=15, clock=clock)


@pytest.fixture
def lookup(registry: Registry, clock: ManualClock) -> Lookup:
    return Lookup(registry, keep_s=5, lead_s=2, clock=clock)


@pytest.fixture
def full_registry(database: Database, registry: Registry, clock: ManualClock) -> Registry:
    """2,000 live agents, of which 20 can plan."""
    with database.transaction() as connection:
        agents = [f"agent-{number:04}" for number in range(AGENTS)]
        connection.executemany(
            "INSERT INTO agents (id, status, registered_at, heartbeat_at) VALUES (?, 'idle', 0, 0)",
            [(agent,) for agent in agents],
        )
        connection.executemany(
            "INSERT INTO agent_capabilities (capability, agent_id) VALUES (?, ?)",
            [("search" if number % 100 else "plan", agent) for number, agent in enumerate(agents)],
        )
        connection.executemany(
            "INSERT INTO endpoints (agent_id, url, weight, expires_at) VALUES (?, ?, 1, ?)",
            [(agent, f"http://127.0.0.1:{number + 1}", clock.now + 15) for number, agent in enumerate(agents)],
        )
    return registry
