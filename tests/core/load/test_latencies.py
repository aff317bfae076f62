"""Latencies are exact up to a million; beyond, their quantiles are within 0.1 %."""

from __future__ import annotations

import random

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.load import latencies as module
from pytest_perfbudget.core.load.latencies import Histogram, Latencies
from pytest_perfbudget.core.samples import quantile

DAY = 24 * 3600 * 10**9
SHARES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 1.0)


def recorded(values: list[int]) -> Histogram:
    """Return a histogram of the values."""
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(st.lists(st.integers(0, DAY), min_size=1, max_size=50), st.sampled_from(SHARES))
def test_a_quantile_of_the_histogram_is_within_a_thousandth(values: list[int], share: float) -> None:
    exact = quantile(sorted(values), share)
    assert recorded(values).quantile(share) == pytest.approx(exact, rel=0.001)


@given(st.lists(st.integers(0, DAY), min_size=1, max_size=50))
def test_the_extremes_of_the_histogram_are_exact(values: list[int]) -> None:
    assert recorded(values).quantile(0.0) == min(values)
    assert recorded([*values, max(values)]).quantile(1.0) == max(values)


def test_the_tail_is_that_of_hdrhistogram() -> None:
    generator = random.Random(1)
    values = [int(generator.lognormvariate(15, 1)) for _ in range(300_000)]
    oracle = HdrHistogram(1, DAY, 3)
    for value in values:
        oracle.record_value(value)
    found = recorded(values)
    for share in SHARES[1:]:
        assert found.quantile(share) == pytest.approx(oracle.get_value_at_percentile(100 * share), rel=0.001)


@given(st.integers(0, 2047))
def test_values_below_two_microseconds_are_exact(value: int) -> None:
    assert list(recorded([value]).buckets()) == [(value, 1)]


def test_values_beyond_a_day_are_taken_for_a_day() -> None:
    assert recorded([2 * DAY, -5]).quantile(1.0) == DAY
    assert recorded([2 * DAY, -5]).quantile(0.0) == 0


@given(st.lists(st.integers(1, DAY), min_size=1, max_size=60))
def test_nothing_is_lost_where_the_histogram_takes_over(values: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_EXACT", 30)
        found = Latencies(values)
    assert len(found) == len(values)
    assert found.is_exact is (len(values) <= 30)
    assert list(found.sequence) == values[:30]
    assert found.mean_ns == pytest.approx(sum(values) / len(values))
    expected = [quantile(sorted(values), share) for share in SHARES]
    assert found.quantiles(SHARES) == pytest.approx(expected, rel=0 if found.is_exact else 0.001)


def test_memory_is_eight_bytes_for_each_request_and_bounded() -> None:
    found = Latencies(range(100_000))
    assert found.sequence.itemsize * len(found.sequence) <= 10 * 100_000
    assert Histogram()._counts.buffer_info()[1] * 8 < 400_000


def test_quantiles_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no latencies"):
        Latencies().quantiles([0.5])
    with pytest.raises(ValueError, match="no values"):
        Histogram().quantile(0.5)
