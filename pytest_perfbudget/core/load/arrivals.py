"""The open model: the intended start of each request, which does not depend on the answers.

The rate is piecewise linear in time. The intended starts are the times at which the integral of the rate, the number of
requests so far, reaches 0, 1, 2, ... for constant arrivals, or the points of a Poisson process of intensity 1 for
Poisson arrivals (inversion: Cinlar 1975, Introduction to Stochastic Processes).
"""

from __future__ import annotations

import enum
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.units import NS_PER


class Arrival(enum.Enum):
    """The way in which requests arrive."""

    CONSTANT = "constant"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class Stage:
    """A time in which the rate changes linearly.

    Attributes:
        before: the rate at the beginning, in requests per second.
        after: the rate at the end.
        duration_ns: the length.
    """

    before: float
    after: float
    duration_ns: int

    @property
    def requests(self) -> float:
        """The number of requests: the integral of the rate."""
        return (self.before + self.after) / 2 * self.duration_ns / NS_PER["s"]

    def offset_ns(self, requests: float) -> float:
        """Return the time from the beginning until so many requests have arrived, in ns."""
        seconds = self.duration_ns / NS_PER["s"]
        # The root of before * t + slope * t^2 / 2 = requests, in the form that is exact for a slope near zero.
        discriminant = self.before**2 + 2 * (self.after - self.before) / seconds * requests
        speed = self.before + math.sqrt(max(discriminant, 0.0))
        return min(2 * requests / speed, seconds) * NS_PER["s"] if speed else 0.0


def ramps(targets: Sequence[tuple[float, int]]) -> list[Stage]:
    """Return the stages that lead from no requests to each target rate in turn.

    Args:
        targets: the rate at the end of each stage, in requests per second, with the stage's duration in ns.
    """
    rates = [0.0, *(rate for rate, _ in targets)]
    return [Stage(before, after, duration) for before, (after, duration) in zip(rates, targets, strict=False)]


def intended_starts(stages: Sequence[Stage], arrival: Arrival, seed: int = 0) -> Iterator[int]:
    """Yield the intended start of each request, ascending, in ns from the beginning of the load.

    Args:
        stages: the rate over time.
        arrival: the way in which requests arrive.
        seed: of Poisson arrivals: the same seed gives the same starts.
    """
    generator = random.Random(seed)  # noqa: S311 - a simulation, no secret
    is_poisson = arrival is Arrival.POISSON
    due = generator.expovariate(1) if is_poisson else 0.0
    begin_ns, reached = 0, 0.0
    for stage in stages:
        end = reached + stage.requests
        # A start at the very end belongs to the next stage; sums of shares are not exact in binary.
        while due < end - 1e-9:
            yield begin_ns + round(stage.offset_ns(max(due - reached, 0.0)))
            due += generator.expovariate(1) if is_poisson else 1.0
        begin_ns, reached = begin_ns + stage.duration_ns, end
