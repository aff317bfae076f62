"""Two commits under the same arrivals: how often a slower service is found, and a clean one accused, in simulation."""

from __future__ import annotations

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


def window(seed: int, slowness: float, variation: float, generator: np.random.Generator) -> float:
    """Return the median latency of a single server with Poisson arrivals; the seed decides about the arrivals only."""
    gaps = np.random.default_rng(seed).exponential(1 / UTILISATION, REQUESTS)
    shape = variation**-2
    services = generator.gamma(shape, slowness / shape, REQUESTS)
    waiting, found = 0.0, []
    for gap, service in zip(gaps, services, strict=True):
        waiting = max(0.0, waiting - gap) + service
        found.append(waiting)
    return float(np.median(found))


def pair(slowness: float, variation: float, generator: np.random.Generator) -> Pair:
    head, base = np.exp(generator.normal(0, PROCESS_SPREAD, 2))
    sides = (slowness * head, base)
    times = [{turn: window(turn, one, variation, generator) for turn in range(WINDOWS)} for one in sides]
    found = pair_of(times[0], times[1], LOAD_SPREAD)
    assert found is not None
    return found


def verdict(slowness: float, variation: float, generator: np.random.Generator) -> RegressionVerdict:
    """Return the verdict of the screening pair and the fresh pairs."""
    test = PairedSlowdownTest(0.05, 0.005)
    screening = pair(slowness, variation, generator)
    if not test.is_suspect(screening):
        return test.screened(screening).verdict
    test, fresh = test.after(screening), list[Pair]()
    while test.needs_fresh(fresh):
        fresh.append(pair(slowness, variation, generator))
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
