"""perf_load.capacity: the highest rate that keeps its limits."""

from __future__ import annotations

import asyncio
import math
import random
import re
from array import array
from collections.abc import Callable
from itertools import count

import pytest
from scripting import Project
from virtual_time import LoopPacer, VirtualLoop, run_virtually

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.capacity_gate import judge_capacity
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.arrivals import Arrival
from pytest_perfbudget.core.load.capacity import CapacitySearch, Probe
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord
from pytest_perfbudget.measure.load.async_load import AsyncLoad
from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.recorder import LoadRecorder
from pytest_perfbudget.plugin.measuring.capacity import CapacityPlan, probes

ERRORS = Errors(exceeded=0.01, within=0.05)
S = 1_000_000_000


def find(
    loop: VirtualLoop,
    service_s: Callable[[], float],
    arrival: Arrival,
    *,
    seconds: float = 200,
    first_rate: float = 10.0,
    probe_s: int = 4,
) -> CapacitySearch:
    """Search for the capacity of a server that works on one request at a time, also on those that were given up."""

    async def search() -> CapacitySearch:
        free_s = 0.0

        async def request() -> None:
            nonlocal free_s
            free_s = max(free_s, loop.time()) + service_s()
            await asyncio.sleep(free_s - loop.time())

        plan = CapacityPlan(first_rate, probe_s * S, round(seconds * S), arrival, 30 * S)
        going = probes(plan, parse_budgets({"p95_ms": 50}, "call"), ERRORS, loop.now_ns)
        load = next(going)
        while True:
            recorder = LoadRecorder(loop.clock)
            await AsyncLoad(load, LoadCall(request), recorder, pacer=LoopPacer(loop)).run()
            record: LoadRecord = recorder.record(load)
            try:
                load = going.send(record)
            except StopIteration as end:
                found, late = end.value
                assert not late
                return found  # type: ignore[no-any-return]

    return run_virtually(loop, search())


def test_the_capacity_is_the_service_rate_of_a_server_that_always_needs_as_long() -> None:
    found = find(VirtualLoop(), lambda: 0.005, Arrival.CONSTANT)
    assert found.lower == pytest.approx(200, rel=0.06)
    assert found.estimate == pytest.approx(200, rel=0.06)


def test_the_capacity_of_a_random_queue_is_that_of_the_theory() -> None:
    """The latency of an M/M/1 queue is exponential with the rate m - r, so its p95 is 50 ms at r = m - ln(20) / 0.05.

    Its p95 varies by a fifth in a probe of 2 s, so the probes are longer.
    """
    generator = random.Random(5)
    found = find(
        VirtualLoop(),
        lambda: generator.expovariate(200),
        Arrival.POISSON,
        seconds=2_000,
        first_rate=50,
        probe_s=40,
    )
    assert found.estimate == pytest.approx(200 - math.log(20) / 0.05, rel=0.1)


def test_a_search_is_bounded_in_time() -> None:
    loop = VirtualLoop()
    found = find(loop, lambda: 0.005, Arrival.CONSTANT, seconds=10)
    assert found.upper is None
    assert len(found.probes) == 3
    assert loop.time() < 14


def test_a_search_from_far_above_the_capacity_finds_it() -> None:
    """The server works for 13 seconds on the requests of the first probe, and slows down no other probe."""
    found = find(VirtualLoop(), lambda: 0.005, Arrival.CONSTANT, first_rate=800)
    assert found.estimate == pytest.approx(200, rel=0.1)
    assert [one.is_kept for one in found.probes][:3] == [False, False, True]
    assert verdict_on(180, found) == ("within", "")
    assert verdict_on(220, found) == ("exceeded", "")
    assert 0 < found.elapsed_ns < 100 * S


def test_a_server_that_does_not_recover_ends_the_search() -> None:
    """The rates below the first are unknown, so a lower limit is undecided."""
    loop = VirtualLoop()
    found = find(loop, lambda: 0.005 if loop.time() < 2 else 0.5, Arrival.CONSTANT, first_rate=800, seconds=30)
    assert [(one.rate, one.is_kept) for one in found.probes] == [(800, False)]
    assert loop.time() < 40
    verdict, reason = verdict_on(40, found)
    assert verdict == "undecided"
    assert re.fullmatch(
        r"\S+ s after 800 requests per second the service was still busy: a single request failed, and took 5 ms .*",
        reason,
    )
    assert verdict_on(1_000, found) == ("exceeded", "")


