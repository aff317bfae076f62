from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from pytest_perfbudget import Perf

from agent_hive.clock import ManualClock
from agent_hive.errors import ConstraintError, NotFoundError, TaskStateError
from agent_hive.storage.agents import AgentRepository
from agent_hive.storage.database import Database
from agent_hive.storage.tasks import Task, TaskRepository, TaskStatus

URGENT = 100  # above every priority of the seed


@pytest.fixture
def queue(empty_database: Database, clock: ManualClock) -> TaskRepository:
    """An empty queue, and two agents to work on it."""
    agents = AgentRepository(empty_database, clock)
    agents.register("agent-1")
    agents.register("agent-2")
    return TaskRepository(empty_database, clock)


@pytest.fixture
def urgent_task(tasks: TaskRepository) -> Task:
    return tasks.enqueue("search", {"query": "weather"}, priority=URGENT, max_attempts=1_000_000)


def claimed(tasks: TaskRepository, agent_id: str) -> Task:
    task = tasks.claim(agent_id)
    assert task is not None
    return task


def assert_each_claimed_once(repositories: list[TaskRepository], total: int) -> None:
    together = threading.Barrier(2)

    def claim_all(tasks: TaskRepository, agent_id: str) -> list[int]:
        together.wait()
        found = []
        while task := tasks.claim(agent_id):
            found.append(task.id)
        return found

    with ThreadPoolExecutor(2) as pool:
        found = [*pool.map(claim_all, repositories, ["agent-1", "agent-2"])]
    claims = Counter(task_id for ids in found for task_id in ids)
    assert len(claims) == total
    assert set(claims.values()) == {1}


def test_enqueues_a_task(perf: Perf, tasks: TaskRepository, forget_new_rows: Callable[[], None]) -> None:
    task = perf(tasks.enqueue, "search", {"query": "weather"}, setup=forget_new_rows)

    assert task.status is TaskStatus.QUEUED


def test_claims_a_task(perf: Perf, tasks: TaskRepository, forget_new_rows: Callable[[], None]) -> None:
    def one_urgent_task() -> None:
        forget_new_rows()
        tasks.enqueue("search", {"query": "weather"}, priority=URGENT)

    task = perf(tasks.claim, "agent-0007", setup=one_urgent_task)

    assert task is not None
    assert task.priority == URGENT


def test_completes_a_task(perf: Perf, tasks: TaskRepository, forget_new_rows: Callable[[], None]) -> None:
    def running_task() -> tuple[tuple[int, str, Mapping[str, int]], dict[str, object]]:
        forget_new_rows()
        tasks.enqueue("search", {"query": "weather"}, priority=URGENT)
        return (claimed(tasks, "agent-0007").id, "agent-0007", {"found": 3}), {}

    task = perf(tasks.complete, setup=running_task)

    assert task.status is TaskStatus.DONE


# Claimed again at each repetition: a failed attempt puts the task back to the head of the queue.
@pytest.mark.perf_budget
def test_retries_a_task(tasks: TaskRepository, urgent_task: Task) -> None:
    assert claimed(tasks, "agent-0007").id == urgent_task.id
    assert tasks.fail(urgent_task.id, "agent-0007", "timeout").status is TaskStatus.QUEUED


@pytest.mark.perf_budget(p95_ms=20)
def test_lists_the_tasks_of_an_agent(tasks: TaskRepository) -> None:
    found = tasks.of_agent("agent-0000", TaskStatus.DONE)
    assert found
    assert {(task.agent_id, task.status) for task in found} == {("agent-0000", TaskStatus.DONE)}


