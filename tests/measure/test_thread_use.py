"""The use of the measuring thread: CPU time, and what the thread waited for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripting import ScriptedClock

from pytest_perfbudget.core.spans.batches import ThreadUse
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.thread_use import ThreadReading, read_thread, use_between

NOW = ThreadReading(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("after", "use"),
    [
        (ThreadReading(100, 100, 100, 0), ThreadUse(100, 0, 0, 0)),
        (ThreadReading(100, 20, 20, 0), ThreadUse(20, 0, 0, 80)),
        (ThreadReading(100, 20, 20, 50), ThreadUse(20, 50, 0, 30)),
        (ThreadReading(100, 20, 90, 0), ThreadUse(20, 0, 70, 10)),
        (ThreadReading(100, 20, 500, -300), ThreadUse(20, 0, 80, 0)),
    ],
    ids=["computes", "waits for I/O", "waits for a CPU", "waits for a thread", "beside threads"],
)
def test_waiting_is_divided(after: ThreadReading, use: ThreadUse) -> None:
    assert use_between(NOW, after, 1) == use
    assert use_between(NOW, after, 10) == tuple(part / 10 for part in use)


READINGS = st.builds(ThreadReading, *[st.integers(0, 10**6)] * 3, st.integers(-(10**6), 10**6))


@given(READINGS)
def test_the_parts_add_up_to_the_time(after: ThreadReading) -> None:
    use = use_between(NOW, after, 1)
    assert min(use) >= 0
    assert sum(use) == max(after.wall_ns, after.thread_ns)


def test_the_readings_of_this_thread_go_on(scripted: ScriptedClock) -> None:
    before = read_thread(SYSTEM)
    sum(range(100_000))
    assert all(late >= early for early, late in zip(before[:3], read_thread(SYSTEM)[:3], strict=True))
    scripted.advance(7, waited_ns=3)
    assert read_thread(scripted.clock).waited_ns == 3
