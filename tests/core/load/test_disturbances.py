"""Pauses of the generator: the requests that no pause has disturbed tell whether a server is too slow."""

from __future__ import annotations

import heapq
from array import array

import numpy as np
import pytest
from queues import queue_quantile
from simulations import at_most

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.arrivals import Arrival, Stage
from pytest_perfbudget.core.load.disturbances import Disturbances
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.results import BudgetResult

ERRORS = Errors(exceeded=0.01, within=0.05)
S, MS = 1_000_000_000, 1_000_000
SERVICE_MS = 5.0


def paused_load(
    utilisation: float, share: float, run: int, *, slower: float = 1.0, requests: int = 1_000
) -> LoadRecord:
    """Return an open load of a server that works on one request at a time, by a generator that pauses at random.

    Args:
        utilisation: of the server.
        share: of the time in which the generator is in a pause of 60 ms on average.
        run: the seed.
        slower: the factor of the service times, with as many times fewer arrivals.
        requests: the number of requests.
    """
    generator = np.random.default_rng((17, run))
    service = generator.exponential(slower * SERVICE_MS * MS, requests)
    due = np.cumsum(generator.exponential(slower * SERVICE_MS * MS / utilisation, requests))
    pauses, at = [], 0.0
    while at < due[-1] + S:
        at += generator.exponential(60 * MS * (1 - share) / share)
        pauses.append((at, at + generator.exponential(60 * MS)))
        at = pauses[-1][1]
    ends = np.array([end for _, end in pauses])
    begins = np.array([begin for begin, _ in pauses])

    def noticed(time_ns: float) -> float:
        """Return the time at which the generator acts on something that happens at a time."""
        at = int(np.searchsorted(ends, time_ns))
        return float(ends[at]) if begins[at] < time_ns else time_ns

    events: list[tuple[float, int, int]] = []
    free = 0.0
    late = []
    for number in range(requests):
        start = noticed(due[number])
        late.append(start - due[number])
        free = max(free, start) + service[number]
        heapq.heappush(events, (start, 0, number))
        heapq.heappush(events, (noticed(free), 1, number))
    found, latencies = Disturbances(), Latencies()
    while events:
        now, is_answer, number = heapq.heappop(events)
        if not is_answer:
            if late[number] > MS:
                found.note(round(now), round(late[number]))
            continue
        latencies.append(round(now - due[number]))
        found.mark(len(latencies) - 1, round(due[number]))
    rate = 1_000 / (slower * SERVICE_MS) * utilisation
    length_ns = round(due[-1])
    return LoadRecord(
        LoadPlan(stages=(Stage(rate, rate, length_ns),), duration_ns=length_ns, arrival=Arrival.POISSON),
        latencies,
        array("b", bytes(requests)),
        elapsed_ns=length_ns,
        generator=GeneratorFacts(float(np.quantile(late, 0.99)), lateness_max_ns=max(late)),
        disturbances=found,
    )


def judged(record: LoadRecord, statistic: str, limit_ms: float) -> BudgetResult:
    return LoadGate(parse_budgets({f"{statistic}_ms": limit_ms}, "call"), ERRORS).judge(record)[0]


SHARES = {"median": 0.5, "p95": 0.95}


@pytest.mark.parametrize("runs", [30, pytest.param(200, id="all runs", marks=pytest.mark.slow)])
@pytest.mark.parametrize("pauses", [0.05, 0.2])
@pytest.mark.parametrize("statistic", SHARES)
@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_a_server_within_its_limit_is_not_blamed(utilisation: float, statistic: str, pauses: float, runs: int) -> None:
    """The limit is the exact quantile of the server without a pause."""
    limit_ms = SERVICE_MS * queue_quantile(SHARES[statistic], utilisation)
    found = [judged(paused_load(utilisation, pauses, run), statistic, limit_ms) for run in range(runs)]
    assert sum(one.verdict.value == "exceeded" for one in found) <= at_most(ERRORS.exceeded, runs)
    assert sum(one.verdict.value == "within" for one in found) == 0


@pytest.mark.parametrize("pauses", [0.05, 0.2])
def test_a_server_of_five_times_its_limit_exceeds_it_beside_the_pauses(pauses: float) -> None:
    """A pause lasts longer than the limit, so little is left when the lateness is taken off."""
    limit_ms = SERVICE_MS * queue_quantile(0.95, 0.5)
    found = [judged(paused_load(0.5, pauses, run, slower=5.0), "p95", limit_ms) for run in range(20)]
    assert [one.verdict.value for one in found].count("exceeded") >= 18
    assert any(
        "of 1,000 requests, which this may have delayed, count as fast in the bound" in one.reason for one in found
    )


def test_a_pause_disturbs_the_requests_in_it_and_soon_after() -> None:
    found = Disturbances()
    assert found.until_ns < 0
    found.mark(0, 0)
    found.note(100 * MS, 40 * MS)
    found.note(101 * MS, 2 * MS)
    for position, due_ms in enumerate([50, 100, 179, 181], start=1):
        found.mark(position, due_ms * MS)
    latencies = [float(one) for one in (1, 2, 3, 4, 5)]
    assert found.undisturbed(latencies, 10 * MS) == ([1, 0, 0, 0, 5], 3)
    assert found.undisturbed(latencies, 50 * MS) == (latencies, 0)
    assert found.copy().undisturbed(latencies, 10 * MS) == found.undisturbed(latencies, 10 * MS)


def test_a_later_pause_counts_for_the_requests_after_an_earlier_one() -> None:
    found = Disturbances()
    found.note(10 * MS, 5 * MS)
    found.note(200 * MS, 3 * MS)
    found.mark(0, 190 * MS)
    found.mark(1, 220 * MS)
    assert found.undisturbed([7.0, 8.0], 2 * MS) == ([0, 8.0], 1)
