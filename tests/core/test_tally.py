"""Tallies: as accurate as their buckets, and the sum of two is the tally of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.tally import (
    BUCKETS,
    LONGEST_NS,
    Tally,
    bucket_of,
    middle_ns,
    packed,
    packed_sparse,
    sparse,
    unpacked,
)

DURATIONS = st.lists(st.integers(0, LONGEST_NS) | st.integers(0, 10**9), max_size=60)


def exact(durations: Sequence[int], share: float) -> int:
    return sorted(durations)[max(math.ceil(len(durations) * share - 1e-9), 1) - 1]


@given(st.integers(0, LONGEST_NS))
def test_the_middle_of_a_bucket_is_near_each_of_its_durations(duration: int) -> None:
    bucket = bucket_of(duration)
    assert 0 <= bucket < BUCKETS
    assert abs(middle_ns(bucket) - duration) <= max(duration / 60, 0.5)


@given(st.integers(0, LONGEST_NS - 1))
def test_longer_durations_never_have_lower_buckets(duration: int) -> None:
    assert bucket_of(duration) <= bucket_of(duration + 1)


@settings(deadline=None)
@given(DURATIONS, DURATIONS)
def test_the_sum_of_two_tallies_is_the_tally_of_both(one: list[int], other: list[int]) -> None:
    assert Tally.of(one, 2) + Tally.of(other, 3) == Tally.of(one + other, 5)


@settings(deadline=None)
@given(DURATIONS)
def test_a_tally_survives_its_sparse_form(durations: list[int]) -> None:
    tally = Tally.of(durations)
    assert packed_sparse(sparse(tally.packed)) == tally.packed
    assert packed(unpacked(tally.packed)) == tally.packed


@settings(deadline=None)
@given(DURATIONS.filter(bool), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_quantiles_are_within_a_sixtieth(durations: list[int], share: float) -> None:
    found = Tally.of(durations).cumulated().quantile_ns(share)
    wanted = exact(durations, share)
    assert abs(found - wanted) <= max(wanted / 60, 0.5)


@settings(deadline=None)
@given(DURATIONS.filter(bool), st.integers(1, LONGEST_NS))
def test_the_number_up_to_a_limit_is_exact_but_for_one_bucket(durations: list[int], limit: int) -> None:
    found = Tally.of(durations).cumulated().at_most(limit)
    assert (
        sum(one < limit * 0.96 - 1 for one in durations) <= found <= sum(one <= limit * 1.04 + 1 for one in durations)
    )


def test_a_limit_that_all_keep_counts_all() -> None:
    tally = Tally.of([50_000_000])
    assert tally.cumulated().at_most(50_000_000) == 1
    assert tally.cumulated().at_most(40_000_000) == 0


def test_nothing_has_neither_mean_nor_quantile() -> None:
    tally = Tally()
    assert (tally.mean_ns, tally.error_rate, tally.cumulated().quantile_ns(0.95)) == (0, 0, 0)


def test_durations_beyond_the_last_bucket_share_it() -> None:
    tally = Tally.of([LONGEST_NS * 3])
    assert sparse(tally.packed) == {BUCKETS - 1: 1}
