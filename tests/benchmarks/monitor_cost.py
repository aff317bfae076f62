"""The cost of the monitor: time of an observation and of a span, time of a summary, and memory after 10^7 observations.

python tests/benchmarks/monitor_cost.py [observations]
"""

from __future__ import annotations

import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable

from pytest_perfbudget.config import parse_settings
from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.tracing import Span, track

SETTINGS = parse_settings({"components": {"gateway": {"p95_ms": 50}}}, "pyproject.toml")
CALLS = 100_000
REPEATS = 9


def cost_us(function: Callable[[], object], calls: int = CALLS) -> float:
    """Return the median time of a call, in us."""
    found = []
    for _ in range(REPEATS):
        start_ns = time.perf_counter_ns()
        for _ in range(calls):
            function()
        found.append((time.perf_counter_ns() - start_ns) / calls / 1000)
    return statistics.median(found)


def empty() -> None:
    """Do what an observation is compared with."""


class SecondsClock:
    """A clock by which a million observations take 200 s, so that all rings are in use."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        self.now_ns += 200_000
        return self.now_ns


def observations() -> None:
    """Print the cost of an observation."""
    with Monitor(SETTINGS, in_background=False) as monitor:
        base = cost_us(empty)
        span = Span("gateway", 1, 2, 0, 0, 3_000_000, 0)
        print(f"observe         {cost_us(lambda: monitor.observe('gateway', 0.003)) - base:.2f} us")
        print(f"take_span       {cost_us(lambda: monitor.take_span(span)) - base:.2f} us")

        @track("gateway")
        def tracked() -> None:
            """Do nothing within a span."""

        print(f"track, whole    {cost_us(tracked) - base:.2f} us")


def memory(number: int) -> None:
    """Print the memory of the monitor as observations are added, and the time of a summary at the end."""
    clock = SecondsClock()
    rng = random.Random(7)
    durations = [rng.lognormvariate(-5, 1.2) for _ in range(9973)]
    tracemalloc.start()
    with Monitor(SETTINGS, in_background=False, clock=clock, takes_spans=False) as monitor:
        step = max(number // 10, 1)
        for done in range(number):
            if done % step == 0:
                print(f"{done:>10,} observations: {tracemalloc.get_traced_memory()[0] / 1e6:.2f} MB")
            monitor.observe("gateway", durations[done % 9973])
        print(f"{number:>10,} observations: {tracemalloc.get_traced_memory()[0] / 1e6:.2f} MB")
        tracemalloc.stop()
        print(f"summary         {cost_us(monitor.summary, 20) / 1000:.1f} ms for one component")
        print(f"openmetrics     {cost_us(monitor.openmetrics, 20) / 1000:.1f} ms for one component")
        assert monitor.summary()["components"]["gateway"]["requests_total"] == number


if __name__ == "__main__":
    observations()
    memory(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
