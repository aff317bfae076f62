"""The gate of a running service: verdicts on shares by Chernoff's bound, and on the budgets of a window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.core.service_gate import judge_window, verdict_on_share
from pytest_perfbudget.core.tally import Tally, bucket_of, middle_ns

ERRORS = Errors(exceeded=0.01, within=0.05)
WITHIN, UNDECIDED, EXCEEDED = BudgetVerdict.WITHIN, BudgetVerdict.UNDECIDED, BudgetVerdict.EXCEEDED
MS = 1_000_000


def judged(durations_ms: list[float], errors: int = 0, **limits: float) -> list[BudgetResult]:
    window = Tally.of([round(one * MS) for one in durations_ms], errors).cumulated()
    return judge_window(window, parse_budgets(limits, "here"), ERRORS)


@pytest.mark.parametrize(
    ("above", "number", "verdict"),
    [
        (0, 58, UNDECIDED),
        (0, 59, WITHIN),
        (1, 1, UNDECIDED),
        (2, 2, EXCEEDED),
        (5, 100, UNDECIDED),
        (15, 100, EXCEEDED),
    ],
)
def test_a_p95_is_decided_by_as_many_requests_as_in_a_test(above: int, number: int, verdict: BudgetVerdict) -> None:
    assert verdict_on_share(above, number, 0.05, ERRORS) is verdict


@given(st.integers(1, 3000), st.sampled_from([0.5, 0.05, 0.01, 0.001]), st.data())
def test_the_bound_is_never_below_the_exact_probability(number: int, allowed: float, data: st.DataObject) -> None:
    above = data.draw(st.integers(0, number))
    verdict = verdict_on_share(above, number, allowed, ERRORS)
    if verdict is EXCEEDED:
        assert binom.sf(above - 1, number, allowed) <= ERRORS.exceeded
    if verdict is WITHIN:
        assert binom.cdf(above, number, allowed) <= ERRORS.within


@given(st.integers(1, 500), st.sampled_from([0.5, 0.05, 0.01]), st.data())
def test_one_more_request_above_the_limit_is_never_better(number: int, allowed: float, data: st.DataObject) -> None:
    order = (WITHIN, UNDECIDED, EXCEEDED)
    above = data.draw(st.integers(0, number - 1))
    before, after = (verdict_on_share(one, number, allowed, ERRORS) for one in (above, above + 1))
    assert order.index(before) <= order.index(after)


def test_a_percentile_is_held_to_its_limit() -> None:
    assert [one.verdict for one in judged([10.0] * 200, p95_ms=50)] == [WITHIN]
    assert [one.verdict for one in judged([10.0] * 100 + [60.0] * 100, p95_ms=50)] == [EXCEEDED]


def test_mean_and_longest_are_taken_as_observed() -> None:
    mean, longest = judged([10.0, 30.0], mean_ms=25, max_ms=25)
    assert (mean.verdict, mean.estimate) == (WITHIN, 20 * MS)
    assert (longest.verdict, longest.estimate) == (EXCEEDED, 30 * MS)


@pytest.mark.parametrize("limit", [{"max_error_rate": 0.02}, {"min_success_rate": 0.98}])
@pytest.mark.parametrize(("errors", "verdict"), [(0, WITHIN), (20, UNDECIDED), (60, EXCEEDED)])
def test_errors_are_held_to_their_rate(limit: dict[str, float], errors: int, verdict: BudgetVerdict) -> None:
    assert [one.verdict for one in judged([1.0] * 1000, errors, **limit)] == [verdict]


def test_without_an_allowed_error_the_first_decides() -> None:
    assert judged([1.0], 1, min_success_rate=1)[0].verdict is EXCEEDED
    assert judged([1.0], 0, min_success_rate=1)[0].verdict is WITHIN


def window(answers_ms: list[float], errors_ms: list[float]) -> Tally:
    failed = Tally.of([round(one * MS) for one in errors_ms])
    return Tally.of([round(one * MS) for one in answers_ms]) + replace(
        failed, errors=failed.count, packed_errors=failed.packed
    )


@pytest.mark.parametrize("limit", ["p95_ms", "median_ms", "mean_ms", "max_ms"])
@pytest.mark.parametrize(("answers_ms", "verdict"), [(60, EXCEEDED), (20, WITHIN)])
def test_errors_that_come_at_once_keep_no_limit_on_a_time(
    limit: str, answers_ms: float, verdict: BudgetVerdict
) -> None:
    [alone] = judge_window(window([answers_ms] * 100, []).cumulated(), parse_budgets({limit: 50}, "here"), ERRORS)
    mixed = window([answers_ms] * 100, [0.1] * 3000).cumulated()
    [result] = judge_window(mixed, parse_budgets({limit: 50}, "here"), ERRORS)
    assert result.verdict is alone.verdict is verdict
    assert result.estimate == pytest.approx(alone.estimate, rel=0.02)
    assert result.rounds == 100


def test_errors_after_the_limit_count_as_slow() -> None:
    tally = window([20] * 100, [60] * 100)
    assert tally.without_fast_errors(50 * MS) is tally
    [result] = judge_window(tally.cumulated(), parse_budgets({"p95_ms": 50}, "here"), ERRORS)
    assert result.verdict is EXCEEDED


def test_without_an_answer_no_time_is_measured() -> None:
    [result] = judge_window(window([], [0.1] * 100).cumulated(), parse_budgets({"p95_ms": 50}, "here"), ERRORS)
    assert (result.verdict, result.reason) == (BudgetVerdict.UNMEASURED, "no request was answered")


@given(st.lists(st.integers(0, 1000)), st.lists(st.integers(0, 1000)), st.integers(0, 1000))
def test_the_tally_without_fast_errors_is_that_of_the_others(
    answers: list[int], failures: list[int], limit: int
) -> None:
    found = window([float(one) for one in answers], [float(one) for one in failures]).without_fast_errors(limit * MS)
    slow = [one for one in failures if middle_ns(bucket_of(one * MS)) > limit * MS]
    expected = window([float(one) for one in answers], [float(one) for one in slow])
    assert (found.count, found.errors, found.packed, found.packed_errors) == (
        expected.count,
        expected.errors,
        expected.packed,
        expected.packed_errors,
    )
    assert found.most_ns == pytest.approx(expected.most_ns, rel=0.02)
    assert abs(found.total_ns - expected.total_ns) <= 0.016 * sum(failures) * MS + 1


def test_numbers_that_only_tests_have_are_left_out() -> None:
    assert judged([1.0], peak_mb=1, max_calls=5, cpu_p95_ms=5, min_ms=5, min_rps=10) == []


def test_without_requests_nothing_is_judged() -> None:
    assert judged([], p95_ms=50) == []
