"""The clock of the monitor, where the machine's clock is set and where the machine sleeps."""

from __future__ import annotations

import time

import pytest

from pytest_perfbudget.monitor.steady_clock import steady_clock

S = 10**9
HOUR = 3600 * S


class Machine:
    """A machine's clocks: of the day, since the start, and since the start without the time asleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, tells_sleep: bool) -> None:
        self.day_ns, self.run_ns, self.asleep_ns = 1_700_000_000 * S, 500 * S, 0
        monkeypatch.setattr(time, "time_ns", lambda: self.day_ns)
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.run_ns)
        if tells_sleep:
            monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
            monkeypatch.setattr(time, "clock_gettime_ns", lambda _: self.run_ns + self.asleep_ns, raising=False)
        else:
            monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)


@pytest.mark.parametrize("tells_sleep", [True, False])
def test_the_clock_shows_the_time_and_goes_on_if_the_machines_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, *, tells_sleep: bool
) -> None:
    machine = Machine(monkeypatch, tells_sleep=tells_sleep)
    clock = steady_clock()
    assert clock() == 1_700_000_000 * S
    machine.run_ns += 5 * S
    machine.day_ns -= HOUR
    assert clock() == 1_700_000_005 * S


@pytest.mark.parametrize(("tells_sleep", "counted_ns"), [(True, 8 * HOUR), (False, 0)])
def test_the_time_asleep_counts_where_the_system_tells(
    monkeypatch: pytest.MonkeyPatch, *, tells_sleep: bool, counted_ns: int
) -> None:
    machine = Machine(monkeypatch, tells_sleep=tells_sleep)
    clock = steady_clock()
    machine.asleep_ns = machine.day_ns = 8 * HOUR
    assert clock() == 1_700_000_000 * S + counted_ns