class TestEnqueue:
    def test_a_task_comes_back_as_it_was_put_in(self, queue: TaskRepository, clock: ManualClock) -> None:
        task = queue.enqueue("search", {"query": "Zürich", "pages": [1, 2]}, priority=3, max_attempts=5)
        assert queue.get(task.id) == task
        assert task.payload == {"query": "Zürich", "pages": [1, 2]}
        assert (task.priority, task.attempts, task.max_attempts) == (3, 0, 5)
        assert (task.created_at, task.changed_at) == (clock.now, clock.now)

    def test_a_payload_is_data_whatever_it_says(self, queue: TaskRepository) -> None:
        task = queue.enqueue("'; DROP TABLE tasks; --", {"query": "'); DELETE FROM tasks; --"})
        assert queue.get(task.id) == task

    def test_no_attempt_at_all_is_refused(self, queue: TaskRepository) -> None:
        with pytest.raises(ConstraintError):
            queue.enqueue("search", {}, max_attempts=0)

    def test_a_number_that_json_does_not_know_is_refused(self, queue: TaskRepository) -> None:
        with pytest.raises(ConstraintError):
            queue.enqueue("search", {"score": float("nan")})

    def test_an_unknown_task_is_an_error(self, queue: TaskRepository) -> None:
        with pytest.raises(NotFoundError, match="42"):
            queue.get(42)


class TestClaim:
    def test_the_highest_priority_comes_first_then_the_oldest(self, queue: TaskRepository, clock: ManualClock) -> None:
        wanted = []
        for kind, priority, age in (("d", 0, 30), ("b", 5, 20), ("a", 9, 10), ("c", 5, 0)):
            clock.now = 1_750_000_000.0 - age
            queue.enqueue(kind, {}, priority=priority)
            wanted.append(kind)
        assert [claimed(queue, "agent-1").kind for _ in wanted] == ["a", "b", "c", "d"]

    def test_it_notes_who_and_when(self, queue: TaskRepository, clock: ManualClock) -> None:
        task = queue.enqueue("search", {})
        clock.advance(5)
        found = claimed(queue, "agent-1")
        assert (found.id, found.agent_id, found.status) == (task.id, "agent-1", TaskStatus.RUNNING)
        assert (found.attempts, found.changed_at) == (1, clock.now)

    def test_an_empty_queue_gives_nothing(self, queue: TaskRepository) -> None:
        assert queue.claim("agent-1") is None

    def test_an_unknown_agent_gets_nothing(self, queue: TaskRepository) -> None:
        task = queue.enqueue("search", {})
        with pytest.raises(ConstraintError, match="FOREIGN KEY"):
            queue.claim("nobody")
        assert queue.get(task.id) == task

    def test_two_threads_never_get_the_same_task(self, queue: TaskRepository) -> None:
        total = 200
        for number in range(total):
            queue.enqueue("search", {"number": number})
        assert_each_claimed_once([queue, queue], total)

    def test_two_processes_worth_of_connections_never_get_the_same_task(self, tmp_path: Path) -> None:
        path = tmp_path / "shared.sqlite3"
        total = 100
        with closing(Database(path)) as first, closing(Database(path)) as second:
            for name in ("agent-1", "agent-2"):
                AgentRepository(first).register(name)
            for number in range(total):
                TaskRepository(first).enqueue("search", {"number": number})
            assert_each_claimed_once([TaskRepository(first), TaskRepository(second)], total)


