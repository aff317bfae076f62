from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.weather import CALM, BlockTime, calm, shifts, weight, weighted_median

CALM_NS = (100.0, 200.0)


def block(before: float, after: float | None = None) -> BlockTime:
    """A block in weather that slows both canaries by the same factor."""
    after = before if after is None else after
    return BlockTime(1.0, (100 * before, 200 * before), (100 * after, 200 * after))


def test_in_calm_weather_a_block_counts_in_full() -> None:
    found = shifts([block(1.0)], CALM_NS)
    assert found.mean == 0
    assert found.weight == 1


def test_a_neighbour_that_slows_everything_by_half_shows_and_makes_the_block_count_little() -> None:
    found = shifts([block(1.5)], CALM_NS)
    assert found.mean == pytest.approx(math.log(1.5))
    assert found.canaries == pytest.approx(math.log(1.5))
    assert found.weight < 0.06


def test_at_the_calm_distance_the_weight_is_a_half() -> None:
    assert weight(CALM) == pytest.approx(0.5)
    assert weight(-CALM) == pytest.approx(0.5)


def test_a_block_within_which_the_weather_changed_counts_less_than_one_in_its_mean_weather() -> None:
    found = shifts([block(1.0, 1.21), block(1.1)], CALM_NS)
    assert found.mean[0] == pytest.approx(found.mean[1])
    assert found.weight[0] < found.weight[1]


def test_a_block_in_which_the_process_waited_for_a_cpu_counts_less() -> None:
    found = shifts([block(1.0)._replace(waited=0.3), block(1.0)], CALM_NS)
    assert found.weight[0] == pytest.approx(0.1 * found.weight[1])
    assert found.waited == pytest.approx(0.15)


def test_calm_is_what_the_canaries_take_in_the_calmer_moments_and_no_lucky_one() -> None:
    blocks = [block(0.5), *[block(1.0)] * 60, *[block(1.5)] * 39]
    assert calm(blocks) == CALM_NS


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0.01, 1)), min_size=1, max_size=30))
def test_at_most_half_of_the_weight_lies_on_either_side_of_the_weighted_median(
    pairs: list[tuple[float, float]],
) -> None:
    values, weights = zip(*pairs, strict=True)
    found = weighted_median(values, weights)
    half = sum(weights) / 2 + 1e-9
    assert found in values
    assert sum(part for value, part in pairs if value < found) <= half
    assert sum(part for value, part in pairs if value > found) <= half
