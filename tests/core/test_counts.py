from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.counts import (
    FRESH_COUNTS,
    RANDOM_COUNTS,
    CountPair,
    any_has_grown,
    comparable,
    compare_counts,
    confirm_count,
    has_grown,
    needs_attempt,
)
from pytest_perfbudget.core.metrics import CALLS, INSTRUCTIONS, METRICS, PEAK, ComparedAs, Direction, Metric
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

REGRESSED, IMPROVED, UNCHANGED = RegressionVerdict.REGRESSED, RegressionVerdict.IMPROVED, RegressionVerdict.UNCHANGED
RPS = Metric("rps", "rps", "requests per second", Direction.HIGHER, compared_as=ComparedAs.COUNT, floor=2)


@pytest.mark.parametrize(
    ("metric", "before", "after", "verdict"),
    [
        (CALLS, 1000, 1000, UNCHANGED),
        (CALLS, 1000, 1050, UNCHANGED),
        (CALLS, 1000, 1051, REGRESSED),
        (CALLS, 1000, 900, IMPROVED),
        (CALLS, 5, 15, UNCHANGED),  # ten calls more are less than a microsecond
        (CALLS, 5, 16, REGRESSED),
        (CALLS, 0, 11, REGRESSED),
        (CALLS, 15, 5, UNCHANGED),
        (CALLS, 16, 5, IMPROVED),
        (PEAK, 100, 16_484, UNCHANGED),  # what caches hold
        (PEAK, 1_000_000, 1_050_000, UNCHANGED),
        (PEAK, 1_000_000, 1_100_000, REGRESSED),
        (RPS, 100, 95, UNCHANGED),
        (RPS, 100, 94, REGRESSED),
        (RPS, 100, 105, UNCHANGED),
        (RPS, 100, 106, IMPROVED),
        (RPS, 10, 8, UNCHANGED),  # the floor
        (RPS, 10, 7, REGRESSED),
    ],
)
def test_a_change_for_the_worse_beyond_the_tolerance_is_regressed(
    metric: Metric, before: int, after: int, verdict: RegressionVerdict
) -> None:
    assert compare_counts(metric, [CountPair(before, after)], 0.05).verdict is verdict
    assert has_grown(metric, before, after, 0.05) is (verdict is REGRESSED)


@given(st.integers(1, 10**6), st.lists(st.integers(1, 10**6), min_size=1, max_size=5), st.sampled_from([CALLS, RPS]))
def test_against_one_number_the_best_of_all_attempts_counts(before: int, after: list[int], metric: Metric) -> None:
    found = compare_counts(metric, [CountPair(before, one) for one in after], 0.05)
    assert found.after == (min(after) if metric is CALLS else max(after))


def test_of_pairs_the_one_that_grew_least_counts_whatever_its_numbers() -> None:
    """A seed of 10 calls more on both sides is no growth, and does not hide the growth of another seed."""
    found = compare_counts(CALLS, [CountPair(100, 200), CountPair(1000, 1300), CountPair(500, 900)], 0.05)
    assert (found.before, found.after, found.ratio, found.verdict) == (1000, 1300, 1.3, REGRESSED)


def test_an_attempt_that_did_not_grow_clears_a_count() -> None:
    assert compare_counts(CALLS, [CountPair(100, 200), CountPair(100, 100)], 0.05).verdict is UNCHANGED
    assert compare_counts(CALLS, [CountPair(100, 200), CountPair(100, 190)], 0.05).verdict is REGRESSED


def test_only_counts_that_both_sides_have_can_grow() -> None:
    assert any_has_grown({"calls": 100, "peak": 10**6}, {"calls": 100, "peak": 2 * 10**6}, 0.05)
    assert not any_has_grown({"calls": 100}, {"calls": 100, "peak": 2 * 10**6}, 0.05)
    assert set(METRICS) >= {"calls", "peak"}


class TestCountsThatDependOnTheHashSeed:
    """A set of strings walks in another order with each seed: 5 % of the calls differ, the same on both sides."""

    SEEDS = 400

    @staticmethod
    def _count(seed: int, growth: float) -> int:
        return round(1000 * random.Random(seed).choice((1.0, 1.05, 1.1)) * growth)

    def _regressed(self, growth: float, *, same_seed: bool) -> int:
        draw = random.Random(7)
        found = 0
        for _ in range(self.SEEDS):
            attempts = []
            for _ in range(4):
                seed = draw.randrange(10**6)
                other = seed if same_seed else draw.randrange(10**6)
                attempts.append(CountPair(self._count(other, 1.0), self._count(seed, growth)))
            found += compare_counts(CALLS, attempts, 0.05).verdict is REGRESSED
        return found

    def test_pairs_of_one_seed_never_call_clean_code_grown_and_find_small_growth_always(self) -> None:
        assert self._regressed(1.0, same_seed=True) == 0
        assert self._regressed(1.07, same_seed=True) == self.SEEDS

    def test_pairs_of_different_seeds_miss_small_growth(self) -> None:
        assert self._regressed(1.07, same_seed=False) < self.SEEDS / 2


