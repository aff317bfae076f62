"""A late generator: a server that is far too slow exceeds its limit in spite of the lateness, and no other server does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from queues import SERVERS
from scipy.stats import binom

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.late import exceeded_in_spite
from pytest_perfbudget.core.load.record import GeneratorFacts
from pytest_perfbudget.core.metrics import METRICS

ERRORS = Errors(exceeded=0.01, within=0.05)
RUNS = 300
REQUESTS = 2_000
Draw = Callable[[int, np.random.Generator], NDArray[np.float64]]

LATENESS: dict[str, Draw] = {
    "constant": lambda count, _: np.full(count, 2.0),
    "exponential": lambda count, generator: generator.exponential(2.0, count),
    "one in 60 is very late": lambda count, generator: np.where(generator.random(count) < 1 / 60, 40.0, 0.1),
    "one in 150 is very late": lambda count, generator: np.where(generator.random(count) < 1 / 150, 400.0, 0.1),
    "in bursts": lambda count, generator: np.repeat(generator.exponential(3.0, count // 20 + 1), 20)[:count],
}


def facts(lateness: NDArray[np.float64]) -> GeneratorFacts:
    """Return what a generator tells of its lateness."""
    return GeneratorFacts(float(np.sort(lateness)[-len(lateness) // 100]))


def exceeded(server: Draw, limit: float, late: Draw, statistic: str, *, is_open: bool) -> int:
    """Return the number of loads that exceed the limit; a closed load samples its lateness 250 times."""
    found = 0
    for run in range(RUNS):
        generator = np.random.default_rng((11, run))
        values = server(REQUESTS, generator) + late(REQUESTS, generator)
        if is_open:
            starts = late(REQUESTS, generator)
            values, sample = values + starts, starts
        else:
            sample = late(250, generator)
        result = exceeded_in_spite(METRICS[statistic], values.tolist(), limit, ERRORS, facts(sample), is_open=is_open)
        found += result is not None
    return found


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("lateness", LATENESS)
@pytest.mark.parametrize(("server", "statistic"), [("M/M/1 at 50 %", "p95"), ("bursty", "median"), ("bursty", "p90")])
def test_a_server_within_its_limit_is_not_blamed(lateness: str, server: str, statistic: str, *, is_open: bool) -> None:
    """The limit is the exact quantile of the server: at most alpha of the loads may exceed the limit."""
    latencies, exact = SERVERS[server]
    share = {"median": 0.5, "p90": 0.9, "p95": 0.95}[statistic]
    found = exceeded(latencies, exact(share), LATENESS[lateness], statistic, is_open=is_open)
    assert found <= binom.ppf(0.999, RUNS, ERRORS.exceeded)


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("lateness", LATENESS)
def test_the_mean_of_a_server_within_its_limit_is_not_blamed(lateness: str, *, is_open: bool) -> None:
    found = exceeded(SERVERS["M/M/1 at 50 %"][0], 2.0, LATENESS[lateness], "mean", is_open=is_open)
    assert found <= binom.ppf(0.999, RUNS, ERRORS.exceeded)


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("lateness", ["constant", "exponential"])
@pytest.mark.parametrize("statistic", ["median", "p95", "mean"])
def test_a_server_at_five_times_its_limit_exceeds_it(lateness: str, statistic: str, *, is_open: bool) -> None:
    def steady(count: int, generator: np.random.Generator) -> NDArray[np.float64]:
        return generator.normal(50.0, 2.0, count)

    assert exceeded(steady, 10.0, LATENESS[lateness], statistic, is_open=is_open) == RUNS


def test_the_numbers_are_those_of_the_server() -> None:
    """A mean also loses its slowest requests: 1 or 2 % of them."""
    generator = GeneratorFacts(20e6)
    for statistic in ("p95", "mean"):
        values = [70e6 + number % 7 for number in range(1_000)]
        closed = exceeded_in_spite(METRICS[statistic], values, 10e6, ERRORS, generator, is_open=False)
        opened = exceeded_in_spite(METRICS[statistic], values, 10e6, ERRORS, generator, is_open=True)
        assert closed is not None
        assert opened is not None
        assert (closed.estimate, opened.estimate) == pytest.approx((50e6, 30e6), rel=0.03)
        assert (closed.lower, opened.lower) == pytest.approx((50e6, 30e6), rel=0.03)


def test_of_a_minimum_nothing_is_known() -> None:
    generator = GeneratorFacts(20e6)
    assert exceeded_in_spite(METRICS["min"], [70e6] * 99, 1e6, ERRORS, generator, is_open=False) is None


def test_a_maximum_is_judged_by_the_largest_lateness() -> None:
    """The slowest request was at most that late, so the rest of its latency is the server's."""
    generator = GeneratorFacts(20e6, lateness_max_ns=60e6)
    found = exceeded_in_spite(METRICS["max"], [70e6] * 99, 9e6, ERRORS, generator, is_open=False)
    assert found is not None
    assert found.estimate == 10e6
    assert exceeded_in_spite(METRICS["max"], [70e6] * 99, 11e6, ERRORS, generator, is_open=False) is None
