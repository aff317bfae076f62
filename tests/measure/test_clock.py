from __future__ import annotations

from scripting import ScriptedClock

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
