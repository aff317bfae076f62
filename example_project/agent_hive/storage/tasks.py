"""The queue of tasks, and the tasks that agents have claimed."""

from __future__ import annotations

import enum
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget import track

from agent_hive.clock import SYSTEM_CLOCK, Clock
from agent_hive.errors import NotFoundError, TaskStateError
from agent_hive.storage.database import Database

_INSERT: Final = """
    INSERT INTO tasks (kind, payload, priority, status, max_attempts, created_at, changed_at)
    VALUES (:kind, :payload, :priority, 'queued', :max_attempts, :now, :now)
    RETURNING *
"""
_GET: Final = "SELECT * FROM tasks WHERE id = :id"
_CLAIM: Final = """
    UPDATE tasks SET status = 'running', agent_id = :agent_id, attempts = attempts + 1, changed_at = :now
    WHERE id = (SELECT id FROM tasks WHERE status = 'queued' ORDER BY priority DESC, created_at, id LIMIT 1)
    RETURNING *
"""
_COMPLETE: Final = """
    UPDATE tasks SET status = 'done', result = :result, error = NULL, changed_at = :now
    WHERE id = :id AND status = 'running' AND agent_id = :agent_id
    RETURNING *
"""
_FAIL: Final = """
    UPDATE tasks SET
        status = CASE WHEN attempts < max_attempts THEN 'queued' ELSE 'failed' END,
        agent_id = CASE WHEN attempts < max_attempts THEN NULL ELSE agent_id END,
        error = :error,
        changed_at = :now
    WHERE id = :id AND status = 'running' AND agent_id = :agent_id
    RETURNING *
"""
_OF_AGENT: Final = """
    SELECT * FROM tasks WHERE agent_id = :agent_id AND status = :status AND id > :after ORDER BY id LIMIT :limit
"""


class TaskStatus(enum.Enum):
    """The stage that a task has reached."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work; times are Unix seconds. `agent_id` is None while the task is queued."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    priority: int
    status: TaskStatus
    agent_id: str | None
    attempts: int
    max_attempts: int
    created_at: float
    changed_at: float
    result: Mapping[str, Any] | None
    error: str | None


class TaskRepository:
    """The stored tasks. A task belongs to the agent that claimed it, until the task is finished."""

    def __init__(self, database: Database, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._clock = clock

    @track("storage.tasks")
    def enqueue(self, kind: str, payload: Mapping[str, Any], *, priority: int = 0, max_attempts: int = 3) -> Task:
        """Add a task to the queue.

        Args:
            kind: the sort of work.
            payload: the data that the agent needs, to be stored as JSON.
            priority: the priority; tasks with a higher priority are claimed first.
            max_attempts: how often the task may be claimed before it counts as failed.

        Raises:
            ConstraintError: `max_attempts` is not above zero.
        """
        values = {
            "kind": kind,
            "payload": json.dumps(payload),
            "priority": priority,
            "max_attempts": max_attempts,
            "now": self._clock(),
        }
        with self._database.transaction() as connection:
            (row,) = connection.execute(_INSERT, values).fetchall()
        return _task(row)

    @track("storage.tasks")
    def get(self, task_id: int) -> Task:
        """Return the task with this id.

        Raises:
            NotFoundError: there is no such task.
        """
        row = self._database.connection.execute(_GET, {"id": task_id}).fetchone()
        if row is None:
            raise NotFoundError(f"no task {task_id}")
        return _task(row)

    @track("storage.tasks")
    def claim(self, agent_id: str) -> Task | None:
        """Give the next task to an agent and return the task; return None if the queue is empty.

        The task with the highest priority comes first, and the oldest of several. No task goes to two agents.

        Raises:
            ConstraintError: there is no agent with this id.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(_CLAIM, {"agent_id": agent_id, "now": self._clock()}).fetchall()
        return _task(rows[0]) if rows else None

    @track("storage.tasks")
    def complete(self, task_id: int, agent_id: str, result: Mapping[str, Any]) -> Task:
        """Finish a task, and store the result as JSON.

        Raises:
            NotFoundError: there is no such task.
            TaskStateError: the agent is not running the task.
        """
        return self._finish(_COMPLETE, task_id, agent_id, {"result": json.dumps(result)})

    @track("storage.tasks")
    def fail(self, task_id: int, agent_id: str, error: str) -> Task:
        """Give up a task; while the task has attempts left, it is queued again with its original age.

        Raises:
            NotFoundError: there is no such task.
            TaskStateError: the agent is not running the task.
        """
        return self._finish(_FAIL, task_id, agent_id, {"error": error})

    @track("storage.tasks")
    def of_agent(self, agent_id: str, status: TaskStatus, *, after: int = 0, limit: int = 100) -> list[Task]:
        """Return the next tasks of an agent with a status, in the order of ids, from the first id after `after` on."""
        values = {"agent_id": agent_id, "status": status.value, "after": after, "limit": limit}
        return [_task(row) for row in self._database.connection.execute(_OF_AGENT, values)]

    def _finish(self, statement: str, task_id: int, agent_id: str, outcome: Mapping[str, str]) -> Task:
        values = {"id": task_id, "agent_id": agent_id, "now": self._clock(), **outcome}
        with self._database.transaction() as connection:
            rows = connection.execute(statement, values).fetchall()
            if not rows:
                task = self.get(task_id)
                holder = f"{task.status.value} by {task.agent_id}" if task.agent_id else task.status.value
                raise TaskStateError(f"task {task_id} is not running by {agent_id}: it is {holder}")
        return _task(rows[0])


def _task(row: sqlite3.Row) -> Task:
    return Task(
        id=row["id"],
        kind=row["kind"],
        payload=json.loads(row["payload"]),
        priority=row["priority"],
        status=TaskStatus(row["status"]),
        agent_id=row["agent_id"],
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        result=None if row["result"] is None else json.loads(row["result"]),
        error=row["error"],
    )
