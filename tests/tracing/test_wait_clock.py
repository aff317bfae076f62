"""The clock of waiting while processes come and go: no look counts the past of a process, or loses a process."""

from __future__ import annotations

import os

import pytest

from pytest_perfbudget.tracing import wait_clock
from pytest_perfbudget.tracing.wait_clock import WaitClock

TESTING, CHILD, SERVER = 10, 11, 12
"""The ids of the test's process, of a child of this process, and of a server that the test has started."""


class Machine:
    """The processes of a machine with their CPU times, as the system tells them."""

    def __init__(self) -> None:
        self.used_ns: dict[int, int] = {}
        self.ended_ns = self.now_ns = 0

    def clock_ns(self, clock: int) -> int:
        pid = ~(clock >> 3)
        if pid not in self.used_ns:
            raise OSError
        return self.used_ns[pid]

    def children(self, pid: int | None = None) -> list[int]:
        return [one for one in self.used_ns if one == CHILD or pid == TESTING] + ([os.getpid()] if pid else [])

    def wall_ns(self) -> int:
        self.now_ns += 1_000
        return self.now_ns


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(wait_clock, "_clock_ns", made.clock_ns)
    monkeypatch.setattr(wait_clock, "running_children", made.children)
    monkeypatch.setattr(wait_clock, "ended_children_ns", lambda: made.ended_ns)
    monkeypatch.setattr(wait_clock, "_wall_ns", made.wall_ns)
    return made


def processes_ns(clock: WaitClock) -> int:
    return clock.look()[2][1]


@pytest.mark.parametrize("pid", [CHILD, SERVER])
def test_a_process_counts_from_its_discovery_on(machine: Machine, pid: int) -> None:
    clock = WaitClock(TESTING)
    before = processes_ns(clock)
    machine.used_ns[pid] = 500
    clock.find_processes()
    assert processes_ns(clock) - before == 0
    machine.used_ns[pid] += 70
    assert processes_ns(clock) - before == 70


def test_a_child_that_has_ended_counts_as_the_system_counts_it(machine: Machine) -> None:
    clock = WaitClock()
    machine.used_ns[CHILD] = 500
    clock.find_processes()
    before = processes_ns(clock)
    machine.ended_ns = machine.used_ns.pop(CHILD) + 30
    assert processes_ns(clock) - before == 30


def test_a_server_that_has_ended_keeps_its_time(machine: Machine) -> None:
    clock = WaitClock(TESTING)
    machine.used_ns[SERVER] = 500
    clock.find_processes()
    machine.used_ns[SERVER] += 70
    machine.now_ns += 10**9  # it is time to look the processes up again
    clock.find_processes()
    before = processes_ns(clock)
    del machine.used_ns[SERVER]
    assert processes_ns(clock) == before
    machine.now_ns += 10**9
    clock.find_processes()
    assert processes_ns(clock) == before


def test_processes_of_elsewhere_count_only_for_a_test(machine: Machine) -> None:
    clock = WaitClock()
    machine.used_ns[SERVER] = 0
    clock.find_processes()
    before = processes_ns(clock)
    machine.used_ns[SERVER] += 70
    assert processes_ns(clock) == before


def test_processes_are_looked_up_for_two_per_cent_of_the_time(machine: Machine) -> None:
    clock = WaitClock(TESTING)
    clock.find_processes()
    machine.used_ns[SERVER] = 0
    before = processes_ns(clock)
    clock.find_processes()
    machine.used_ns[SERVER] += 70
    assert processes_ns(clock) == before


def test_the_time_of_the_export_is_no_work_of_other_threads() -> None:
    exported = [0]
    clock = WaitClock(None, lambda: exported[0])
    before = clock.look()[2][0]
    exported[0] = 10**12
    assert clock.look()[2][0] < before - 10**11
