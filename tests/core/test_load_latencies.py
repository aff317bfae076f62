"""Verdicts on all latencies of a load: beyond the million whose order is kept, and with requests without an answer."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import pytest

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load import latencies as module
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.windows import block_of, joined
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.results import BudgetResult

MS = 1_000_000
EVERY = {"median_ms": 20, "p95_ms": 20, "p99_ms": 20, "mean_ms": 20, "max_ms": 20}


@pytest.fixture
def few_are_kept() -> Iterator[None]:
    """Keep the order of 5,000 latencies only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_EXACT", 5_000)
        yield


def judged(latencies: Latencies, **limits: float) -> dict[str, BudgetResult]:
    """Return the results on a load whose requests without an answer are errors."""
    failed = array("b", bytes(len(latencies) - latencies.unanswered) + b"\1" * latencies.unanswered)
    record = LoadRecord(LoadPlan(users=50, requests=1), latencies, failed, elapsed_ns=10**10)
    found = LoadGate(parse_budgets({**limits, "max_error_rate": 1}, "call"), Errors(0.01, 0.05)).judge(record)
    return {one.keyword: one for one in found if one.keyword != "max_error_rate"}


def verdicts(latencies: Latencies, **limits: float) -> dict[str, str]:
    return {keyword: one.verdict.value for keyword, one in judged(latencies, **limits).items()}


def wavering(middle_ms: float, number: int) -> list[int]:
    """Return latencies that are independent of each other, within a tenth of the middle."""
    return [round(middle_ms * MS * (0.9 + 0.2 * (at * 7_919 % 1_009) / 1_009)) for at in range(number)]


@pytest.mark.usefixtures("few_are_kept")
class TestBeyondTheKeptOrder:
    def test_a_server_that_becomes_slow_later_exceeds_its_limits(self) -> None:
        latencies = Latencies([*wavering(5, 5_000), *wavering(500, 7_000)])
        found = judged(latencies, **EVERY)
        assert {one.verdict.value for one in found.values()} == {"exceeded"}
        assert found["max_ms"].estimate == max(wavering(500, 7_000))
        assert found["mean_ms"].estimate == pytest.approx(latencies.mean_ns)
        assert found["p95_ms"].estimate == pytest.approx(540 * MS, rel=0.02)
        assert {one.rounds for one in found.values()} == {12_000}

    def test_a_server_that_stays_fast_keeps_its_limits(self) -> None:
        assert set(verdicts(Latencies(wavering(5, 12_000)), **EVERY).values()) == {"within"}

    def test_a_limit_that_the_first_requests_broke_is_not_within(self) -> None:
        found = verdicts(Latencies([*wavering(500, 5_000), *wavering(5, 600_000)]), p95_ms=20, min_ms=20)
        assert found == {"p95_ms": "undecided", "min_ms": "undecided"}

    def test_a_request_without_an_answer_is_slower_than_all_others(self) -> None:
        latencies = Latencies(wavering(5, 12_000))
        latencies.append_unanswered(MS)
        assert verdicts(latencies, p99_ms=20, max_ms=20, mean_ms=20) == {
            "p99_ms": "within", "max_ms": "exceeded", "mean_ms": "undecided",
        }  # fmt: skip


