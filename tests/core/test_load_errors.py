"""The gate of a load on its errors: facts of the load if there are too many, and evidence if there are few."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import pytest
from load_records import S, gate, record, verdicts

from pytest_perfbudget.core.load.arrivals import Stage
from pytest_perfbudget.core.load.error_count import ErrorCount
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.outcomes import Outcome
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord
from pytest_perfbudget.core.load_errors import count_errors, exceeded_by, expected_requests
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.errors import ConfigError


def test_the_bounds_of_a_success_rate_are_those_of_the_failures() -> None:
    (result,) = gate(min_success_rate=0.97).judge(record(failures=10))
    assert (result.unit, result.limit, result.verdict) == ("%", 97.0, BudgetVerdict.WITHIN)
    assert result.estimate == pytest.approx(100 * 1000 / 1010)
    assert result.lower is not None
    assert result.upper is not None
    assert 97 < result.lower < result.estimate < result.upper < 100  # type: ignore[operator]


@pytest.mark.parametrize(("limit", "used"), [(0.98, 5.0), (0.8, 0.5), (0.9, 1.0), (1, None)])
def test_the_used_part_of_a_success_rate_is_that_of_the_failures_that_it_allows(
    limit: float, used: float | None
) -> None:
    """A rate of 90 % has five times the failures that a limit of 98 % allows."""
    (result,) = gate(min_success_rate=limit).judge(record([5.0] * 900, failures=100))
    assert result.used == (None if used is None else pytest.approx(used))


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
    return replace(record([5.0] * (1_000 - failures), failures=failures, **generator), outcomes=failed)


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


def counted(failures: int, requests: int = 1_000) -> ErrorCount:
    return ErrorCount(requests, failures, (ErrorGroup("OSError", "port 40001", 0, 1, count=failures),))


class TestOtherProcesses:
    """Loads of processes that judge nothing are judged together, by the limits of the session's own load."""

    @pytest.mark.parametrize("limit", [{"max_error_rate": 0.01}, {"min_success_rate": 0.99}])
    def test_the_limit_is_that_of_the_session(self, limit: dict[str, float]) -> None:
        own = gate(**limit).judge(record())
        (found,) = exceeded_by(own, counted(50), 0.01)
        assert (found.verdict, found.keyword, found.source) == (BudgetVerdict.EXCEEDED, own[0].keyword, "call")
        assert (found.rounds, found.estimate) == (1_000, 95 if "min_success_rate" in limit else 5)
        assert exceeded_by(own, counted(10), 0.01) == []

    def test_without_a_limit_no_error_is_allowed(self) -> None:
        (found,) = exceeded_by(gate(p95_ms=50).judge(record()), counted(1), 0.01)
        assert (found.verdict, found.limit, found.needs_rounds) == (BudgetVerdict.EXCEEDED, 0, None)
        assert exceeded_by([], counted(0), 0.01) == []

    @pytest.mark.parametrize(
        ("failures", "other", "is_exceeded"),
        [
            (1, counted(0), False),
            (7, counted(0), True),  # 7 of 7 errors on one of two equal sides are chance in less than 1 % of comparisons
            (30, counted(25), False),
            (30, counted(5), True),
            (7, counted(0, 100), False),  # the other side had few requests, and so few chances
            (1, ErrorCount(), True),
        ],
    )
    def test_without_a_limit_they_have_to_fail_more_often_than_the_loads_of_the_other_side(
        self, failures: int, other: ErrorCount, *, is_exceeded: bool
    ) -> None:
        """Each further process is a further chance for a rare error."""
        own = gate(p95_ms=50).judge(record())
        assert bool(exceeded_by(own, counted(failures), 0.01, other)) is is_exceeded

    @pytest.mark.parametrize(
        ("count", "other", "is_exceeded"),
        [
            (ErrorCount(10, 10), ErrorCount(5, 0), True),
            (ErrorCount(10, 6), ErrorCount(5, 0), True),
            (ErrorCount(10, 5), ErrorCount(5, 0), False),
            (ErrorCount(10, 10), ErrorCount(5, 5), False),
        ],
    )
    def test_most_of_few_requests_are_no_rare_errors(
        self, count: ErrorCount, other: ErrorCount, *, is_exceeded: bool
    ) -> None:
        """Five of five successes and none of ten are too few for the comparison, and plain to see."""
        assert bool(exceeded_by([], count, 0.005, other)) is is_exceeded

    def test_a_limit_holds_whatever_the_other_side_does(self) -> None:
        own = gate(max_error_rate=0).judge(record())
        assert exceeded_by(own, counted(1), 0.01, counted(5))

    def test_requests_that_a_late_generator_gave_up_do_not_count(self) -> None:
        late = record(failures=20, lateness_p99_ns=500_000_000)
        for _ in range(15):
            late.latencies.append_unanswered(S)
        late = replace(late, outcomes=array("b", [Outcome.GIVEN_UP] * 15 + [Outcome.FAILED] * 5 + [0] * 1_000))
        assert count_errors(late).failures == 5
        assert count_errors(replace(late, generator=GeneratorFacts())).failures == 20

    def test_errors_of_several_loads_are_counted_together(self) -> None:
        other = ErrorCount(50, 2, (ErrorGroup("OSError", "port 50007", 3, 4), ErrorGroup("KeyError", "'id'", 3, 4)))
        found = ErrorCount.together([counted(3), None, other])
        assert (found.requests, found.failures) == (1_050, 5)
        assert [(one.kind, one.count) for one in found.groups] == [("OSError", 4), ("KeyError", 1)]
        assert found.text == "5 of 1,050 requests failed (4 x OSError: port 40001)"
        assert ErrorCount.from_dict(found.to_dict()).to_dict() == found.to_dict()
