"""The gate of a load: verdicts on latencies, rates and errors, and none if the generator was the limit."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from queues import SERVERS
from simulations import COUNTS, at_most

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.arrivals import Arrival, Stage
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord, ProcessFacts
from pytest_perfbudget.core.load_errors import expected_requests
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.errors import ConfigError

ERRORS = Errors(exceeded=0.01, within=0.05)
S = 1_000_000_000
MS = 1_000_000


def gate(**limits: float) -> LoadGate:
    return LoadGate(parse_budgets(limits, "call"), ERRORS)


def record(
    latencies_ms: list[float] | None = None,
    *,
    failures: int = 0,
    seconds: float = 10.0,
    **generator: Any,
) -> LoadRecord:
    """Return a record of successful requests, with failures spread evenly among them."""
    values = [5.0] * 1_000 if latencies_ms is None else latencies_ms
    total = len(values) + failures
    failed = array("b", bytes(total))
    for number in range(failures):
        failed[number * total // failures] = 1
    errors = [ErrorGroup("OSError", "refused", 0, 1, count=failures)] if failures else []
    return LoadRecord(
        LoadPlan(users=10, duration_ns=round(seconds * S)),
        Latencies(round(one * MS) for one in values),
        failed,
        errors,
        round(seconds * S),
        GeneratorFacts(**generator),
    )


def verdicts(results: list[BudgetResult]) -> dict[str, str]:
    return {one.keyword: one.verdict.value for one in results}


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


def test_the_bounds_of_a_success_rate_are_those_of_the_failures() -> None:
    (result,) = gate(min_success_rate=0.97).judge(record(failures=10))
    assert (result.unit, result.limit, result.verdict) == ("%", 97.0, BudgetVerdict.WITHIN)
    assert result.estimate == pytest.approx(100 * 1000 / 1010)
    assert result.lower is not None
    assert result.upper is not None
    assert 97 < result.lower < result.estimate < result.upper < 100  # type: ignore[operator]


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


def test_without_a_limit_on_errors_none_is_allowed() -> None:
    (result,) = gate().judge(record(failures=1))
    assert result.verdict is BudgetVerdict.EXCEEDED
    assert "no error is allowed" in result.source
    assert gate().judge(record()) == []
    assert verdicts(gate(max_error_rate=0.1).judge(record(failures=1))) == {"max_error_rate": "within"}


@pytest.mark.parametrize("limit", [{"max_error_rate": 0}, {"min_success_rate": 1}])
def test_a_limit_that_allows_no_error_is_decided_by_the_first_error(limit: dict[str, float]) -> None:
    (keyword,) = limit
    for total in (1, 5_000):
        assert verdicts(gate(**limit).judge(record([1.0] * total))) == {keyword: "within"}
        (found,) = gate(**limit).judge(record([1.0] * total, failures=1))
        assert (found.verdict, found.needs_rounds) == (BudgetVerdict.EXCEEDED, None)
    (nothing,) = gate(**limit).judge(record([]))
    assert (nothing.verdict, nothing.reason) == (BudgetVerdict.UNMEASURED, "no request was answered")


@pytest.mark.parametrize("limit", [{}, {"max_error_rate": 0}, {"min_success_rate": 1}])
def test_a_single_error_does_not_end_a_load_that_allows_none(limit: dict[str, float]) -> None:
    assert not gate(**limit).why_end_early(record([1.0] * 99, failures=1), 1)
    assert gate(**limit).why_end_early(record([1.0] * 50, failures=50), 1)


@pytest.mark.parametrize(("limit", "needs"), [(0.01, 597), (0.05, 117), (1, 40)])
def test_so_many_requests_without_an_error_show_a_limit_on_errors(limit: float, needs: int) -> None:
    (short,) = gate(max_error_rate=limit).judge(record([1.0] * (needs - 1)))
    assert (short.verdict, short.needs_rounds) == (BudgetVerdict.UNDECIDED, needs)
    assert verdicts(gate(max_error_rate=limit).judge(record([1.0] * needs))) == {"max_error_rate": "within"}


@pytest.mark.parametrize(
    ("failures", "total", "verdict"), [(0, 100, "undecided"), (0, 1000, "within"), (30, 1000, "exceeded")]
)
def test_a_success_rate_needs_enough_requests(failures: int, total: int, verdict: str) -> None:
    found = gate(min_success_rate=0.99).judge(record([1.0] * (total - failures), failures=failures))
    assert verdicts(found) == {"min_success_rate": verdict}


def with_burst(failures: int, at: int = 400, **generator: Any) -> LoadRecord:
    """Return a record of 1,000 requests, of which some in a row failed."""
    failed = array("b", bytes(at) + b"\1" * failures + bytes(1_000 - at - failures))
    return replace(record([5.0] * (1_000 - failures), failures=failures, **generator), failed=failed)


@pytest.mark.parametrize("limit", [{"max_error_rate": 0.01}, {"min_success_rate": 0.99}])
@pytest.mark.parametrize("at", [0, 400])
def test_errors_in_one_burst_are_errors_of_this_load(limit: dict[str, float], at: int) -> None:
    """A server that stands still for a while fails all requests of that time."""
    (found,) = gate(**limit).judge(with_burst(150, at))
    assert (found.verdict, found.effective) == (BudgetVerdict.EXCEEDED, None)
    assert found.reason == "the errors came close together: they are a fact of this load, and say little about the next"
    (spread,) = gate(**limit).judge(record([5.0] * 850, failures=150))
    assert (spread.verdict, spread.reason) == (BudgetVerdict.EXCEEDED, "")


@pytest.mark.parametrize("limit", [{"max_error_rate": 0.05}, {"min_success_rate": 0.95}])
@pytest.mark.parametrize("at", [0, 400])
def test_a_short_burst_below_the_limit_is_not_exceeded(limit: dict[str, float], at: int) -> None:
    (found,) = gate(**limit).judge(with_burst(40, at))
    assert found.verdict is BudgetVerdict.UNDECIDED


def test_more_errors_than_the_limit_may_be_chance() -> None:
    """Of 1,000 requests, 20 are more than 1 % allows in one of 100 loads, and 15 are not."""
    limit = gate(max_error_rate=0.01)
    assert verdicts(limit.judge(with_burst(15))) == {"max_error_rate": "undecided"}
    assert verdicts(limit.judge(with_burst(20))) == {"max_error_rate": "exceeded"}


def test_nothing_is_judged_of_a_server_whose_generator_was_late() -> None:
    """A tenth of the tightest limit is allowed, for 1 % of the requests."""
    limits = gate(p95_ms=50, p99_ms=100, min_rps=10, max_error_rate=0.1)
    assert set(verdicts(limits.judge(record(lateness_p99_ns=4 * MS))).values()) == {"within"}
    found = limits.judge(record(lateness_p99_ns=6 * MS, cpu_share=0.98))
    assert verdicts(found) == {
        "p95_ms": "unmeasured", "p99_ms": "unmeasured", "min_rps": "within", "max_error_rate": "within",
    }  # fmt: skip
    assert found[0].reason == (
        "the generator could not keep the load: 1 % of the answers were noticed more than 6 ms late (5 ms are allowed, a tenth "
        "of the tightest limit); it used 98% of a CPU"
    )


def test_a_server_that_is_far_too_slow_exceeds_its_limit_in_spite_of_a_late_generator() -> None:
    limits = gate(p95_ms=10, mean_ms=10, max_ms=10, min_rps=1_000)
    slow = record([70.0] * 1_000, lateness_p99_ns=20 * MS, lateness_max_ns=65 * MS)
    found = limits.judge(slow)
    assert verdicts(found) == {
        "p95_ms": "exceeded", "mean_ms": "exceeded", "max_ms": "unmeasured", "min_rps": "exceeded",
    }  # fmt: skip
    assert (found[0].estimate, found[1].estimate) == pytest.approx((50 * MS, 49.5 * MS))
    assert found[0].reason == (
        "the generator was late, 1 % of the answers were noticed more than 20 ms late: the lateness is taken off these "
        "numbers"
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
        "a CPU, so it waited: for a request or a user= that blocks the event loop, or for a busy machine"
    )
    assert found[1].verdict is not BudgetVerdict.EXCEEDED
    (most, *_) = limits.judge(paused(200, 401))
    assert most.verdict is BudgetVerdict.EXCEEDED
    assert most.estimate == pytest.approx(191 * MS)
    (calm, *_) = limits.judge(paused(10, 201))
    assert (calm.verdict, calm.reason) == (BudgetVerdict.EXCEEDED, "")


def unanswered(number: int, raised: int = 0, **generator: Any) -> LoadRecord:
    """Return a record of 1,000 requests that had an answer, of some that had none, and of some that raised."""
    found = record(failures=number + raised, **generator)
    for _ in range(number):
        found.latencies.append_unanswered(2 * S)
    return found


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
        "2 ms late; it used 100% of a CPU"
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
    assert (latency.verdict, latency.reason) == (BudgetVerdict.UNMEASURED, "no request was answered")
    assert errors.verdict is BudgetVerdict.EXCEEDED


@pytest.mark.parametrize(("keyword", "value"), [("max_error_rate", 5), ("min_success_rate", 99)])
def test_a_rate_above_one_is_refused(keyword: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"call: {keyword} must be at most 1, found {value}"):
        gate(**{keyword: value})


class TestEarlyEnd:
    def test_a_load_of_errors_ends_after_few_requests(self) -> None:
        half = gate(max_error_rate=0.01)
        assert not half.is_due(49, 1)
        assert half.is_due(50, 1)
        assert not half.is_due(99, 2)
        assert half.why_end_early(record([1.0] * 25, failures=25), 1) == "error_rate exceeds its limit by far"
        assert not half.why_end_early(record([1.0] * 50), 1)

    def test_a_burst_does_not_end_a_load(self) -> None:
        """The load may still be long enough to keep its limit."""
        limit = gate(max_error_rate=0.05)
        assert not limit.why_end_early(record([], failures=50), 1)
        assert not limit.why_end_early(with_burst(50), 4)
        assert gate().why_end_early(record([], failures=50), 1)

    @pytest.mark.parametrize(("failures", "is_lost"), [(60, False), (80, True)])
    def test_errors_that_exceed_the_limit_of_the_whole_load_end_it(self, failures: int, *, is_lost: bool) -> None:
        """Of 1,000 requests 5 % are allowed, and 1 of 100 loads has 68 or more by chance."""
        plan = LoadPlan(stages=(Stage(100, 100, 10 * S),), duration_ns=10 * S)
        for limit in (gate(max_error_rate=0.05), gate(min_success_rate=0.95)):
            why = limit.why_lost(failures, 2 * failures, plan.planned_requests)
            assert why.endswith("_rate exceeds its limit, whatever the further requests") is is_lost
        assert not gate().why_lost(failures, 2 * failures, plan.planned_requests)

    def test_users_who_get_nothing_but_errors_for_a_tenth_of_the_time_end_their_load(self) -> None:
        """The number of their requests is not known, and one answer may be the first of many."""
        plan, limit = LoadPlan(users=10, duration_ns=10 * S), gate(max_error_rate=0.05)
        assert not plan.planned_requests
        assert expected_requests(plan, 100, 100, S) == 1_000
        assert limit.why_lost(100, 100, expected_requests(plan, 100, 100, S))
        assert not expected_requests(plan, 100, 100, S - 1)
        assert not expected_requests(plan, 100, 101, S)

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
