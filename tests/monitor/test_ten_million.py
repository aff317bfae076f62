"""Ten million observations: all are counted, percentiles keep their stated error, and the memory stays the same."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import pytest

from pytest_perfbudget.monitor import Monitor

Make = Callable[..., Monitor]
MANY = 10_000_000
GATEWAY = {"components": {"gateway": {"p95_ms": 50}}}


def kept_bytes(monitor: Monitor, now_ns: int) -> int:
    """Return the size of all histograms of the component."""
    history = monitor._own(now_ns).histories["gateway"]
    tallies = [history.total, *(one for level in history.slots for one in level.values())]
    return sum(sys.getsizeof(one.packed) + sys.getsizeof(one.packed_errors) for one in tallies)


@pytest.mark.slow
def test_ten_million_observations_are_counted_in_constant_memory(make_monitor: Make, wall: Any) -> None:
    chosen = random.Random(22)
    durations = [chosen.lognormvariate(-5, 1.2) for _ in range(9973)]
    monitor = make_monitor(GATEWAY)
    sizes = []
    given = cycle(durations)
    for _ in range(10):
        for _ in range(100):
            for one in islice(given, MANY // 1000):
                monitor.observe("gateway", one)
            wall.advance(180)  # two days in all: from the second on, every ring is full
        sizes.append(kept_bytes(monitor, wall.now_ns))
    summary = monitor.summary()["components"]["gateway"]
    assert summary["requests_total"] == MANY
    assert max(sizes) < 1_000_000
    assert max(sizes[5:]) < 1.1 * min(sizes[5:])
    ordered = sorted(durations)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact_ms = 1000 * ordered[int(share * len(ordered))]
        assert summary["windows"]["1h"][f"{name}_ms"] == pytest.approx(exact_ms, rel=0.017)
