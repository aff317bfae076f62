"""The rings: which requests a window has, how they age, and that the memory is bounded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.alerts import WINDOWS
from pytest_perfbudget.monitor.history import LEVELS, History, Recorder

S = 10**9
START = 1_700_000_000 * S - 1_700_000_000 * S % (86_400 * S)


def count(recorder: Recorder, window: str, second: float) -> int:
    now_ns = START + round(second * S)
    return recorder.history(now_ns).window(window, now_ns).tally.count


def recorded(*seconds: float, duration_ns: int = 1000) -> Recorder:
    recorder = Recorder(START)
    for second in seconds:
        recorder.record(START + round(second * S), duration_ns, is_error=False)
    return recorder


@pytest.mark.parametrize("window", WINDOWS)
def test_a_request_is_in_a_window_for_its_length(window: str) -> None:
    length = WINDOWS[window]
    assert count(recorded(1), window, 1) == 1
    assert count(recorded(1), window, length * 0.9) == 1
    assert count(recorded(1), window, length * 1.1 + 3600 * (window == "24h")) == 0


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_goes_on_forgetting_under_traffic(window: str) -> None:
    length = WINDOWS[window]
    step = length / 50
    recorder = recorded(*(step * number for number in range(250)))
    assert 45 <= count(recorder, window, step * 249) <= 50


def test_the_rate_is_that_of_the_covered_time() -> None:
    recorder = recorded(*(0.1 * number for number in range(100)))
    now_ns = START + 10 * S
    assert recorder.history(now_ns).window("5m", now_ns).per_second == pytest.approx(10)


def test_a_clock_that_goes_back_loses_nothing() -> None:
    recorder = recorded(100, 40, 101)
    assert count(recorder, "1m", 101) == 3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 200_000), st.integers(0, 10**10), st.booleans()), max_size=40))
def test_histories_of_two_processes_add_up_to_that_of_one(requests: list[tuple[float, int, bool]]) -> None:
    both, *parts = (Recorder(START) for _ in range(3))
    for number, (second, duration, is_error) in enumerate(sorted(requests)):
        for recorder in (both, parts[number % 2]):
            recorder.record(START + round(second * S), duration, is_error=is_error)
    now_ns = START + 200_001 * S
    one, other = (part.history(now_ns) for part in parts)
    together = one + other
    assert together.total == both.history(now_ns).total
    for window in WINDOWS:
        assert together.window(window, now_ns) == both.history(now_ns).window(window, now_ns)


def test_points_are_half_minutes_the_newest_last() -> None:
    recorder = recorded(*range(60), duration_ns=7_000_000)
    points = recorder.history(START + 60 * S).points(START + 60 * S)
    assert len(points) == 30
    assert [one.per_second for one in points[-3:]] == [1.0, 1.0, 0.0]
    assert points[-2].p95_ns == pytest.approx(7_000_000, rel=0.02)


def slots(history: History) -> int:
    return sum(len(level) for level in history.slots)


def test_the_memory_does_not_grow_with_the_requests() -> None:
    """Two days of requests keep as many slots as one day; `benchmarks/monitor_cost.py` takes ten million."""
    rng = random.Random(3)
    recorder = Recorder(START)
    sizes = []
    for number in range(100_000):
        recorder.record(START + number * 2 * S, round(rng.lognormvariate(15, 1)), is_error=False)
        if number in (50_000, 99_999):
            sizes.append(slots(recorder.history(START + number * 2 * S)))
    assert abs(sizes[0] - sizes[1]) <= 4
    assert max(sizes) <= sum(level.slots + 1 for level in LEVELS)  # and the slot that goes on
    assert recorder.history(START + 200_000 * S).total.count == 100_000
