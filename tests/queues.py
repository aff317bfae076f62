"""Latencies of simulated servers, whose exact quantiles are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Latencies = NDArray[np.float64]


def queue(count: int, utilisation: float, generator: np.random.Generator) -> Latencies:
    """Return the latencies of an M/M/1 queue in its stationary state, in mean service times.

    Lindley's recursion w[i + 1] = max(0, w[i] + x[i]) is the walk of x minus its lowest point so far.
    """
    service = generator.exponential(1, count)
    gaps = generator.exponential(1 / utilisation, count)
    first = generator.exponential(1 / (1 - utilisation)) if generator.random() < utilisation else 0.0
    walk = np.concatenate([[0.0], np.cumsum(service[:-1] - gaps[1:])])
    waiting = np.maximum(first + walk, walk - np.minimum.accumulate(walk))
    return np.asarray(waiting + service)


def queue_quantile(share: float, utilisation: float) -> float:
    """Return the exact quantile: the time in an M/M/1 system is exponential with the rate 1 - utilisation."""
    return -math.log(1 - share) / (1 - utilisation)


def bursty(count: int, generator: np.random.Generator) -> Latencies:
    """Return log-normal latencies of a server that is 8 times slower for about 20 of each 220 requests."""
    factors = np.empty(count)
    at, is_slow = 0, generator.random() < 20 / 220
    while at < count:
        length = generator.geometric(1 / (20 if is_slow else 200))
        factors[at : at + length] = 8 if is_slow else 1
        at, is_slow = at + length, not is_slow
    return np.asarray(factors * generator.lognormal(0, 0.5, count))


@cache
def bursty_quantile(share: float) -> float:
    """Return the quantile of the mixture of 10 fast and 1 slow request."""
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        below = sum(weight * _normal(math.log(middle / factor) / 0.5) for weight, factor in ((10, 1), (1, 8))) / 11
        low, high = (middle, high) if below < share else (low, middle)
    return high


def _normal(value: float) -> float:
    return (1 + math.erf(value / math.sqrt(2))) / 2


SERVERS: dict[str, tuple[Callable[[int, np.random.Generator], Latencies], Callable[[float], float]]] = {
    f"M/M/1 at {100 * one:.0f} %": (
        lambda count, generator, one=one: queue(count, one, generator),
        lambda share, one=one: queue_quantile(share, one),
    )
    for one in (0.5, 0.8, 0.95)
} | {"bursty": (bursty, bursty_quantile)}
"""Simulated servers: the function that returns latencies, and the one that returns the exact quantile at a share."""


def _slow_times(count: int, length: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Return which requests of a back end are slow: half of them, in runs of a mean length."""
    slow = np.empty(count, bool)
    at, is_slow = 0, bool(generator.random() < 0.5)
    while at < count:
        run = generator.geometric(1 / length)
        slow[at : at + run] = is_slow
        at, is_slow = at + run, not is_slow
    return slow


def three_back_ends(count: int, generator: np.random.Generator) -> Latencies:
    """Return latencies of three back ends in turns: fast, slow, and slow for half of the time. The median is 12."""
    found = np.empty(count)
    for start, (low, high) in enumerate(((1, 2), (20, 30), (5, 10))):
        found[start::3] = generator.uniform(low, high, len(found[start::3]))
    return _made_slow(found, slice(2, None, 3), (15, 20), 100, generator)


def every_tenth(count: int, generator: np.random.Generator) -> Latencies:
    """Return latencies of a server whose tenth request is expensive, and too slow for half of the time. p95 is 50."""
    found = generator.uniform(1, 2, count)
    found[::10] = generator.uniform(20, 40, len(found[::10]))
    return _made_slow(found, slice(None, None, 10), (60, 80), 30, generator)


def _made_slow(
    latencies: Latencies, part: slice, slow: tuple[int, int], length: float, generator: np.random.Generator
) -> Latencies:
    """Make a part of the latencies slow for half of the time, in runs of a mean length."""
    own = latencies[part]
    latencies[part] = np.where(_slow_times(len(own), length, generator), generator.uniform(*slow, len(own)), own)
    return latencies


IN_TURNS: dict[str, tuple[Callable[[int, np.random.Generator], Latencies], float, float]] = {
    "three back ends in turns": (three_back_ends, 0.5, 12.0),
    "each tenth request expensive": (every_tenth, 0.95, 50.0),
}
"""Simulated servers whose requests take turns: the function that returns latencies, a share, and the quantile there."""


SLOW_STATE = 0.1
"""The part of the time in which the server of `two_states` is slow."""


def two_states(count: int, length: float, generator: np.random.Generator) -> tuple[Latencies, bool]:
    """Return latencies of a server with a fast and a slow state, and whether both occur. The median is 1, p95 is 60.

    Args:
        count: the number of requests.
        length: the mean number of requests in a slow state; a fast state is nine times as long.
        generator: of random numbers.
    """
    slow = np.empty(count, bool)
    at, is_slow = 0, bool(generator.random() < SLOW_STATE)
    while at < count:
        run = generator.geometric(1 / (length if is_slow else length * (1 - SLOW_STATE) / SLOW_STATE))
        slow[at : at + run] = is_slow
        at, is_slow = at + run, not is_slow
    return np.where(slow, 60, 1) * generator.lognormal(0, 0.2, count), bool(slow.any() and not slow.all())
