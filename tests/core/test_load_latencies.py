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
