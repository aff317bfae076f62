"""Budgets on counts that differ from execution to execution."""

from __future__ import annotations

import random

import pytest

from pytest_perfbudget.core.count_passes import MOST_PASSES, needs_pass
from pytest_perfbudget.core.metrics import CALLS, PEAK


class TestPassesOfABudget:
    """A budget on a count is exceeded if the best of all passes exceeds it."""

    SESSIONS = 20_000

    def _exceeded(self, chance: float) -> float:
        """Return the share of the sessions in which calls exceed a budget of 1,500."""
        draw = random.Random(11)
        return sum(self._session(draw, chance) for _ in range(self.SESSIONS)) / self.SESSIONS

    @staticmethod
    def _session(draw: random.Random, chance: float) -> bool:
        """Return whether calls exceed a budget that they exceed in some executions, by chance."""
        passes: list[float] = []
        while not passes or needs_pass(CALLS, passes, 0.0, is_over_budget=True):
            passes.append(2000 if draw.random() < chance else 1000)
            if passes[-1] <= 1500:
                return False
        return True

    def test_code_that_exceeds_its_budget_in_half_of_its_executions_fails_in_one_session_of_a_thousand(self) -> None:
        assert self._exceeded(0.5) <= 2 / 1000

    def test_code_that_exceeds_its_budget_in_each_execution_fails_always(self) -> None:
        assert self._exceeded(1.0) == 1

    @pytest.mark.parametrize(
        ("passes", "spent_s", "again"),
        [
            ([2000], 9, True),  # the first pass may have filled a cache
            ([2000, 2000], 0.9, True),
            ([2000, 2000], 1, False),  # a slow body with the same number each time
            ([3000, 2000], 9, True),
            ([3000, 2000, 2000], 9, False),  # a cache was filled
            ([3000, 2000, 1900], 9, True),
            ([3000, 2000, 1900, 1950, 2100, 2200, 1800, 2000, 2000, 2000], 9, False),
        ],
    )
    def test_passes_that_agree_end_after_a_second_and_others_after_ten(
        self, passes: list[float], spent_s: float, again: bool
    ) -> None:
        assert needs_pass(CALLS, passes, spent_s * 1e9, is_over_budget=True) is again
        assert len(passes) <= MOST_PASSES

    def test_a_count_without_a_budget_takes_two(self) -> None:
        assert needs_pass(CALLS, [3000], 0, is_over_budget=False)
        assert not needs_pass(CALLS, [3000, 2000], 0, is_over_budget=False)

    def test_of_a_slow_body_the_memory_is_traced_once(self) -> None:
        assert needs_pass(PEAK, [3000], 0.9e9, is_over_budget=False)
        assert not needs_pass(PEAK, [3000], 1e9, is_over_budget=False)
        assert needs_pass(PEAK, [3000], 1e9, is_over_budget=True)
        assert needs_pass(CALLS, [3000], 1e9, is_over_budget=False)
