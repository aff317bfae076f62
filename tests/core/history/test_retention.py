"""The removal of old sessions: by the order in which they were appended, because a clock may be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.history.retention import in_order, removable

DAY_S = 86_400.0
KEPT = 5


def may_go(days: list[float], now: float) -> int:
    return removable([day * DAY_S for day in days], now * DAY_S, (now - KEPT) * DAY_S)


@pytest.mark.parametrize("each_day", [1, 20])
def test_sessions_may_go_when_as_many_days_have_sessions_as_are_kept(each_day: int) -> None:
    days = [day + part / each_day for day in range(20) for part in range(each_day)]
    assert may_go(days, 20) == (20 - KEPT - 3) * each_day


def test_a_pause_is_no_proof_of_age() -> None:
    assert may_go([0, 1, 2, 100], 100) == 0
    assert may_go([0, 1, 2, *range(100, 107)], 107) == 2
    assert may_go([0, 1, 2, *range(100, 108)], 108) == 3


def test_a_session_that_is_dated_in_the_future_counts_for_nothing() -> None:
    assert may_go([0, 1, 2, *range(300, 310)], 3) == 0
    assert may_go([0, 1, 2, *range(300, 310)], 310) == 5


@given(st.lists(st.booleans(), min_size=10, max_size=200), st.floats(0, 1000))
@settings(max_examples=60, deadline=None)
def test_two_clocks_remove_nothing_that_is_younger_than_is_kept(turns: list[bool], ahead: float) -> None:
    """Ten sessions a day, each by one of two machines, whose clocks differ; each machine removes by its own clock."""
    true = [at / 10 for at in range(len(turns))]
    said = [day + ahead * is_ahead for day, is_ahead in zip(true, turns, strict=True)]
    for now in (true[-1], true[-1] + ahead):
        gone = may_go(said, now)
        assert all(true[-1] - day >= KEPT for day in true[:gone])


def test_dates_in_the_future_are_those_of_the_session_before() -> None:
    hour_s = 3600.0
    assert in_order([1.0, 2.0, 9 * hour_s, 3.0], 2 * hour_s) == [1.0, 2.0, 2.0, 3.0]
    assert in_order([9 * hour_s, 1.0], 2 * hour_s) == [2 * hour_s, 1.0]
    assert in_order([2.5 * hour_s], 2 * hour_s) == [2.5 * hour_s]