def test_a_count_that_is_too_large_to_compare_compares_with_nothing() -> None:
    assert comparable({"calls": 10**9, "instructions": 5_000_000}) == [CALLS, INSTRUCTIONS]
    assert comparable({"calls": 10**9, "instructions": 5_000_001}) == [CALLS]
    assert any_has_grown({"instructions": 5_000_000}, {"instructions": 10_000_001}, 0.05)
    assert not any_has_grown({"instructions": 5_000_001}, {"instructions": 10_000_001}, 0.05)


def confirmed(draw: Callable[[], CountPair]) -> tuple[RegressionResult, int]:
    """Take attempts as a comparison does; return the result and the number of fresh attempts."""
    first, fresh = draw(), list[CountPair]()
    if not has_grown(CALLS, *first, 0.05):
        return compare_counts(CALLS, [first], 0.05), 0
    while needs_attempt(CALLS, fresh, 0.05):
        fresh.append(draw())
    return confirm_count(CALLS, first, fresh, 0.05), len(fresh)


class TestRandomCounts:
    """Calls that differ from execution to execution, such as those that a random seed decides."""

    COMPARISONS = 10_000
    DRAWS: tuple[Callable[[random.Random], int], ...] = (
        lambda draw: round(draw.uniform(500, 1500)),
        lambda draw: round(1000 * draw.lognormvariate(0, 0.3)),
        lambda draw: 1000 + 500 * (draw.random() < 0.5),  # a slow path in half of the executions
        lambda draw: round(draw.gauss(1000, 60)),  # about the tolerance
    )

    @pytest.mark.parametrize("count", [DRAWS[0], DRAWS[1], DRAWS[3]], ids=["uniform", "lognormal", "narrow"])
    def test_unchanged_code_is_regressed_by_chance_in_about_one_comparison_of_a_thousand_at_most(
        self, count: Callable[[random.Random], int]
    ) -> None:
        draw = random.Random(11)
        found = [confirmed(lambda: CountPair(count(draw), count(draw)))[0].verdict for _ in range(self.COMPARISONS)]
        assert found.count(REGRESSED) <= 1.5 * self.COMPARISONS / 1000

    def test_of_two_possible_counts_it_is_regressed_in_four_comparisons_of_a_thousand_at_most(self) -> None:
        """Four attempts agree if the base takes the fast path and the head the slow path: (1/2 x 1/2)^4."""
        draw, count = random.Random(11), self.DRAWS[2]
        found = [confirmed(lambda: CountPair(count(draw), count(draw)))[0].verdict for _ in range(self.COMPARISONS)]
        assert found.count(REGRESSED) <= 1.5 * self.COMPARISONS / 256

    @pytest.mark.parametrize("count", DRAWS, ids=["uniform", "lognormal", "two-paths", "narrow"])
    def test_growth_beyond_the_spread_is_found(self, count: Callable[[random.Random], int]) -> None:
        draw = random.Random(11)
        found = [confirmed(lambda: CountPair(count(draw), 4 * count(draw)))[0].verdict for _ in range(200)]
        assert found.count(REGRESSED) >= 0.98 * 200

    def test_attempts_that_agree_need_no_more_than_three(self) -> None:
        seeds = random.Random(11)

        def with_seed() -> CountPair:
            before = seeds.choice([1000, 2000])
            return CountPair(before, 2 * before)

        found, fresh = confirmed(with_seed)
        assert (found.verdict, fresh) == (REGRESSED, FRESH_COUNTS)

    def test_attempts_that_differ_need_ten(self) -> None:
        draw = random.Random(11)
        found, fresh = confirmed(lambda: CountPair(1000, draw.randrange(1500, 3000)))
        assert (found.verdict, fresh) == (REGRESSED, RANDOM_COUNTS)

    def test_with_fewer_the_comparison_is_undecided(self) -> None:
        pairs = [CountPair(1000, 1100), CountPair(1000, 2000)]
        found = confirm_count(CALLS, pairs[0], pairs, 0.05)
        assert found.verdict is RegressionVerdict.UNDECIDED
        assert found.reason == (
            "more function calls than allowed in all 3 runs, which may be chance, because the number is random: "
            "11 runs would tell"
        )

    def test_peak_memory_that_differs_by_less_than_its_floor_is_not_random(self) -> None:
        pairs = [CountPair(100_000, 130_000), CountPair(100_000, 142_000), CountPair(100_000, 131_000)]
        assert not needs_attempt(PEAK, pairs, 0.05)
