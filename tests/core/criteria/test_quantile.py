"""The stated errors of the verdicts on a quantile, by exact comparison and by simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.quantile import (
    QuantileCriterion,
    _binomial,
    fixed_look,
    rounds_to_bound,
)
from pytest_perfbudget.core.results import BudgetVerdict

ALPHA = 0.05
ERRORS = Errors(exceeded=ALPHA, within=ALPHA)
SHIPPED = Errors(exceeded=0.01, within=0.05)


def decide(values: Any, limit: float, *, planned: int | None = 1000, share: float = 0.95) -> BudgetVerdict:
    criterion = QuantileCriterion(share, SHIPPED, planned)
    return criterion.decide(list(values), limit, final=True).verdict


def test_the_textbook_numbers_of_rounds() -> None:
    assert rounds_to_bound(0.95, 0.05) == 59
    assert rounds_to_bound(0.99, 0.05) == 299
    assert rounds_to_bound(0.5, 0.05) == 5


@given(st.integers(1, 3000), st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.25, 0.5]))
def test_binomial_probabilities_are_scipys(trials: int, chance: float) -> None:
    first, mass = _binomial(trials, chance)
    expected = stats.binom.pmf(np.arange(first, first + len(mass)), trials, chance)
    np.testing.assert_allclose(mass, expected, rtol=1e-8, atol=1e-16)
    assert sum(mass) == pytest.approx(1)


@pytest.mark.parametrize(("share", "rounds"), [(0.95, 59), (0.95, 400), (0.99, 299), (0.5, 30)])
def test_a_single_look_has_the_boundaries_of_the_binomial_test(share: float, rounds: int) -> None:
    look = fixed_look(share, SHIPPED, rounds)
    above = stats.binom(rounds, 1 - share)
    assert above.cdf(look.within_at_most) <= SHIPPED.within < above.cdf(look.within_at_most + 1)
    assert above.sf(look.exceeded_at_least - 1) <= SHIPPED.exceeded < above.sf(look.exceeded_at_least - 2)


# 1 % above the limit means that more than 5 % of calls lie above it; the worst case is 5 % exactly.
@pytest.mark.parametrize("planned", [59, 20000], ids=["short", "ample"])
@pytest.mark.parametrize("share", [0.5, 0.75, 0.9, 0.95, 0.99, 0.999])
def test_all_looks_together_err_at_most_as_stated(share: float, planned: int) -> None:
    trials = 40_000
    draw = np.random.default_rng(planned)
    criterion = QuantileCriterion(share, SHIPPED, planned)
    above, done = np.zeros(trials, int), 0
    within, exceeded = np.zeros(trials, bool), np.zeros(trials, bool)
    for look in criterion._schedule(planned).upto(criterion.looks()[-1]):
        above += draw.binomial(look.rounds - done, 1 - share, trials)
        done = look.rounds
        within |= above <= look.within_at_most
        exceeded |= above >= look.exceeded_at_least
    # Three standard errors of the simulation itself.
    assert within.mean() <= SHIPPED.within + 3 * (SHIPPED.within / trials) ** 0.5
    assert exceeded.mean() <= SHIPPED.exceeded + 3 * (SHIPPED.exceeded / trials) ** 0.5


Draw = Callable[[np.random.Generator, int], Any]


def pareto(draw: np.random.Generator, size: int) -> Any:
    return 1 + draw.pareto(1.5, size)


def bimodal(draw: np.random.Generator, size: int) -> Any:
    """1 ms, and 42 ms in one call of twelve: a delayed acknowledgement."""
    slow = draw.random(size) < 1 / 12
    return np.where(slow, draw.normal(42, 3, size), draw.normal(1, 0.05, size))


def stepped(draw: np.random.Generator, size: int) -> Any:
    """A coarse clock: many equal values."""
    return np.ceil(draw.exponential(20, size))


DISTRIBUTIONS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda draw, size: draw.normal(10, 1, size), stats.norm(10, 1).ppf(0.95)),
    "lognormal": (lambda draw, size: draw.lognormal(0, 1, size), stats.lognorm(1).ppf(0.95)),
    "heavy tail (Pareto 1.5)": (pareto, 1 + stats.lomax(1.5).ppf(0.95)),
    "bimodal": (bimodal, stats.norm(42, 3).ppf(1 - 12 * 0.05)),
    "steps": (stepped, float(np.ceil(stats.expon(scale=20).ppf(0.95)))),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_p95_one_per_cent_off_the_limit_is_misjudged_in_at_most_alpha(name: str) -> None:
    sample, p95 = DISTRIBUTIONS[name]
    draw = np.random.default_rng(7)
    trials, planned = 1500, 400
    criterion = QuantileCriterion(0.95, ERRORS, planned)
    wrongly_exceeded = wrongly_within = 0
    for _ in range(trials):
        values = sample(draw, planned).tolist()
        wrongly_exceeded += criterion.decide(values, p95 * 1.01, final=True).verdict is BudgetVerdict.EXCEEDED
        wrongly_within += criterion.decide(values, p95 / 1.01, final=True).verdict is BudgetVerdict.WITHIN
    tolerance = 3 * (ALPHA / trials) ** 0.5
    assert wrongly_exceeded / trials <= ALPHA + tolerance
    assert wrongly_within / trials <= ALPHA + tolerance


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_p95_far_from_the_limit_is_decided_the_right_way(name: str) -> None:
    sample, p95 = DISTRIBUTIONS[name]
    draw = np.random.default_rng(8)
    criterion = QuantileCriterion(0.95, SHIPPED, 1000)
    verdicts = []
    for _ in range(100):
        values = sample(draw, 1000).tolist()
        ordered = sorted(values)
        verdicts.append((criterion.decide(values, ordered[999] + 1, final=True).verdict, BudgetVerdict.WITHIN))
        verdicts.append((criterion.decide(values, ordered[700], final=True).verdict, BudgetVerdict.EXCEEDED))
    assert all(found is expected for found, expected in verdicts), p95


def test_a_cleared_budget_is_decided_at_the_first_look() -> None:
    decision = QuantileCriterion(0.95, SHIPPED, 10_000).decide([1.0] * 10_000, 50.0, final=True)
    assert (decision.verdict, decision.rounds) == (BudgetVerdict.WITHIN, 72)


def test_a_short_plan_spends_its_error_on_59_rounds() -> None:
    assert decide([1.0] * 59, 50, planned=59) is BudgetVerdict.WITHIN
    assert decide([1.0] * 58, 50, planned=59) is BudgetVerdict.UNDECIDED


def test_a_plan_that_was_too_short_does_not_end_the_looks() -> None:
    # The first calls were slow; there was time for more rounds after all.
    assert decide([1.0] * 59, 50, planned=3) is BudgetVerdict.WITHIN
    assert decide([60.0] + [1.0] * 600, 50, planned=3) is BudgetVerdict.WITHIN


def test_two_slow_rounds_show_that_a_p95_is_exceeded_and_one_does_not() -> None:
    assert decide([60.0], 50, planned=1) is BudgetVerdict.UNDECIDED
    assert decide([60.0, 61.0], 50, planned=1) is BudgetVerdict.EXCEEDED


def test_too_few_rounds_are_said() -> None:
    decision = QuantileCriterion(0.99, SHIPPED, 80).decide([1.0] * 80, 50, final=True)
    assert (decision.verdict, decision.rounds, decision.needs_rounds) == (BudgetVerdict.UNDECIDED, 80, 299)
    assert decision.upper is None


def test_a_burst_cannot_decide_before_enough_rounds_but_the_last_look_can() -> None:
    criterion = QuantileCriterion(0.95, SHIPPED, 1000)
    burst = [60.0] * 10 + [1.0] * 490
    assert criterion.decide(burst[:20], 50, final=False, earliest_exceeded=0).verdict is BudgetVerdict.EXCEEDED
    assert criterion.decide(burst[:20], 50, final=False, earliest_exceeded=400).verdict is BudgetVerdict.UNDECIDED
    assert criterion.decide(burst, 50, final=True, earliest_exceeded=400).verdict is not BudgetVerdict.EXCEEDED
    slow = [60.0] * 10
    assert criterion.decide(slow, 50, final=True, earliest_exceeded=400).verdict is BudgetVerdict.EXCEEDED


@pytest.mark.parametrize("share", [0.75, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("rounds", range(2, 40))
def test_rounds_that_are_all_far_above_a_limit_are_exceeded_however_few(share: float, rounds: int) -> None:
    # A second is reached with the last round, so each look before it came early.
    criterion = QuantileCriterion(share, SHIPPED, rounds)
    found = criterion.decide([60.0] * rounds, 50, final=True, earliest_exceeded=rounds).verdict
    fewest = {0.75: 4, 0.9: 3, 0.95: 2, 0.99: 2}[share]
    assert found is (BudgetVerdict.EXCEEDED if rounds >= fewest else BudgetVerdict.UNDECIDED)


def test_rounds_that_were_not_ours_to_plan_are_looked_at_once() -> None:
    assert decide([1.0] * 59, 50, planned=None) is BudgetVerdict.WITHIN
    criterion = QuantileCriterion(0.95, SHIPPED, None)
    assert criterion.looks() == ()
    assert criterion.decide([1.0] * 59, 50, final=False).verdict is BudgetVerdict.UNDECIDED


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=300),
    st.integers(1, 1000),
    st.sampled_from([0.5, 0.9, 0.95]),
    st.sampled_from([20, 100, 300, None]),
)
def test_the_bounds_are_what_the_verdict_says(values: list[int], limit: int, share: float, planned: int | None) -> None:
    decision = QuantileCriterion(share, SHIPPED, planned).decide(values, limit, final=True)
    if decision.verdict is BudgetVerdict.EXCEEDED:
        assert decision.lower is not None
        assert decision.lower > limit
    if decision.verdict is BudgetVerdict.WITHIN:
        assert decision.upper is not None
        assert decision.upper <= limit
    if decision.lower is not None and decision.verdict is not BudgetVerdict.UNDECIDED:
        assert decision.lower <= decision.estimate
    if decision.upper is not None and decision.verdict is not BudgetVerdict.UNDECIDED:
        assert decision.estimate <= decision.upper


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=200), st.floats(1, 1e6), st.floats(0.125, 8))
def test_verdicts_do_not_depend_on_the_unit(values: list[float], limit: float, factor: float) -> None:
    # Powers of two scale without rounding.
    scale = 2.0 ** round(np.log2(factor))
    assert decide(values, limit) is decide([value * scale for value in values], limit * scale)
