"""A load over time: each request is in the window in which it ended, and the number of windows is bounded."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.load.over_time import MOST_WINDOWS, OverTime, TimeWindow
from pytest_perfbudget.core.samples import quantile

S = 1_000_000_000
MS = 1_000_000

ENDS = st.lists(
    st.tuples(st.integers(0, 3600 * S), st.none() | st.integers(0, 60 * S), st.booleans()), min_size=1, max_size=60
)


def over_time(*ends: tuple[int, int | None, bool]) -> OverTime:
    """Return the windows of requests, given by the time of their end, their latency, and whether they are errors."""
    found = OverTime()
    for at_ns, latency_ns, is_error in ends:
        found.add(at_ns, latency_ns, is_error=is_error)
    return found


@given(ENDS, st.integers(0, 3600 * S))
def test_each_request_is_in_the_window_in_which_it_ended(ends: list[tuple[int, int | None, bool]], more: int) -> None:
    elapsed_ns = max(at for at, _, _ in ends) + more
    windows = over_time(*ends).windows(elapsed_ns)
    assert len(windows) <= MOST_WINDOWS
    assert windows[0].offset_ns == 0
    for one, later in pairwise(windows):
        assert one.offset_ns + one.length_ns == later.offset_ns
        assert one.length_ns == windows[0].length_ns
    assert windows[-1].offset_ns + windows[-1].length_ns == elapsed_ns
    for one in windows:
        is_last = one is windows[-1]
        inside = [end for end in ends if one.offset_ns <= end[0] < one.offset_ns + one.length_ns + is_last]
        assert one.requests == len(inside)
        assert one.errors == sum(is_error for _, _, is_error in inside)
        if one.length_ns:
            assert one.rps == pytest.approx((one.requests - one.errors) * S / one.length_ns)
        latencies = sorted(latency for _, latency, _ in inside if latency is not None)
        for found, share in ((one.median_ns, 0.5), (one.p95_ns, 0.95)):
            assert found == (pytest.approx(quantile(latencies, share), rel=0.008) if latencies else None)


def test_windows_in_which_no_request_ended_are_there() -> None:
    """A server that was killed halfway."""
    windows = over_time(*((at * 10 * MS, MS, False) for at in range(50))).windows(S)
    assert [one.requests for one in windows] == [5] * 10 + [0] * 10
    assert [one.rps for one in windows] == [100.0] * 10 + [0.0] * 10
    assert windows[-1] == TimeWindow(950 * MS, 50 * MS, 0, 0, 0.0, None, None, None)


def test_a_short_rest_at_the_end_is_no_window_of_its_own() -> None:
    """Two requests in the last millisecond are no 2,000 requests per second."""
    ends = [(at * MS, MS, False) for at in (10, 60, 110, 149, 150, 151)]
    windows = over_time(*ends).windows(151 * MS)
    assert [(one.offset_ns // MS, one.length_ns // MS, one.requests) for one in windows] == [
        (0, 50, 1),
        (50, 50, 1),
        (100, 51, 4),
    ]


def test_a_look_at_a_running_load_does_not_change_its_windows() -> None:
    series = over_time((10 * MS, MS, False))
    assert len(series.windows(3000 * S)) > 1
    series.add(60 * MS, MS)
    assert [one.length_ns for one in series.windows(100 * MS)] == [50 * MS, 50 * MS]


def test_users_are_the_most_of_a_window_and_stay_until_the_next_look() -> None:
    series = over_time()
    series.note_users(-5, 9)  # in the warm-up
    for at, number in ((60, 3), (70, 7), (80, 5), (160, 2)):
        series.note_users(at * MS, number)
    assert [one.users for one in series.windows(250 * MS)] == [7, 7, 7, 2, 2]


def test_memory_is_bounded_whatever_the_number_of_requests() -> None:
    series = OverTime()
    for at in range(20_000):
        series.add(at * S // 100, 1 + at * 100_003 % (10 * S))
    assert len(series._windows) <= MOST_WINDOWS
    assert max(len(one.buckets) for one in series._windows) < 64 * 30
    assert sum(one.requests for one in series.windows(200 * S)) == 20_000


def test_the_windows_survive_a_report() -> None:
    facts = LoadFacts("10 users", quantiles=[], over_time=tuple(over_time((1, 2, False), (3, None, True)).windows(5)))
    assert LoadFacts.from_dict(json.loads(json.dumps(facts.to_dict()))) == facts


def test_a_report_without_windows_can_be_read() -> None:
    data = LoadFacts("10 users").to_dict()
    del data["over_time"]
    assert LoadFacts.from_dict(data) == LoadFacts("10 users", quantiles=[])
