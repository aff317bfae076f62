"""The gate of a load: verdicts on latencies, rates and errors, and none if the generator was the limit."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from load_records import ERRORS, MS, S, gate, record, verdicts
from queues import SERVERS
from simulations import COUNTS, at_most

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.load.arrivals import Arrival, Stage
from pytest_perfbudget.core.load.outcomes import Outcome
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord, ProcessFacts
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.results import BudgetVerdict


def test_latencies_rates_and_errors_are_judged() -> None:
    limits = {"p95_ms": 6, "max_ms": 4, "mean_ms": 6, "min_rps": 90, "max_error_rate": 0.05}
    assert verdicts(gate(**limits).judge(record(failures=10))) == {
        "p95_ms": "within",
        "max_ms": "exceeded",
        "mean_ms": "within",
        "min_rps": "within",
        "max_error_rate": "within",
    }
    few = {"min_rps": 101, "min_success_rate": 0.99}
    assert verdicts(gate(**few).judge(record(failures=100))) == {"min_rps": "exceeded", "min_success_rate": "exceeded"}


@pytest.mark.parametrize(
    ("ended_ns", "reason"),
    [(500_000_000, "the process ended after 500 ms"), (-5, "the process ended before the load"), (None, "")],
)
def test_numbers_of_a_process_that_ended_are_never_within(ended_ns: int | None, reason: str) -> None:
    process = ProcessFacts(peak_bytes=20e6, cpu_percent=30.0, ended_ns=ended_ns)
    limits = {"rss_mb": 100, "cpu_percent": 80}
    found = gate(**limits).judge(replace(record(), process=process))
    assert {one.reason for one in found} == {reason}
    assert set(verdicts(found).values()) == {"unmeasured" if reason else "within"}
    assert set(verdicts(gate(rss_mb=10).judge(replace(record(), process=process))).values()) == {"exceeded"}


@pytest.mark.parametrize(
    ("seconds", "in_time", "rps"),
    [
        (11.4, 999, 99.9),  # a single slow answer after the end of the load
        (11.4, 800, 1_000 / 11.4),  # a fifth of the answers came late
        (10.0, 0, 100),  # of another generator, which knows only the whole
    ],
)
def test_a_slow_answer_at_the_end_does_not_lower_the_rate(seconds: float, in_time: int, rps: float) -> None:
    found = replace(record(), elapsed_ns=round(seconds * S), in_time=in_time)
    assert found.rps == pytest.approx(rps)
    assert verdicts(gate(min_rps=rps - 0.1).judge(found)) == {"min_rps": "within"}
    (short,) = gate(min_rps=rps + 0.1).judge(found)
    assert short.verdict is BudgetVerdict.EXCEEDED
    assert short.reason == ("of the 10 s of the load, in which 999 successful requests ended" if in_time > 900 else "")
    closed = replace(found, plan=LoadPlan(users=1, requests=1_000))
    assert closed.rps == pytest.approx(1_000 / seconds)
    assert replace(found, ended_early="too many errors").rps == pytest.approx(1_000 / seconds)


def test_nothing_is_judged_of_a_server_whose_generator_was_late() -> None:
    """A tenth of the limit is allowed, for 1 % of the requests."""
    limits = gate(p95_ms=50, p99_ms=100, min_rps=10, max_error_rate=0.1)
    assert set(verdicts(limits.judge(record(lateness_p99_ns=4 * MS))).values()) == {"within"}
    found = limits.judge(record(lateness_p99_ns=6 * MS, cpu_share=0.98))
    assert verdicts(found) == {
        "p95_ms": "unmeasured", "p99_ms": "within", "min_rps": "within", "max_error_rate": "within",
    }  # fmt: skip
    assert found[0].reason == (
        "the generator could not keep the load: 1 % of the answers were noticed more than 6 ms late (5 ms are allowed, a tenth "
        "of the limit); it used 98% of a CPU, 9.8 ms for each request: the request computes that long itself, or a server "
        "in the same process does"
    )
    (quick,) = gate(p95_ms=50).judge(record([1.0] * 20_000, lateness_p99_ns=6 * MS, cpu_share=0.98))
    assert quick.reason.endswith("it used 98% of a CPU")


def test_a_tight_limit_leaves_the_other_limits_judged() -> None:
    """An error is no error of the generator because a limit of 1 ms cannot be measured."""
    limits = {"p95_ms": 1, "p99_ms": 50, "mean_ms": 50, "max_error_rate": 0.05}
    slow = record([70.0] * 1_000, failures=200, lateness_p99_ns=2 * MS)
    assert verdicts(gate(**limits).judge(slow)) == {
        "p95_ms": "exceeded", "p99_ms": "exceeded", "mean_ms": "exceeded", "max_error_rate": "exceeded",
    }  # fmt: skip
    quick = record([2.0] * 1_000, lateness_p99_ns=2 * MS)
    assert verdicts(gate(**limits).judge(quick)) == {
        "p95_ms": "unmeasured", "p99_ms": "within", "mean_ms": "within", "max_error_rate": "within",
    }  # fmt: skip
    assert verdicts(gate(p95_ms=50).judge(record([70.0] * 1_000, lateness_p99_ns=20 * MS))) == {"p95_ms": "unmeasured"}


def test_a_server_that_is_far_too_slow_exceeds_its_limit_in_spite_of_a_late_generator() -> None:
    limits = gate(p95_ms=10, mean_ms=10, max_ms=10, min_rps=1_000)
    slow = record([70.0] * 1_000, lateness_p99_ns=20 * MS, lateness_max_ns=65 * MS)
    found = limits.judge(slow)
    assert verdicts(found) == {
        "p95_ms": "exceeded", "mean_ms": "exceeded", "max_ms": "unmeasured", "min_rps": "exceeded",
    }  # fmt: skip
    assert (found[0].estimate, found[1].estimate) == pytest.approx((70 * MS, 70 * MS))  # as measured
    assert (found[0].lower, found[1].lower) == pytest.approx((50 * MS, 49.5 * MS))  # of the server
    assert found[0].reason == (
        "the generator was late, 1 % of the answers were noticed more than 20 ms late: the bound is without this "
        "lateness, the number with it"
    )
    near = record([29.0] * 1_000, lateness_p99_ns=20 * MS)
    assert verdicts(limits.judge(near)) == dict.fromkeys(["p95_ms", "mean_ms", "max_ms"], "unmeasured") | {
        "min_rps": "exceeded"
    }
    steadier = record([70.0] * 1_000, lateness_p99_ns=20 * MS, lateness_max_ns=25 * MS)
    assert verdicts(limits.judge(steadier))["max_ms"] == "exceeded"
    other = record([70.0] * 1_000, overloaded="locust says so")
    assert verdicts(limits.judge(other))["p95_ms"] == "unmeasured"


def paused(lateness_ms: int, most_ms: int) -> LoadRecord:
    """Return a record of 5,000 requests, of which 0.8 % have waited for a paused generator."""
    latencies = [1.0] * 4_960 + [float(one) for one in range(1, most_ms, most_ms // 40)]
    return record(latencies, lateness_p999_ns=0.9 * lateness_ms * MS, lateness_max_ns=lateness_ms * MS, cpu_share=0.06)


def test_one_pause_of_the_generator_is_not_the_server() -> None:
    limits = gate(max_ms=150, p999_ms=150, mean_ms=150)
    found = limits.judge(paused(200, 201))
    assert {found[0].verdict, found[2].verdict} == {BudgetVerdict.UNMEASURED, BudgetVerdict.WITHIN}
    assert found[0].reason == (
        "the generator paused: an answer was noticed 200 ms late (15 ms are allowed, a tenth of the limit); it used 6% of "
        "a CPU, so it waited: for a request or a user= with code that blocks the event loop, or for a busy machine"
    )
    in_threads = paused(200, 201)
    in_threads = replace(in_threads, generator=replace(in_threads.generator, in_threads=True))
    reason = limits.judge(in_threads)[0].reason
    assert reason.endswith("a request or a user= with code that lets no other thread run, or for a busy machine")
    assert found[1].verdict is not BudgetVerdict.EXCEEDED
    (most, *_) = limits.judge(paused(200, 401))
    assert most.verdict is BudgetVerdict.EXCEEDED
    assert (most.estimate, most.lower) == pytest.approx((391 * MS, 191 * MS))
    (calm, *_) = limits.judge(paused(10, 201))
    assert (calm.verdict, calm.reason) == (BudgetVerdict.EXCEEDED, "")


def unanswered(number: int, raised: int = 0, **generator: Any) -> LoadRecord:
    """Return a record of 1,000 requests that had an answer, of some that had none, and of some that raised."""
    found = record(failures=number + raised, **generator)
    for _ in range(number):
        found.latencies.append_unanswered(2 * S)
    return replace(found, outcomes=array("b", [Outcome.GIVEN_UP] * number + [1] * raised + [0] * 1_000))


def test_a_late_generator_does_not_excuse_errors_that_a_client_raised_itself() -> None:
    late = unanswered(300, lateness_p99_ns=500 * MS)
    by_client = array("b", [Outcome.NO_ANSWER] * 300 + [Outcome.ANSWERED] * 1_000)
    (found,) = gate(max_error_rate=0.01).judge(replace(late, outcomes=by_client))
    assert found.verdict is BudgetVerdict.EXCEEDED
    (by_load,) = gate(max_error_rate=0.01).judge(late)
    assert by_load.verdict is BudgetVerdict.UNMEASURED


@pytest.mark.parametrize("limit", [{}, {"max_error_rate": 0.05}, {"min_success_rate": 0.95}])
def test_requests_that_a_late_generator_gave_up_are_no_errors_of_the_server(limit: dict[str, float]) -> None:
    (found,) = gate(**limit).judge(unanswered(200, lateness_p99_ns=500 * MS))
    assert found.verdict is BudgetVerdict.UNMEASURED
    assert "(150 ms are allowed, a tenth of the time that an answer is awaited)" in found.reason
    (raised,) = gate(**limit).judge(unanswered(200, 200, lateness_p99_ns=500 * MS))
    assert raised.verdict is BudgetVerdict.EXCEEDED
    (in_time,) = gate(**limit).judge(unanswered(200, lateness_p99_ns=100 * MS))
    assert in_time.verdict is BudgetVerdict.EXCEEDED


def test_a_rate_that_the_generator_could_not_send_is_unmeasured() -> None:
    """Of users, half of the lateness lies between an answer of 5 ms and the next request."""
    limits = gate(min_rps=110)
    (slow,) = limits.judge(record(lateness_p50_ns=0.9 * MS))
    assert slow.verdict is BudgetVerdict.EXCEEDED
    (late,) = limits.judge(record(lateness_p50_ns=2 * MS, cpu_share=1.0))
    assert late.verdict is BudgetVerdict.UNMEASURED
    assert late.reason == (
        "without the lateness of the generator the rate may reach the limit: half of the answers were noticed more than "
        "2 ms late; it used 100% of a CPU, 10 ms for each request: the request computes that long itself, or a server in "
        "the same process does"
    )


LATE: dict[str, Any] = {"lateness_p50_ns": 20 * MS, "lateness_p99_ns": 40 * MS, "lateness_max_ns": 50 * MS}
"""A user whose requests take 100 ms loses at most 30 ms of each to the generator."""


@pytest.mark.parametrize(("limit", "verdict"), [(90, "within"), (140, "unmeasured"), (150, "exceeded")])
def test_a_rate_that_is_too_low_whatever_the_lateness_of_the_generator_is_the_servers(
    limit: float, verdict: str
) -> None:
    """Ten users make 100 requests/s, and would make 143 if no answer was noticed late."""
    found = gate(min_rps=limit, max_ms=100).judge(record(**LATE))[0]
    assert found.verdict.value == verdict
    assert (found.reason == "without the lateness of the generator the rate is at most 143 rps") is (limit == 150)
    other = gate(min_rps=limit).judge(record(overloaded="it says so"))[0]
    assert other.verdict.value != "exceeded"


@pytest.mark.parametrize(
    ("limit", "given_up", "verdict"), [(105, 0, "unmeasured"), (120, 0, "exceeded"), (120, 200, "unmeasured")]
)
def test_the_longest_lateness_delays_the_last_answer_of_an_open_load(limit: float, given_up: int, verdict: str) -> None:
    """Requests that were given up might have been answered in time."""
    rate = (1_000 + given_up) / 10
    plan = LoadPlan(stages=(Stage(rate, rate, 10 * S),), duration_ns=10 * S)
    late = replace(unanswered(given_up, lateness_p99_ns=500 * MS, lateness_max_ns=S), plan=plan, in_time=900)
    assert gate(min_rps=limit, max_ms=4_000).judge(late)[0].verdict.value == verdict


@pytest.mark.parametrize(("rate", "verdict"), [(120, "unmeasured"), (100, "exceeded")])
def test_a_rate_of_arrivals_that_were_not_sent_is_unmeasured(rate: float, verdict: str) -> None:
    plan = LoadPlan(stages=(Stage(rate, rate, 10 * S),), duration_ns=10 * S)
    (found,) = gate(min_rps=110).judge(replace(record(), plan=plan))
    assert found.verdict.value == verdict
    assert verdict == "exceeded" or "sent 1,000 of 1,200 requests" in found.reason


@pytest.mark.parametrize(("sent", "verdict"), [(0, "exceeded"), (20, "unmeasured")], ids=["all", "20 were not sent"])
def test_poisson_arrivals_are_those_of_their_seed_and_not_the_rate(sent: int, verdict: str) -> None:
    """By chance, the seed has fewer requests than the rate; these are all that the generator has to send."""
    plan = LoadPlan(stages=(Stage(100, 100, 5 * S),), duration_ns=5 * S, arrival=Arrival.POISSON)
    assert plan.planned_requests < 490
    served = replace(record([5.0] * (plan.planned_requests - sent), seconds=7.0), plan=plan)
    (found,) = gate(min_rps=95).judge(served)
    assert found.verdict.value == verdict


def test_what_a_load_cannot_measure_is_said() -> None:
    (result,) = gate(peak_mb=5).judge(record())
    assert result.verdict is BudgetVerdict.UNMEASURED
    assert "perf(...)" in result.reason
    general = LoadGate(parse_budgets({"max_calls": 5}, "component", general=True), ERRORS)
    assert general.judge(record()) == []
    everywhere = LoadGate(parse_budgets({"max_calls": 5, "rss_mb": 5}, "table", general=True, everywhere=True), ERRORS)
    assert (everywhere.judge(record()), everywhere.left_out(record())) == ([], [])
    assert "max_calls of component is left out" in general.left_out(record())[0]


def test_a_load_without_an_answer_has_no_latency() -> None:
    (latency, errors) = gate(p95_ms=5).judge(record([], failures=20))
    assert latency.verdict is BudgetVerdict.UNMEASURED
    assert latency.reason == "no request was answered: all 20 failed with OSError: refused"
    assert errors.verdict is BudgetVerdict.EXCEEDED


class TestEarlyEnd:
    def test_a_slow_server_ends_its_load(self) -> None:
        assert gate(p95_ms=5).why_end_early(record([20.0] * 400), 1) == "p95 exceeds its limit by far"

    def test_a_late_generator_ends_nothing(self) -> None:
        assert not gate(p95_ms=5).why_end_early(record([20.0] * 400, lateness_p99_ns=MS), 1)

    @pytest.mark.parametrize("runs", COUNTS)
    @pytest.mark.parametrize("name", ["M/M/1 at 50 %", "M/M/1 at 80 %", "bursty"])
    def test_a_server_near_its_limit_is_seldom_ended(self, name: str, runs: int) -> None:
        """The true p95 is 0.9 of the limit: at most alpha of all runs may end early."""
        latencies, exact = SERVERS[name]
        budget = gate(p95_ms=exact(0.95) / 0.9)
        ended = 0
        for run in range(runs):
            values = latencies(3_200, np.random.default_rng((9, run)))
            ended += any(
                budget.why_end_early(record((values[:seen]).tolist()), look)
                for look, seen in enumerate([50, 100, 200, 400, 800, 1_600, 3_200], start=1)
            )
        assert ended <= at_most(ERRORS.exceeded, runs)
