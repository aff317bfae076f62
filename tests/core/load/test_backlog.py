"""The achieved rate of an open load: a service that keeps up reaches the rate, one that falls behind does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from queues import queue
from virtual_loads import load
from virtual_time import VirtualLoop

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.arrivals import Stage
from pytest_perfbudget.core.load.backlog import MOST_DELAY, delay_ns
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.results import BudgetResult

S = 1_000_000_000
PLAN = LoadPlan(stages=(Stage(50.0, 50.0, 2 * S),), duration_ns=2 * S)


def served(service_s: float, *, latency_s: float = 0.0, fails: int = 0) -> LoadRecord:
    """Return the record of 100 requests in 2 s to a service that answers one after the other, and then has a latency."""
    loop = VirtualLoop()
    free_s, number = 0.0, 0

    async def request() -> None:
        nonlocal free_s, number
        number += 1
        own = number
        free_s = max(free_s, loop.time()) + service_s
        await loop.sleep(free_s - loop.time() + latency_s)
        if own <= fails:
            raise OSError

    return load(loop, PLAN, request)


def judged(record: LoadRecord, min_rps: float) -> BudgetResult:
    limits = {"min_rps": min_rps, "max_error_rate": 1}
    return LoadGate(parse_budgets(limits, "call"), Errors(0.01, 0.05)).judge(record)[0]


@pytest.mark.parametrize("latency_s", [0.0, 0.1, 0.4])
def test_a_service_that_answers_every_request_of_the_schedule_reaches_its_rate(latency_s: float) -> None:
    """The last answers come after the 2 s, so fewer than 100 came within them."""
    found = served(0.01, latency_s=latency_s)
    assert found.rps == 50
    assert judged(found, 50).verdict.value == "within"
    assert judged(found, 50.1).verdict.value == "exceeded"
    said = judged(found, 50).reason
    assert said == ("of the 2 s in which requests were due: the service kept up with them" if latency_s else "")


@pytest.mark.parametrize(("service_s", "rps"), [(1 / 48, 48), (1 / 45, 45), (1 / 40, 40), (1 / 25, 32)])
def test_a_service_that_falls_behind_does_not(service_s: float, rps: float) -> None:
    """At 25/s, many requests of the backlog are given up 1.5 s after the end."""
    found = served(service_s)
    assert found.rps == pytest.approx(rps, rel=0.02) if rps > 32 else found.rps < 32
    assert judged(found, 50).verdict.value == "exceeded"


def test_requests_that_fail_lower_the_rate_of_a_service_that_keeps_up() -> None:
    found = served(0.01, latency_s=0.1, fails=10)
    assert found.rps == 45
    assert judged(found, 46).verdict.value == "exceeded"


def test_a_delay_of_the_generator_is_not_the_service_s() -> None:
    """The service falls behind by 0.2 s; a generator that was late by as much may be the cause."""
    found = served(1 / 45)
    late = replace(found, generator=GeneratorFacts(lateness_p99_ns=0.25 * S, lateness_max_ns=0.25 * S))
    assert judged(late, 50).verdict.value == "unmeasured"
    assert judged(late, 80).verdict.value == "exceeded"


@pytest.mark.parametrize(("utilisation", "most"), [(0.5, 0.01), (0.8, 0.03), (0.9, 0.12)])
def test_a_random_queue_that_keeps_up_seldom_looks_as_if_it_fell_behind(utilisation: float, most: float) -> None:
    """500 requests in 10 s; one server at 90 % has a long queue at the end of some loads, and is behind there."""
    behind = [
        delay_ns((queue(500, utilisation, np.random.default_rng((1, run))) * utilisation / 50).tolist())
        > MOST_DELAY * 10
        for run in range(400)
    ]
    assert np.mean(behind) <= most


@pytest.mark.parametrize(("capacity", "least"), [(0.8, 0.99), (0.9, 0.8), (0.5, 1.0)])
def test_a_random_queue_that_falls_behind_is_seen(capacity: float, least: float) -> None:
    seen = 0
    for run in range(200):
        generator = np.random.default_rng((2, run))
        free_s, latencies = 0.0, []
        for due_s, service_s in zip(np.arange(500) / 50, generator.exponential(1 / 50 / capacity, 500), strict=True):
            free_s = max(free_s, due_s) + service_s
            latencies.append(free_s - due_s)
        seen += delay_ns(latencies) > MOST_DELAY * 10
    assert seen >= 200 * least
