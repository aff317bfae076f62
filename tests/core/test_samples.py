from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.samples import Samples, describe, describe_without_waits, quantile

VALUES = st.lists(st.floats(1, 1e9), min_size=1, max_size=200)


@given(VALUES, st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.99, 0.999]))
def test_a_quantile_is_numpys_inverse_of_the_empirical_distribution(values: list[float], share: float) -> None:
    assert quantile(sorted(values), share) == np.quantile(values, share, method="inverted_cdf")


def test_the_95th_percentile_of_20_values_is_the_19th() -> None:
    assert quantile(list(range(1, 21)), 0.95) == 19


@given(VALUES)
def test_statistics_do_not_depend_on_the_order_of_the_rounds(values: list[float]) -> None:
    assert describe(Samples(values)) == describe(Samples(sorted(values)))


@given(VALUES)
def test_statistics_stand_in_their_order(values: list[float]) -> None:
    found = describe(Samples(values))
    order = [found[name] for name in ("min", "median", "p75", "p90", "p95", "p99", "p999", "max")]
    assert order == sorted(order)
    assert found["min"] <= found["mean"] * (1 + 1e-12)
    assert found["mean"] <= found["max"] * (1 + 1e-12)


def test_of_rounds_that_are_means_only_the_mean_is_given() -> None:
    assert describe(Samples([10.0, 20.0], iterations=100)) == {"mean": 15.0}


def test_cpu_time_stands_beside_wall_clock_time() -> None:
    found = describe(Samples([10.0], [4.0]))
    assert (found["max"], found["cpu_max"]) == (10.0, 4.0)


def test_nothing_measured_has_no_statistics() -> None:
    assert describe(Samples([])) == {}


def test_the_mean_is_summed_without_loss() -> None:
    assert describe(Samples([1e16, 1.0, 1.0]))["mean"] == pytest.approx((1e16 + 2) / 3, rel=0, abs=1)


def test_statistics_without_waits_are_those_that_waits_raised() -> None:
    samples = Samples([4.0] * 9 + [104.0], waited_ns=[0.0] * 9 + [100.0])
    assert describe_without_waits(samples) == {"mean": 4.0, "p95": 4.0, "p99": 4.0, "p999": 4.0, "max": 4.0}


@pytest.mark.parametrize("waited_ns", [(), [0.0] * 10], ids=["not known", "none"])
def test_rounds_without_waits_have_no_further_statistics(waited_ns: list[float]) -> None:
    assert describe_without_waits(Samples([4.0] * 10, waited_ns=waited_ns)) is None
