from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripting import ScriptedClock

from pytest_perfbudget import cpu_times
from pytest_perfbudget.cpu_times import waited_ns
from pytest_perfbudget.measure.clock import SYSTEM, Clock, cpu_overhead_ns, overhead_ns


def test_the_cost_of_a_reading_is_what_two_readings_in_a_row_are_apart() -> None:
    assert overhead_ns(ScriptedClock(reading_ns=63).clock) == 63


def test_it_is_measured_once_per_clock() -> None:
    readings = 0

    def read() -> int:
        nonlocal readings
        readings += 1
        return readings

    clock = Clock(read, read)
    overhead_ns(clock)
    after = readings
    overhead_ns(clock)
    assert readings == after


def test_a_cpu_clock_that_ticks_coarsely_is_known_by_its_tick() -> None:
    readings = 0

    def coarse() -> int:
        nonlocal readings
        readings += 1
        return readings // 10 * 15_625_000

    assert cpu_overhead_ns(Clock(coarse, coarse)) == 15_625_000


def test_the_clocks_of_the_system_move() -> None:
    assert overhead_ns(SYSTEM) >= 0
    assert cpu_overhead_ns(SYSTEM) > 0


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="the system does not tell")
def test_waiting_for_a_cpu_is_counted_and_never_goes_back() -> None:
    before = waited_ns()
    affinity = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(affinity)})
    rival = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        deadline = SYSTEM.wall_ns() + 20 * 10**9
        while waited_ns() - before < 10**6 and SYSTEM.wall_ns() < deadline:
            pass
    finally:
        rival.kill()
        rival.wait()
        os.sched_setaffinity(0, affinity)
    assert waited_ns() - before >= 10**6


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="the system does not tell")
def test_for_the_threads_of_its_own_process_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one CPU a slowdown in a thread would not show."""
    monkeypatch.setattr(cpu_times, "_process_ns", lambda: 7 * 10**9)
    monkeypatch.setattr(cpu_times, "_thread_ns", lambda: 2 * 10**9)
    with_threads = waited_ns()
    monkeypatch.setattr(cpu_times, "_process_ns", lambda: 2 * 10**9)
    assert waited_ns() - with_threads == pytest.approx(5 * 10**9, rel=0.1)


def test_where_the_system_does_not_tell_there_is_no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_times, "_SCHEDSTAT", "/nonexistent")
    assert waited_ns() == 0
