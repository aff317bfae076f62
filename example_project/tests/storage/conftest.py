from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent_hive.clock import ManualClock
from agent_hive.storage.agents import AgentRepository
from agent_hive.storage.database import Database
from agent_hive.storage.tasks import TaskRepository

AGENTS = 2_000
TASKS = 10_000
START = 1_749_000_000.0
AGENT_STATES = ("idle", "idle", "busy", "offline")
CAPABILITIES = ("search", "summarise", "translate", "plan", "code", "review", "test", "deploy")
TASK_STATES = ("done", "done", "done", "queued", "queued", "running", "failed", "done", "done", "queued")


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 agents with three capabilities each and 10,000 tasks, of which 3,000 are queued."""
    path = tmp_path_factory.mktemp("seed") / "hive.sqlite3"
    with closing(Database(path)) as database, database.transaction() as connection:
        connection.executemany(
            "INSERT INTO agents (id, status, registered_at, heartbeat_at) VALUES (?, ?, ?, ?)",
            (
                (f"agent-{number:04}", AGENT_STATES[number % 4], START + number, START + 500_000 + number)
                for number in range(AGENTS)
            ),
        )
        connection.executemany(
            "INSERT INTO agent_capabilities (capability, agent_id) VALUES (?, ?)",
            (
                (CAPABILITIES[(number + step) % 8], f"agent-{number:04}")
                for number in range(AGENTS)
                for step in (0, 1, 3)
            ),
        )
        connection.executemany(
            """
            INSERT INTO tasks
                (kind, payload, priority, status, agent_id, attempts, max_attempts, created_at, changed_at)
            VALUES (?, ?, ?, ?, ?, ?, 3, ?, ?)
            """,
            (
                (
                    CAPABILITIES[number % 8],
                    f'{{"document": {number}, "language": "en"}}',
                    number * 7 % 5,
                    state,
                    None if state == "queued" else f"agent-{number * 13 % 400:04}",
                    0 if state == "queued" else 1,
                    START + number * 37 % TASKS,
                    START + TASKS,
                )
                for number in range(TASKS)
                for state in [TASK_STATES[number % 10]]
            ),
        )
    return path


@pytest.fixture
def database(seeded_file: Path, tmp_path: Path) -> Iterator[Database]:
    """A file of the test's own, with the data of `seeded_file`."""
    path = tmp_path / "hive.sqlite3"
    shutil.copyfile(seeded_file, path)
    with closing(Database(path)) as opened:
        yield opened


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "empty.sqlite3")) as opened:
        yield opened


@pytest.fixture
def agents(database: Database, clock: ManualClock) -> AgentRepository:
    return AgentRepository(database, clock)


@pytest.fixture
def tasks(database: Database, clock: ManualClock) -> TaskRepository:
    return TaskRepository(database, clock)


class _Anything(dict[str, None]):
    """A value for every parameter: a query's plan does not depend on them."""

    def __missing__(self, key: str) -> None:
        return None


@pytest.fixture
def query_plan(database: Database) -> Callable[[Callable[[], object]], list[str]]:
    """How SQLite executes the statements that a function runs, step by step."""
    connection = database.connection

    def explain(function: Callable[[], object]) -> list[str]:
        ran: list[str] = []
        connection.set_trace_callback(ran.append)
        function()
        connection.set_trace_callback(None)
        return [
            row["detail"]
            for statement in ran
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", _Anything())
        ]

    return explain


@pytest.fixture
def forget_new_rows(database: Database) -> Callable[[], None]:
    """Take out what was added to the seed, so that a repeated test meets the same tables each time."""

    def forget() -> None:
        with database.transaction() as connection:
            connection.execute("DELETE FROM tasks WHERE id > ?", (TASKS,))
            connection.execute("DELETE FROM agents WHERE id >= 'new-'")

    return forget