class TestFinish:
    def test_a_completed_task_has_its_result(self, queue: TaskRepository, clock: ManualClock) -> None:
        queue.enqueue("search", {})
        task = claimed(queue, "agent-1")
        clock.advance(5)
        done = queue.complete(task.id, "agent-1", {"found": 3})
        assert queue.get(task.id) == done
        assert (done.status, done.agent_id, done.result) == (TaskStatus.DONE, "agent-1", {"found": 3})
        assert done.changed_at == clock.now

    def test_a_failed_attempt_is_tried_again_by_anybody(self, queue: TaskRepository) -> None:
        queue.enqueue("search", {})
        task = claimed(queue, "agent-1")
        failed = queue.fail(task.id, "agent-1", "timeout")
        assert (failed.status, failed.agent_id, failed.error) == (TaskStatus.QUEUED, None, "timeout")
        again = claimed(queue, "agent-2")
        assert (again.id, again.attempts, again.created_at) == (task.id, 2, task.created_at)

    def test_the_last_attempt_fails_for_good(self, queue: TaskRepository) -> None:
        queue.enqueue("search", {}, max_attempts=2)
        for status in (TaskStatus.QUEUED, TaskStatus.FAILED):
            task = claimed(queue, "agent-1")
            assert queue.fail(task.id, "agent-1", "timeout").status is status
        assert queue.claim("agent-1") is None
        assert [task.error for task in queue.of_agent("agent-1", TaskStatus.FAILED)] == ["timeout"]

    def test_success_after_failure_clears_the_error(self, queue: TaskRepository) -> None:
        queue.enqueue("search", {})
        queue.fail(claimed(queue, "agent-1").id, "agent-1", "timeout")
        assert queue.complete(claimed(queue, "agent-1").id, "agent-1", {}).error is None

    def test_nobody_finishes_the_task_of_another(self, queue: TaskRepository) -> None:
        queue.enqueue("search", {})
        task = claimed(queue, "agent-1")
        with pytest.raises(TaskStateError, match="running by agent-1"):
            queue.complete(task.id, "agent-2", {})
        with pytest.raises(TaskStateError):
            queue.fail(task.id, "agent-2", "timeout")
        assert queue.get(task.id) == task

    def test_a_task_is_finished_once(self, queue: TaskRepository) -> None:
        queue.enqueue("search", {})
        task = claimed(queue, "agent-1")
        done = queue.complete(task.id, "agent-1", {})
        with pytest.raises(TaskStateError, match="done by agent-1"):
            queue.complete(task.id, "agent-1", {"other": True})
        assert queue.get(task.id) == done

    def test_a_queued_task_cannot_be_finished(self, queue: TaskRepository) -> None:
        task = queue.enqueue("search", {})
        with pytest.raises(TaskStateError, match="it is queued"):
            queue.complete(task.id, "agent-1", {})

    def test_an_unknown_task_is_an_error(self, queue: TaskRepository) -> None:
        with pytest.raises(NotFoundError):
            queue.complete(42, "agent-1", {})


class TestLists:
    def test_pages_give_every_task_once(self, tasks: TaskRepository) -> None:
        everything = tasks.of_agent("agent-0000", TaskStatus.DONE, limit=1000)
        first = tasks.of_agent("agent-0000", TaskStatus.DONE, limit=4)
        second = tasks.of_agent("agent-0000", TaskStatus.DONE, after=first[-1].id, limit=1000)
        assert first + second == everything

    def test_another_agent_s_tasks_are_not_among_them(self, queue: TaskRepository) -> None:
        for agent_id in ("agent-1", "agent-2", "agent-1"):
            queue.enqueue("search", {})
            queue.claim(agent_id)
        assert len(queue.of_agent("agent-1", TaskStatus.RUNNING)) == 2
        assert queue.of_agent("agent-1", TaskStatus.DONE) == []


class TestQueryPlans:
    def test_a_claim_takes_the_head_of_the_queue_s_index(
        self, tasks: TaskRepository, query_plan: Callable[[Callable[[], object]], list[str]]
    ) -> None:
        steps = query_plan(lambda: tasks.claim("agent-0007"))
        assert any("INDEX tasks_queue" in step for step in steps)
        assert not any("B-TREE" in step for step in steps)

    def test_a_list_by_agent_reads_its_index(
        self, tasks: TaskRepository, query_plan: Callable[[Callable[[], object]], list[str]]
    ) -> None:
        steps = query_plan(lambda: tasks.of_agent("agent-0007", TaskStatus.DONE))
        assert any("INDEX tasks_by_agent (agent_id=? AND status=? AND id>?)" in step for step in steps)
        assert not any("SCAN" in step or "B-TREE" in step for step in steps)