def with_unanswered(number: int, waited_ms: int) -> Latencies:
    """Return 1,000 latencies of which some are those of requests without an answer, spread evenly."""
    found = Latencies()
    for at, value in enumerate(wavering(5, 1_000)):
        if number and at % (1_000 // number) == 0:
            found.append_unanswered(waited_ms * MS)
        else:
            found.append(value)
    return found


class TestWithoutAnswer:
    def test_a_limit_above_the_timeout_is_exceeded(self) -> None:
        found = judged(with_unanswered(100, 100), p95_ms=200, median_ms=200, max_ms=200, mean_ms=200)
        assert {keyword: one.verdict.value for keyword, one in found.items()} == {
            "p95_ms": "exceeded", "median_ms": "within", "max_ms": "exceeded", "mean_ms": "undecided",
        }  # fmt: skip
        assert (found["p95_ms"].estimate, found["max_ms"].estimate) == (100 * MS, 100 * MS)
        assert found["p95_ms"].reason == (
            "100 requests had no answer and count as slower than any limit; the numbers have the time that was waited"
        )

    def test_with_every_answer_these_limits_are_kept(self) -> None:
        found = judged(with_unanswered(0, 100), p95_ms=200, max_ms=200, mean_ms=200)
        assert {(one.verdict.value, one.reason) for one in found.values()} == {("within", "")}

    def test_a_dropped_request_is_not_fast(self) -> None:
        """The time waited for it is short, and that of the others is long."""
        assert verdicts(with_unanswered(500, 0), p95_ms=1) == {"p95_ms": "exceeded"}
        assert verdicts(with_unanswered(500, 0), p90_ms=1_000) == {"p90_ms": "exceeded"}

    def test_windows_are_compared_by_what_they_are_judged_by(self) -> None:
        record = LoadRecord(LoadPlan(users=1, requests=1), with_unanswered(500, 1), array("b", bytes(1_000)))
        whole = joined(record.plan, [record, record]).latencies
        assert (whole.unanswered, len(whole)) == (1_000, 2_000)
        assert block_of(whole.judged).time_ns > 10**15
        assert block_of(with_unanswered(200, 1).judged).mean_ns < 6 * MS

    def test_a_copy_does_not_change(self) -> None:
        latencies = with_unanswered(10, 1)
        copy = latencies.copy()
        latencies.append_unanswered(MS)
        assert (copy.unanswered, latencies.unanswered, list(copy.judged)[:1]) == (10, 11, [1 << 62])


def with_failed(took_ms: list[float], answered_ms: float = 5, answers: int = 1_000) -> Latencies:
    """Return latencies with requests that failed after some time, spread evenly among the answers."""
    found = Latencies()
    values = wavering(answered_ms, answers)
    for at, one in enumerate(took_ms):
        for value in values[at * answers // len(took_ms) : (at + 1) * answers // len(took_ms)]:
            found.append(value)
        found.append_failed(round(one * MS))
    return found


class TestFailed:
    """A request that failed after more than the limit was not answered within the limit."""

    def test_failures_after_more_than_the_limit_exceed_the_limit(self) -> None:
        """A client's own deadline would else take the slow requests out of the percentiles."""
        limits = {"p95_ms": 300.0, "median_ms": 300.0, "max_ms": 300.0, "mean_ms": 50.0}
        slow = judged(with_failed([500.0] * 150), **limits)
        assert {keyword: one.verdict.value for keyword, one in slow.items()} == {
            "p95_ms": "exceeded", "median_ms": "within", "max_ms": "exceeded", "mean_ms": "exceeded",
        }  # fmt: skip
        assert slow["p95_ms"].estimate == 500 * MS
        assert slow["p95_ms"].reason == (
            "150 requests failed after more than the limit and count with the time until then"
        )

    def test_failures_within_the_limit_say_nothing_about_the_answers(self) -> None:
        found = judged(with_failed([10.0] * 150), p95_ms=300, max_ms=300, mean_ms=50)
        assert {(one.verdict.value, one.reason) for one in found.values()} == {("within", "")}

    def test_few_failures_after_more_than_the_limit_leave_a_percentile_within(self) -> None:
        found = judged(with_failed([500.0] * 10), p95_ms=300)["p95_ms"]
        assert (found.verdict.value, found.reason[:12]) == ("within", "10 requests ")

    @pytest.mark.parametrize("refused", [0, 1_000])
    def test_fast_failures_make_no_percentile_better(self, refused: int) -> None:
        """A server that is overloaded refuses most requests at once."""
        for took_ms, verdict, rounds in [(500.0, "exceeded", 250), (200.0, "within", 200)]:
            failed = ([0.1] * (refused // 50) + [took_ms]) * 50
            found = judged(with_failed(failed, 50, 200), p95_ms=300)["p95_ms"]
            assert (found.verdict.value, found.rounds) == (verdict, rounds)

    def test_without_an_answer_only_slow_failures_tell(self) -> None:
        assert verdicts(with_failed([0.1] * 200, answers=0), p95_ms=300, max_ms=300) == {
            "p95_ms": "unmeasured", "max_ms": "unmeasured",
        }  # fmt: skip
        assert verdicts(with_failed([500.0] * 200, answers=0), p95_ms=300, max_ms=300) == {
            "p95_ms": "exceeded", "max_ms": "exceeded",
        }  # fmt: skip

    def test_each_failure_counts_in_its_place(self) -> None:
        latencies = Latencies([1, 2])
        latencies.append_failed(70)
        latencies.append_unanswered(3)
        latencies.append_failed(7)
        latencies.append_failed(80)
        assert list(latencies.with_failed(50).sequence) == [1, 2, 70, 3, 80]
        assert list(latencies.with_failed(50).judged) == [1, 2, 70, 1 << 62, 80]
        assert latencies.with_failed(80) is latencies
        whole = Latencies([9])
        whole.extend(latencies.copy())
        assert list(whole.with_failed(50).sequence) == [9, 1, 2, 70, 3, 80]

    @pytest.mark.usefixtures("few_are_kept")
    @pytest.mark.parametrize(("took_ms", "verdict"), [(500, "exceeded"), (10, "within")])
    def test_failures_beyond_the_kept_order_count(self, took_ms: int, verdict: str) -> None:
        latencies = Latencies(wavering(5, 7_000))
        for _ in range(2_000):
            latencies.append_failed(took_ms * MS)
        assert verdicts(latencies, p95_ms=300, max_ms=300) == {"p95_ms": verdict, "max_ms": verdict}
        refused = Latencies()
        for _ in range(7_000):
            refused.append_failed(took_ms * MS)
        assert verdicts(refused, p95_ms=300)["p95_ms"] == ("exceeded" if took_ms > 300 else "unmeasured")
