from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.mean import FEWEST_ROUNDS, MeanCriterion, bound
from pytest_perfbudget.core.results import BudgetVerdict

ERRORS = Errors(exceeded=0.01, within=0.05)


@pytest.mark.parametrize("planned", [40, 300, 3000])
@pytest.mark.parametrize(
    ("name", "mean"),
    [("normal", 10.0), ("exponential", 1.0), ("gamma", 2.0), ("lognormal", float(np.exp(0.125)))],
)
def test_errors_stay_within_what_is_stated_for_skewed_times(name: str, mean: float, planned: int) -> None:
    draw = np.random.default_rng(planned)
    samples = {
        "normal": lambda: draw.normal(10, 2, planned),
        "exponential": lambda: draw.exponential(1, planned),
        "gamma": lambda: draw.gamma(2, 1, planned),
        "lognormal": lambda: draw.lognormal(0, 0.5, planned),
    }
    criterion = MeanCriterion(ERRORS, planned)
    trials = 400
    verdicts = [criterion.decide(samples[name]().tolist(), mean, final=True).verdict for _ in range(trials)]
    assert verdicts.count(BudgetVerdict.WITHIN) / trials <= ERRORS.within + 3 * (ERRORS.within / trials) ** 0.5
    assert verdicts.count(BudgetVerdict.EXCEEDED) / trials <= ERRORS.exceeded + 3 * (ERRORS.exceeded / trials) ** 0.5


def test_a_mean_well_off_its_limit_is_decided() -> None:
    values = np.random.default_rng(1).gamma(2, 1, 200).tolist()
    criterion = MeanCriterion(ERRORS, 200)
    assert criterion.decide(values, 3.5, final=True).verdict is BudgetVerdict.WITHIN
    assert criterion.decide(values, 1.2, final=True).verdict is BudgetVerdict.EXCEEDED
    assert criterion.decide(values, float(np.mean(values)), final=True).verdict is BudgetVerdict.UNDECIDED


def test_few_rounds_decide_nothing_about_a_mean() -> None:
    # One call in ten is served from a cache; the first rounds happened to miss it.
    decision = MeanCriterion(ERRORS, 5).decide([300.0, 300.1, 299.9, 300.2, 300.0], 100.0, final=True)
    assert (decision.verdict, decision.needs_rounds) == (BudgetVerdict.UNDECIDED, FEWEST_ROUNDS)


@pytest.mark.parametrize("values", [[7.0] * 40, [7.0] * 20 + [9.0] * 20])
def test_equal_and_symmetric_values_have_bounds(values: list[float]) -> None:
    decision = MeanCriterion(ERRORS, 40).decide(values, 20.0, final=True)
    assert decision.verdict is BudgetVerdict.WITHIN
    assert decision.lower is not None
    assert decision.upper is not None
    assert decision.lower <= np.mean(values[: decision.rounds]) <= decision.upper


def test_one_look_at_rounds_that_were_planned_elsewhere() -> None:
    values = np.random.default_rng(1).normal(10, 1, 50).tolist()
    criterion = MeanCriterion(ERRORS, None)
    assert criterion.looks() == ()
    assert criterion.decide(values, 12.0, final=True).verdict is BudgetVerdict.WITHIN
    assert criterion.decide(values, 12.0, final=False).verdict is BudgetVerdict.UNDECIDED


def test_a_mean_is_not_cleared_before_a_rare_slow_call_had_time_to_show() -> None:
    criterion = MeanCriterion(ERRORS, 10_000)
    quick = [1.0, 1.1] * 50
    assert criterion.decide(quick, 20.0, final=False, earliest_exceeded=10_000).verdict is BudgetVerdict.UNDECIDED
    assert criterion.decide(quick, 20.0, final=False, earliest_exceeded=500).verdict is BudgetVerdict.WITHIN
    assert criterion.decide(quick, 20.0, final=True, earliest_exceeded=10_000).verdict is BudgetVerdict.WITHIN


def test_early_rounds_do_not_call_a_mean_exceeded() -> None:
    criterion = MeanCriterion(ERRORS, 10_000)
    slow = [60.0, 61.0] * 40
    assert criterion.decide(slow, 50.0, final=False, earliest_exceeded=1000).verdict is BudgetVerdict.UNDECIDED
    assert criterion.decide(slow, 50.0, final=False, earliest_exceeded=0).verdict is BudgetVerdict.EXCEEDED


def test_skewness_moves_both_bounds_towards_the_long_tail() -> None:
    values = np.random.default_rng(5).exponential(1, 60).tolist()
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5
    plain = stats.t(len(values) - 1).ppf(0.95) * error
    assert bound(values, 0.05, 1) > mean + 1.05 * plain
    assert bound(values, 0.05, -1) > mean - 0.95 * plain


def test_without_skewness_the_bounds_are_students() -> None:
    values = [8.0, 9.0, 10.0, 11.0, 12.0] * 8
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    assert bound(values, 0.05, 1) == pytest.approx(10 + stats.t(39).ppf(0.95) * error)
