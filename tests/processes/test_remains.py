"""Which processes belong to a worker, in the system's table of processes: a wrong row would end a stranger."""

from __future__ import annotations

import signal
import sys

import pytest

from pytest_perfbudget.processes import reaper_script
from pytest_perfbudget.processes.reaper_script import Remains, Row, Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the table of processes")

WORKER = 100
MARKED = b"A=1\0PERFBUDGET_WORKER=ab12\0B=2\0"


class System:
    """A table of processes and their environments, in place of the machine's; it notes who gets a signal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = {1: Row(0, 1, 0), WORKER: Row(50, WORKER, 10)}
        self.environments: dict[int, bytes] = {WORKER: MARKED}
        self.told: set[int] = set()
        monkeypatch.setattr(reaper_script, "_table", self.rows.copy)
        monkeypatch.setattr(reaper_script, "_row", self.rows.get)
        monkeypatch.setattr(reaper_script, "_environment", lambda pid: self.environments.get(pid, b""))
        monkeypatch.setattr("os.pidfd_open", _unsupported)
        monkeypatch.setattr("os.kill", lambda pid, _number: self.told.add(pid))
        monkeypatch.setattr("os.killpg", lambda _group, _number: None)

    def add(self, pid: int, parent: int, group: int, *, start: int = 20, environment: bytes = b"A=1\0") -> None:
        """Let a process run."""
        self.rows[pid] = Row(parent, group, start)
        self.environments[pid] = environment


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    return System(monkeypatch)


def _unsupported(_pid: int) -> int:
    raise OSError


def remains(*, with_sessions: bool = True) -> Remains:
    return Remains(Worker(WORKER), "ab12", with_sessions=with_sessions)


def told(system: System, of: Remains) -> set[int]:
    """Return who gets a signal."""
    system.told.clear()
    of.send(signal.SIGTERM)
    return system.told


def test_the_process_group_the_mark_and_the_descent_tell_what_a_worker_has_started(system: System) -> None:
    system.add(101, parent=WORKER, group=WORKER)
    system.add(102, parent=1, group=102, environment=MARKED)  # its parent has ended
    system.add(103, parent=WORKER, group=103, environment=b"")  # started without an environment
    system.add(104, parent=103, group=104, environment=b"")
    assert told(system, remains()) == {101, 102, 103, 104}


def test_the_processes_of_others_get_no_signal(system: System) -> None:
    system.add(201, parent=1, group=201)  # a daemon that has run before
    system.add(202, parent=50, group=202, environment=b"PERFBUDGET_WORKER=ab13\0")  # another worker
    system.add(203, parent=50, group=203, environment=b"MY_PERFBUDGET_WORKER=ab12\0")
    system.add(204, parent=50, group=204, environment=b"PERFBUDGET_WORKER=ab123\0")
    assert told(system, remains()) == set()
    assert not remains().send(0)


def test_after_an_orderly_end_only_the_process_group_ends(system: System) -> None:
    system.add(101, parent=1, group=WORKER)
    system.add(102, parent=1, group=102, environment=MARKED)
    del system.rows[WORKER]
    assert told(system, remains(with_sessions=False)) == {101}


def test_a_child_that_was_seen_is_known_after_the_worker_has_ended(system: System) -> None:
    system.add(103, parent=WORKER, group=103, environment=b"")
    found = remains()
    assert told(system, found) == {103}
    del system.rows[WORKER]
    system.add(103, parent=1, group=103, environment=b"")
    assert told(system, found) == {103}
    system.add(103, parent=1, group=103, start=21, environment=b"")  # the id belongs to another process by now
    assert told(system, found) == set()


def test_the_group_of_a_later_process_with_the_workers_id_is_left_alone(system: System) -> None:
    found = remains()
    system.add(WORKER, parent=1, group=WORKER, start=30)
    system.add(105, parent=WORKER, group=WORKER)
    assert told(system, found) == set()


@pytest.mark.parametrize("pid", [-1, 0, 1])
def test_an_id_that_reaches_other_processes_is_refused(system: System, pid: int) -> None:
    """A confirmation runs within a test, whose mocks may have provided the id."""
    reaper_script.main(50, pid, "ab12")
    assert system.told == set()


def test_where_no_table_can_be_read_the_process_group_gets_the_signal(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[tuple[int, int]] = []
    monkeypatch.setattr(reaper_script, "_HAS_TABLE", False)
    monkeypatch.setattr("os.killpg", lambda group, number: groups.append((group, number)))
    assert told(system, remains()) == set()
    assert groups == [(WORKER, signal.SIGTERM)]