def test_a_server_that_is_down_is_exceeded() -> None:
    found = find(VirtualLoop(), lambda: 1e9, Arrival.CONSTANT, seconds=40)
    assert found.lower == 0
    assert verdict_on(5, found) == ("exceeded", "")


def test_a_rate_at_which_no_request_arrives_ends_the_search() -> None:
    """A probe without a request would keep every limit."""
    found = find(VirtualLoop(), lambda: 1e9, Arrival.POISSON, first_rate=1)
    assert [(one.rate, one.is_kept) for one in found.probes] == [(1, False), (0.5, False)]
    assert verdict_on(0.2, found) == ("undecided", "no request was due in a probe of 4 s at 0.25 requests per second")


def test_a_stall_in_one_probe_breaks_nothing() -> None:
    stalls = iter([0.2])  # one request of the first probe
    found = find(VirtualLoop(), lambda: next(stalls, 0.005), Arrival.POISSON)
    assert found.lower > 100


def verdict_on(limit: float, search: CapacitySearch) -> tuple[str, str]:
    """Return the verdict on a lower limit, with its reason."""
    (budget,) = parse_budgets({"min_capacity_rps": limit}, "call")
    found = judge_capacity(budget, search, "")
    return found.verdict.value, found.reason


@pytest.mark.parametrize(
    ("limit", "verdict"), [(100, "within"), (150, "undecided"), (200, "exceeded"), (250, "exceeded")]
)
def test_the_interval_decides(limit: float, verdict: str) -> None:
    search = CapacitySearch(100, [Probe(100, is_kept=True), Probe(200, is_kept=False)])
    assert verdict_on(limit, search) == (verdict, "")


def test_a_generator_that_was_late_leaves_the_limit_unmeasured() -> None:
    (budget,) = parse_budgets({"min_capacity_rps": 150}, "call")
    found = judge_capacity(budget, CapacitySearch(100, [Probe(100, is_kept=True)]), "the generator was late")
    assert (found.verdict.value, found.reason) == ("unmeasured", "the generator was late")


