"""Two commits under the same arrivals: how often a slower service is found, and a clean one accused, in simulation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count

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
    """Return the verdict of the screening pair and the fresh pairs of a queue."""
    numbers = count()
    return decided(lambda: pair(slowness, variation, next(numbers), generator))


def decided(measure: Callable[[], Pair]) -> RegressionVerdict:
    """Return the verdict of a screening pair and of as many fresh pairs as are needed."""
    test, screening = PairedSlowdownTest(0.05, 0.005), measure()
    if not test.is_suspect(screening):
        return test.screened(screening).verdict
    test, fresh = test.after(screening), list[Pair]()
    while test.needs_fresh(fresh):
        fresh.append(measure())
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


def short(generator: np.random.Generator, spread: float, state: float = 1.0) -> dict[int, float]:
    """Return the latency in the four windows of a load of 0.4 s, whose spread is in log time."""
    return dict(enumerate((state * np.exp(generator.normal(0, spread, 4))).tolist()))


@pytest.mark.parametrize(("spread", "states"), [(0.4, [1.0]), (0.1, [1.0, 2.5])], ids=["each window", "each process"])
def test_a_short_load_on_a_busy_machine_is_not_called_slower_by_chance(spread: float, states: list[float]) -> None:
    """Windows that agree by chance, and processes that are slow as a whole, beside other processes."""
    generator = np.random.default_rng(11)

    def noisy() -> Pair:
        head, base = (short(generator, spread, generator.choice(states)) for _ in range(2))
        found = pair_of(head, base, LOAD_SPREAD)
        assert found is not None
        return found

    verdicts = [decided(noisy) for _ in range(300)]
    assert verdicts.count(RegressionVerdict.REGRESSED) <= 3  # 1.5 at an alpha of 0.5 %


def test_a_short_load_that_takes_three_times_as_long_is_found() -> None:
    generator = np.random.default_rng(11)

    def slower() -> Pair:
        found = pair_of(short(generator, 0.04, 3.0), short(generator, 0.04), LOAD_SPREAD)
        assert found is not None
        return found

    assert {decided(slower) for _ in range(100)} == {RegressionVerdict.REGRESSED}
