"""The times of both sides that a report keeps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.calm_quantiles import SHARES, CalmQuantiles
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.samples import quantile
from pytest_perfbudget.core.side_times import MOST_POINTS, SideTimes


def kept(*values: float, iterations: int = 1) -> RoundTimes:
    found = RoundTimes.of(values, iterations)
    assert found is not None
    return found


def test_the_recordings_of_a_side_are_put_together() -> None:
    found = SideTimes.of([kept(5, 1), kept(3)], [kept(2, 2, iterations=4)])
    assert found is not None
    assert (found.head.times_ns(), found.head_rounds) == ([1, 3, 5], 3)
    assert (found.base.times_ns(), found.base_rounds) == ([2, 2], 2)


def test_the_waits_of_both_sides_stay_beside_their_times() -> None:
    head = RoundTimes.of([9_000, 2_000], waited_ns=[6_000, 0])
    assert head is not None
    found = SideTimes.of([head, kept(4_000)], [kept(1)])
    assert found is not None
    assert (found.head.times_ns(), found.head.own_times_ns()) == ([2_000, 4_000, 9_000], [2_000, 4_000, 3_000])
    base = CalmQuantiles(4000, tuple(1000.0 * (1 + share) for share in SHARES))
    since = SideTimes.since_baseline([2_000, 9_000], base, 1, [0, 6_000])
    assert since is not None
    assert since.head.own_times_ns() == [2_000, 3_000]


def test_without_times_of_a_side_there_are_none() -> None:
    assert SideTimes.of([kept(1)], []) is None
    assert SideTimes.of([], [kept(1)]) is None


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=450))
def test_the_shortest_the_longest_and_every_quantile_stay(values: list[int]) -> None:
    found = SideTimes.of([kept(*values)], [kept(1)])
    assert found is not None
    times_ns, ordered = found.head.times_ns(), sorted(values)
    assert times_ns == sorted(times_ns)
    assert (times_ns[0], times_ns[-1]) == pytest.approx((ordered[0], ordered[-1]), rel=1 / 16_384)
    assert len(times_ns) == min(len(values), MOST_POINTS)
    assert SideTimes.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    if len(values) > MOST_POINTS:
        for share in (0.25, 0.5, 0.9):
            low, high = quantile(ordered, share - 0.006), quantile(ordered, share + 0.006)
            assert low * (1 - 1 / 8192) <= quantile(times_ns, share) <= high * (1 + 1 / 8192)


@pytest.mark.parametrize("side", ["head", "base"])
def test_both_sides_take_less_than_two_kilobytes(side: str) -> None:
    found = SideTimes.of([kept(*range(10**6, 11 * 10**5, 199))], [kept(*range(10**6, 11 * 10**5, 301))])
    assert found is not None
    assert len(json.dumps(found.to_dict()[side])) < 1000


def since_baseline(*head_ns: float, calls: int = 1) -> SideTimes | None:
    base = CalmQuantiles(4000, tuple(1000.0 * (1 + share) for share in SHARES))
    return SideTimes.since_baseline(head_ns, base, calls)


def test_the_baseline_has_its_times_at_certain_shares_in_calm_weather() -> None:
    found = since_baseline(*range(1000, 2000))
    assert found is not None
    assert found.is_calm
    assert (found.head_rounds, found.base_rounds) == (1000, 4000)
    assert (len(found.head.times_ns()), found.base_shares) == (MOST_POINTS, SHARES)
    assert found.base.times_ns() == [1000, 1050, 1100, 1200, 1350, 1500, 1650, 1800, 1900, 1950, 1990, 2000]
    assert SideTimes.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_times_below_a_nanosecond_stay_if_a_round_has_many_calls() -> None:
    found = since_baseline(20.25, 20.5, calls=1000)
    assert found is not None
    assert found.head.times_ns() == [20.25, 20.5]


def test_without_rounds_of_the_head_there_is_no_baseline_either() -> None:
    assert since_baseline() is None


def test_recorded_sides_are_not_calm_and_have_no_shares() -> None:
    found = SideTimes.of([kept(1, 2)], [kept(1, 2)])
    assert found is not None
    assert not found.is_calm
    assert "base_shares" not in found.to_dict()


def test_shares_that_do_not_fit_the_times_are_refused() -> None:
    found = since_baseline(*range(1000, 2000))
    assert found is not None
    found.check()
    with pytest.raises(ValueError, match="side_times has 12 times of the base for 11 shares"):
        replace(found, base_shares=SHARES[:-1]).check()
