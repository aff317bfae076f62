"""Requests of the open model start when the rate says, whatever the server does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from pytest_perfbudget.core.load.arrivals import Arrival, Stage, intended_starts, ramps

S = 1_000_000_000
STAGES = st.lists(st.tuples(st.floats(0, 500), st.integers(1, 4 * S)), min_size=1, max_size=4).map(ramps)


def starts(stages: Sequence[Stage], arrival: Arrival = Arrival.CONSTANT, seed: int = 0) -> list[int]:
    """Return all intended starts."""
    return list(intended_starts(stages, arrival, seed))


def test_a_constant_rate_has_equal_gaps_and_begins_at_once() -> None:
    found = starts([Stage(100, 100, 10 * S)])
    assert len(found) == 1000
    assert found[0] == 0
    assert {later - earlier for earlier, later in pairwise(found)} == {S // 100}


def test_a_ramp_reaches_its_rate_at_its_end() -> None:
    """From 0 to 50 per second in 4 s are 100 requests, a quarter of them in the first half."""
    found = starts(ramps([(50, 4 * S)]))
    assert len(found) == 100
    assert sum(one < 2 * S for one in found) == 25
    assert found[-1] - found[-2] == pytest.approx(S / 50, rel=0.01)


def test_stages_follow_each_other_without_a_gap() -> None:
    found = starts(ramps([(50, 5 * S), (500, 20 * S)]))
    assert len(found) == 125 + 5500
    assert ramps([(50, 5 * S), (500, 20 * S)])[1] == Stage(50, 500, 20 * S)
    around = [one for one in found if abs(one - 5 * S) < S // 10]
    assert max(later - earlier for earlier, later in pairwise(around)) < 1.1 * S / 49


def test_a_falling_ramp_ends_with_long_gaps() -> None:
    found = starts([Stage(100, 0, 2 * S)])
    assert len(found) == 100
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert gaps == sorted(gaps)


@given(STAGES, st.sampled_from(Arrival))
def test_starts_ascend_within_the_load(stages: list[Stage], arrival: Arrival) -> None:
    found = starts(stages, arrival)
    assert found == sorted(found)
    assert all(0 <= one <= sum(stage.duration_ns for stage in stages) for one in found)


@given(STAGES)
def test_there_are_as_many_starts_as_the_area_under_the_rate(stages: list[Stage]) -> None:
    area = sum(stage.requests for stage in stages)
    assert len(starts(stages)) == pytest.approx(area, abs=1)
    assert len(starts(stages)) == math.ceil(area - 1e-9)


def test_gaps_of_poisson_arrivals_are_exponential() -> None:
    found = starts([Stage(200, 200, 50 * S)], Arrival.POISSON, seed=1)
    assert len(found) == pytest.approx(10_000, abs=4 * 100)
    gaps = np.diff(found) / S * 200
    assert kstest(gaps, "expon").pvalue > 0.001


def test_a_seed_gives_the_same_poisson_arrivals_again() -> None:
    stages = [Stage(100, 100, 5 * S)]
    assert starts(stages, Arrival.POISSON, seed=1) == starts(stages, Arrival.POISSON, seed=1)
    assert starts(stages, Arrival.POISSON, seed=1) != starts(stages, Arrival.POISSON, seed=2)
