"""Two commits under the same arrivals: how often a slower service is found, and a clean one accused, in simulation."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from pytest_perfbudget.core.load.windows import WINDOWS
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import LOAD_SPREAD, Pair, pair_of
from pytest_perfbudget.core.results import RegressionVerdict

UTILISATION = 0.6
REQUESTS = 50
"""The number of requests in a window: 100 requests per second for 10 s have 50."""

PROCESS_SPREAD = 0.01
"""How much processes of identical code differ, in log time: because of the place of their memory."""


@cache
def gaps(number: int) -> np.ndarray:
    """Return the time before each arrival, by window of a pair: both sides, and both turns of a quad, have the same."""
    first = number * WINDOWS
    drawn = [
        np.random.default_rng(turn // 2).exponential(1 / UTILISATION, REQUESTS)
        for turn in range(first, first + WINDOWS)
    ]
    return np.array(drawn)


def side(slowness: float, variation: float, number: int, generator: np.random.Generator) -> dict[int, float]:
    """Return the median latency in each window of a single server, which has no queue when a window begins.

    The wait of a request, by Lindley's recursion, is the walk of services less gaps, minus the walk's lowest point.
    """
    shape = variation**-2
    services = generator.gamma(shape, slowness / shape, (WINDOWS, REQUESTS))
    walk = np.cumsum(np.pad(services[:, :-1] - gaps(number)[:, 1:], ((0, 0), (1, 0))), axis=1)
    latencies = walk - np.minimum.accumulate(walk, axis=1) + services
    return dict(enumerate(np.median(latencies, axis=1).tolist()))


def pair(slowness: float, variation: float, number: int, generator: np.random.Generator) -> Pair:
    head, base = np.exp(generator.normal(0, PROCESS_SPREAD, 2))
    sides = [side(one, variation, number, generator) for one in (slowness * head, base)]
    found = pair_of(sides[0], sides[1], LOAD_SPREAD)
    assert found is not None
    return found


def verdict(slowness: float, variation: float, generator: np.random.Generator) -> RegressionVerdict:
    """Return the verdict of the screening pair and the fresh pairs."""
    test = PairedSlowdownTest(0.05, 0.005)
    screening = pair(slowness, variation, 0, generator)
    if not test.is_suspect(screening):
        return test.screened(screening).verdict
    test, fresh = test.after(screening), list[Pair]()
    while test.needs_fresh(fresh):
        fresh.append(pair(slowness, variation, len(fresh) + 1, generator))
    return test.confirmed(fresh).verdict


@pytest.mark.parametrize(("variation", "found"), [(0.3, 57), (1.0, 36)], ids=["regular", "exponential"])
def test_a_service_that_is_10_percent_slower_is_found_and_a_clean_one_never_accused(
    variation: float, found: int
) -> None:
    """Of 60 each; with exponential service times, 10 s of load are too short for each of them, and no limit is red."""
    generator = np.random.default_rng(7)
    slow = [verdict(1.1, variation, generator) for _ in range(60)]
    clean = [verdict(1.0, variation, generator) for _ in range(60)]
    assert slow.count(RegressionVerdict.REGRESSED) >= found
    assert clean.count(RegressionVerdict.REGRESSED) == 0