def search_beside_a_busy_machine(late: set[int]) -> tuple[CapacitySearch, str]:
    """Search for the capacity of a service that answers 100 requests per second; some probes have a late generator."""
    now, numbers = [0], count()
    plan = CapacityPlan(50.0, 2 * S, 60 * S, Arrival.CONSTANT, 30 * S)
    going = probes(plan, parse_budgets({"p95_ms": 50}, "call"), ERRORS, lambda: now[0])
    load = next(going)
    while True:
        now[0] += load.duration_ns
        is_probe = load.duration_ns == plan.probe_ns
        is_slow = is_probe and load.stages[0].before > 100
        lateness_ns = 0.1 * S * (is_probe and next(numbers) in late)
        requests = round(load.stages[0].requests)
        record = LoadRecord(
            load,
            Latencies([S // 10 if is_slow else S // 1_000] * requests),
            array("b", bytes(requests)),
            elapsed_ns=load.duration_ns,
            generator=GeneratorFacts(lateness_p99_ns=lateness_ns),
        )
        try:
            load = going.send(record)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def test_a_probe_in_which_the_generator_was_late_is_made_again() -> None:
    undisturbed, why = search_beside_a_busy_machine(set())
    assert (undisturbed.lower, why) == (100, "")
    found, why = search_beside_a_busy_machine({0, 2, 3})
    assert (found.probes, why) == (undisturbed.probes, "")


def test_a_generator_that_is_late_again_and_again_ends_the_search() -> None:
    found, why = search_beside_a_busy_machine({1, 2, 3})
    assert [one.rate for one in found.probes] == [50]
    assert why.startswith("the generator could not keep the load: 1 % of the requests started more than 100 ms late")


def test_the_fixture_finds_and_judges_it(each_way: Project) -> None:
    """No rate breaks the limit before the time is up."""
    each_way.run("""
def test_it(perf_load):
    found = perf_load.capacity(
        lambda: None, first_rate=50, probe="200ms", duration="200ms", max_ms=60_000, min_capacity_rps=20
    )
    assert (found.lower, found.upper, len(found.probes)) == (50, None, 1)

def test_async(perf_load):
    import asyncio
    async def request(): await asyncio.sleep(0)
    async def main():
        return await perf_load.capacity(
            request, first_rate=50, probe="200ms", duration="200ms", max_ms=60_000, min_capacity_rps=1e6
        )
    assert asyncio.run(main()).rps == 50
""").assert_outcomes(passed=2)
    assert each_way.verdicts() == {
        "test_it lambda capacity": "within",
        "test_async request capacity": "undecided",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("5, p95_ms=50", "a request has no arguments but the value of user=: *"),
        ("", "give the limits that a rate has to keep, such as p95_ms=50"),
        ("p95_ms=5, duration='5'", "duration: expected a duration above zero in s, ms, us or ns*"),
        (
            "p95_ms=5, probe='2s', duration='1s'",
            "probe='2s' is longer than duration='1s', in which the search has to make several: give a shorter probe= *",
        ),
        ("p95_ms=5, probe=2", "probe: expected a duration above zero in s, ms, us or ns*"),
        ("p95_ms=5, name='a\\nb'", "name= must be a text of one line, found *"),
        (
            "p95_ms=5, first_rate=0.1, probe='2s', arrival='poisson'",
            "no request is due in a probe of 2s at first_rate=0.1: give a longer probe=",
        ),
        ("p95_ms=5, min_rps=5", "min_rps is never judged here: *: limit the rate that it finds by min_capacity_rps"),
        ("p95_ms=5, users=5", "users= has no meaning here: the search chooses open loads of different rates: *"),
        ("p95_ms=5, rate=5", "rate= has no meaning here: *: first_rate= is the rate of the first"),
        ("p95_ms=5, first_rate=0", "first_rate must be a number of requests per second, above zero, found 0"),
    ],
)
def test_a_mistake_is_one_line(project: Project, arguments: str, message: str) -> None:
    result = project.run(f"def test_it(perf_load):\n    perf_load.capacity(lambda: None, {arguments})\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"perf_load.capacity() in test_it.py:*: {message}"])


DEAD = """
def request(): raise ConnectionRefusedError("port 5000")

def test_it(perf_load):
    perf_load.capacity(request, first_rate=80, probe="100ms", duration="500ms", max_ms=60_000, {limits})
"""


def test_a_service_that_answers_no_request_fails_the_test(project: Project) -> None:
    """A capacity of 0 would pass, and the service is down."""
    result = project.run(DEAD.format(limits="max_error_rate=0.01"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "perf_load.capacity() in test_it.py:*: no rate kept the limits, and the lowest was * rps (error_rate 100 %, "
            "limit 1 %; * x ConnectionRefusedError: port 5000): let the service keep the limits, or *"
        ]
    )
    project.run(DEAD.format(limits="max_error_rate=1")).assert_outcomes(passed=1)


@pytest.mark.parametrize("place", ["call", "table"])
def test_a_service_that_answers_no_request_exceeds_a_lower_limit_on_the_capacity(project: Project, place: str) -> None:
    limits, table = (
        ("min_capacity_rps=90", "") if place == "call" else ("", "[tool.perfbudget]\nmin_capacity_rps = 90\n")
    )
    result = project.run(DEAD.format(limits=limits), pyproject=table)
    result.assert_outcomes(failed=1)
    assert project.verdicts() == {"test_it request capacity": "exceeded"}
    result.stdout.fnmatch_lines(["request: capacity 0 rps falls short of its budget of 90 rps *", "  * x Connection*"])


def test_a_general_limit_on_the_achieved_rate_is_no_condition_of_a_search(project: Project) -> None:
    program = """
def test_it(perf_load):
    perf_load.capacity(list, first_rate=50, probe="200ms", duration="200ms", max_ms=60_000)
"""
    project.run(program, pyproject="[tool.perfbudget]\nmin_rps = 1000\n").assert_outcomes(passed=1)
    marked = "@pytest.mark.perf_budget(min_rps=1000)" + program
    result = project.run(marked)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_it.py:*: min_rps is never judged here: *min_capacity_rps"])
