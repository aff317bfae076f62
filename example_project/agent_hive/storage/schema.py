"""The schema of the database, as the migrations that lead to it."""

from __future__ import annotations

import sqlite3
from typing import Final

from agent_hive.errors import SchemaError
from agent_hive.switches import Optimisation

_AGENTS: Final = (
    """
    CREATE TABLE agents (
        id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
        status TEXT NOT NULL CHECK (status IN ('idle', 'busy', 'offline')),
        registered_at REAL NOT NULL,
        heartbeat_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX agents_by_status ON agents (status, id)",
    """
    CREATE TABLE agent_capabilities (
        capability TEXT NOT NULL CHECK (capability <> '' AND instr(capability, ' ') = 0),
        agent_id TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
        PRIMARY KEY (capability, agent_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX capabilities_by_agent ON agent_capabilities (agent_id)",
    """
    CREATE VIEW agent_details AS
    SELECT
        id, status, registered_at, heartbeat_at,
        (SELECT group_concat(capability, ' ') FROM agent_capabilities WHERE agent_id = agents.id) AS capabilities
    FROM agents
    """,
)

_TASKS: Final = (
    """
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        payload TEXT NOT NULL CHECK (json_valid(payload)),
        priority INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
        agent_id TEXT REFERENCES agents (id),
        attempts INTEGER NOT NULL DEFAULT 0,
        max_attempts INTEGER NOT NULL CHECK (max_attempts > 0),
        created_at REAL NOT NULL,
        changed_at REAL NOT NULL,
        result TEXT CHECK (result IS NULL OR json_valid(result)),
        error TEXT,
        CHECK ((status = 'queued') = (agent_id IS NULL))
    )
    """,
    "CREATE INDEX tasks_queue ON tasks (priority DESC, created_at, id) WHERE status = 'queued'",
    "CREATE INDEX tasks_by_agent ON tasks (agent_id, status, id)",
)

_ENDPOINTS: Final = (
    """
    CREATE TABLE endpoints (
        agent_id TEXT NOT NULL PRIMARY KEY REFERENCES agents (id) ON DELETE CASCADE,
        url TEXT NOT NULL CHECK (url <> ''),
        weight INTEGER NOT NULL CHECK (weight > 0),
        is_healthy INTEGER NOT NULL DEFAULT 1,
        expires_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_AGENTS, _TASKS, _ENDPOINTS)
"""The statements of each migration. A released migration never changes; further migrations are appended."""


INDEXES: Final = {Optimisation.QUEUE_INDEX: "tasks_queue", Optimisation.OWNER_INDEX: "tasks_by_agent"}
"""The indexes that can be switched off."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database to the newest schema.

    Args:
        connection: a connection in a transaction, because another process may migrate at the same time.

    Raises:
        SchemaError: a newer version of the program has migrated the database.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise SchemaError(f"the database has schema {version}, this program knows {len(MIGRATIONS)}")
    for step in MIGRATIONS[version:]:
        for statement in step:
            connection.execute(statement)
    # A pragma takes no parameters; the number is no user's input.
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS):d}")
