"""The causes of the time of spans: the decision table, and the sums of spans of which only some were looked into."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.spans.causes import Causes, TimeSums, causes_of
from pytest_perfbudget.tracing.wait_sampling import Waits

TIME = st.integers(0, 10**12)
WAITS = st.tuples(st.integers(-(10**9), 10**12), st.integers(0, 10**12), st.integers(-(10**9), 10**12))


@pytest.mark.parametrize(
    ("cpu_ns", "waits", "causes"),
    [
        pytest.param(100, (0, 0, 0), Causes(cpu_ns=100), id="computing"),
        pytest.param(100, (900, 900, 900), Causes(cpu_ns=100), id="computing while others compute: no waiting"),
        pytest.param(10, (0, 0, 0), Causes(cpu_ns=10, idle_ns=90), id="nobody computed"),
        pytest.param(10, (90, 0, 0), Causes(cpu_ns=10, threads_ns=90), id="other threads computed"),
        pytest.param(10, (0, 80, 0), Causes(cpu_ns=10, processes_ns=80, idle_ns=10), id="a child computed"),
        pytest.param(10, (0, 0, 70), Causes(cpu_ns=10, queue_ns=70, idle_ns=20), id="no CPU was free"),
        pytest.param(10, (180, 0, 0), Causes(cpu_ns=10, threads_ns=90), id="several threads on several CPUs"),
        pytest.param(0, (50, 150, 0), Causes(threads_ns=25, processes_ns=75), id="both: in proportion"),
        pytest.param(0, (100, 0, 40), Causes(queue_ns=40, threads_ns=60), id="the system tells of the queue exactly"),
        pytest.param(0, (-1, 0, -5), Causes(idle_ns=100), id="a clock that ran ahead"),
        pytest.param(120, (0, 0, 0), Causes(cpu_ns=100), id="CPU time up to 5 us too large"),
        pytest.param(30, None, Causes(cpu_ns=30, unknown_ns=70), id="nobody looked"),
        pytest.param(None, (50, 0, 0), Causes(unknown_ns=100), id="a block in a coroutine, or another process"),
    ],
)
def test_the_cause_of_a_span_of_100_ns(cpu_ns: int | None, waits: Waits | None, causes: Causes) -> None:
    assert causes_of(100, cpu_ns, waits) == causes


@given(TIME, st.none() | TIME, st.none() | WAITS)
def test_causes_add_up_to_the_time_and_none_is_below_0(duration: int, cpu_ns: int | None, waits: Waits | None) -> None:
    found = causes_of(duration, cpu_ns, waits)
    assert sum(found) == pytest.approx(duration)
    assert min(found) >= 0
    assert Causes.from_dict(found.to_dict()) == found


@given(st.lists(st.tuples(TIME, st.none() | TIME, st.none() | WAITS), max_size=9))
def test_so_do_the_causes_of_many_spans(spans: list[tuple[int, int | None, Waits | None]]) -> None:
    sums = TimeSums()
    for one in spans:
        sums.add(*one)
    assert sum(sums.causes) == pytest.approx(sums.total_ns)
    assert min(sums.causes) >= 0


def test_waiting_that_nobody_looked_into_is_divided_like_the_rest() -> None:
    """Of 2,000 spans with random causes, one in five was looked into."""
    chance, sums, all_of_them = random.Random(1), TimeSums(), TimeSums()
    for _ in range(2_000):
        lock, idle = chance.choice([(900, 0), (0, 300), (100, 100)])
        waits = (lock, 0, 0)
        all_of_them.add(lock + idle + 50, 50, waits)
        sums.add(lock + idle + 50, 50, waits if chance.random() < 0.2 else None)
    assert sums.causes.unknown_ns == 0
    assert list(sums.causes) == pytest.approx(list(all_of_them.causes), rel=0.1)


def test_a_look_at_next_to_nothing_does_not_stand_for_all() -> None:
    sums = TimeSums()
    sums.add(10, 0, (10, 0, 0))
    sums.add(10_000, 0, None)
    assert sums.causes == Causes(unknown_ns=10_010)


def test_spans_without_a_known_cpu_time_make_all_of_their_name_unknown() -> None:
    sums = TimeSums()
    sums.add(100, 50, (0, 0, 0))
    sums.add(100, None, None)
    assert sums.causes == Causes(unknown_ns=200)
