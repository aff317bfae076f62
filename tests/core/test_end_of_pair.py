"""The end of a pair before its time is up: cleared, or precise enough, and not while the head becomes slower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import FEWEST_TO_END, FRESH_ERROR, SCREENING_ERROR, Pair, becomes_slower, pair_of
from pytest_perfbudget.core.results import RegressionVerdict


def turns(*times_ns: float) -> dict[int, float]:
    return dict(enumerate(times_ns))


def slowdown_test(share: float) -> PairedSlowdownTest:
    return PairedSlowdownTest(share, 0.001)


class TestLaterCalls:
    """A pair goes on while its last quads look slower, because the median would miss a slowdown that begins late."""

    @staticmethod
    def quads(*ratios: float) -> bool:
        return becomes_slower(
            turns(*[100 * ratio for ratio in ratios for _ in range(2)]), turns(*[100] * 2 * len(ratios))
        )

    def test_a_last_third_that_is_slower_than_the_quads_before_is_seen(self) -> None:
        assert self.quads(*[1.0] * 8, *[1.1] * 3)
        assert self.quads(*(1 + 0.005 * number for number in range(10)))

    def test_a_steady_slowdown_and_a_gain_are_no_reason_to_go_on(self) -> None:
        assert not self.quads(*[1.1] * 11)
        assert not self.quads(*[1.0] * 8, *[0.9] * 3)
        assert not self.quads(*[0.8] * 8, *[0.9] * 3)

    def test_a_single_slow_quad_and_too_few_quads_say_nothing(self) -> None:
        assert not self.quads(*[1.0] * 9, 1.5)
        assert not self.quads(1.0, 1.0, 1.0, 1.0, 1.5)
        assert not becomes_slower({}, {})


class TestEarlyEndOfScreening:
    """A screening pair of unchanged code ends before its error is as small as a verdict on a slowdown needs."""

    @staticmethod
    def cleared(tolerance: float, log_ratio: float, error: float, mean: float | None = 0.0) -> bool:
        over_all = None if mean is None else Pair(mean, error, 1e6)
        return slowdown_test(tolerance).rules.is_cleared(Pair(log_ratio, error, 1e6, mean=over_all))

    def test_a_pair_is_cleared_where_a_slowdown_is_far_less_likely_than_none(self) -> None:
        assert self.cleared(0.03, 0.0, 0.01)
        assert not self.cleared(0.03, 0.0, 0.03)
        assert not self.cleared(0.03, 0.02, 0.01)

    def test_a_mean_call_that_looks_slower_keeps_it_going_and_so_does_a_load_which_has_none(self) -> None:
        assert not self.cleared(0.03, 0.0, 0.01, mean=0.04)
        assert not self.cleared(0.03, 0.0, 0.01, mean=None)

    def test_a_pair_ends_although_it_might_become_unchanged(self) -> None:
        assert slowdown_test(0.05).screened(Pair(0.0, 0.01, 1e6)).verdict is RegressionVerdict.UNCHANGED
        assert slowdown_test(0.05).screened(Pair(0.0, 0.018, 1e6)).verdict is RegressionVerdict.UNDECIDED
        assert self.cleared(0.05, 0.0, 0.018)

    @staticmethod
    def screened(
        rows: Sequence[Sequence[Sequence[float]]],
        slower: Callable[[int], float],
        asked: PairedSlowdownTest,
        *,
        early: bool,
    ) -> tuple[int, int]:
        """Return how many quads the pairs have together, and how many pairs are suspect.

        Args:
            rows: the times of the blocks of head and base, by pair.
            slower: the slowdown of a quad of the head, as a share, by its number.
            asked: the test.
            early: whether a pair may be cleared early.
        """
        total, suspects = 0, 0
        found: Pair | None = None
        for head, base in rows:
            slowed = [(1 + slower(turn // 2)) * ns for turn, ns in enumerate(head)]
            for number in range(FEWEST_TO_END, len(head) // 2 + 1):
                head_ns, base_ns = (dict(enumerate(one[: 2 * number])) for one in (slowed, base))
                found = pair_of(head_ns, base_ns)
                assert found is not None
                is_known = found.std_error <= SCREENING_ERROR
                is_enough = is_known or (early and asked.rules.is_cleared(replace(found, mean=found)))
                if is_enough and not becomes_slower(head_ns, base_ns):
                    break
            total += number
            suspects += found is not None and asked.is_suspect(found)
        return total, suspects

    @pytest.mark.parametrize("tolerance", [0.03, 0.05])
    def test_recorded_pairs_of_unchanged_code_save_a_fifth_of_their_quads(
        self, data: Callable[[str], Any], tolerance: float
    ) -> None:
        asked = slowdown_test(tolerance)
        rows = [row for rows in data("pairs.json")["pairs"].values() for row in rows]
        whole, suspects = self.screened(rows, lambda _: 0.0, asked, early=False)
        short, suspects_early = self.screened(rows, lambda _: 0.0, asked, early=True)
        assert short <= 0.82 * whole
        assert suspects_early <= suspects

    @pytest.mark.parametrize("tolerance", [0.03, 0.05])
    def test_recorded_pairs_of_slower_code_stay_suspect(self, data: Callable[[str], Any], tolerance: float) -> None:
        asked = slowdown_test(tolerance)
        rows = [row for rows in data("pairs.json")["pairs"].values() for row in rows]
        _, suspects = self.screened(rows, lambda _: 5 / 3 * tolerance, asked, early=False)
        _, suspects_early = self.screened(rows, lambda _: 5 / 3 * tolerance, asked, early=True)
        assert suspects_early >= 0.995 * suspects

    @pytest.mark.parametrize(
        ("slower", "least"),
        [
            pytest.param(lambda quad: 0.1 if quad >= 8 else 0.0, 0.95, id="a full cache"),
            pytest.param(lambda quad: 0.1 * quad / 32, 0.8, id="a growing list"),
            pytest.param(lambda quad: 0.3 * min(quad / 16, 1), 0.98, id="a table that fills up"),
        ],
    )
    def test_recorded_pairs_of_code_that_becomes_slower_are_suspect(
        self, data: Callable[[str], Any], slower: Callable[[int], float], least: float
    ) -> None:
        rows = [row for rows in data("pairs.json")["pairs"].values() for row in rows]
        _, suspects = self.screened(rows, slower, slowdown_test(0.03), early=True)
        assert suspects >= least * len(rows)


class TestEndOfAFarSlowerPair:
    """A pair ends where its slowdown exceeds the limit by many standard errors: pairs differ more than that."""

    @pytest.mark.parametrize(
        ("log_ratio", "error", "is_over"),
        [(0.18, 0.008, True), (0.18, 0.014, True), (0.25, 0.02, False), (0.15, 0.014, False), (0.09, 0.008, False)],
    )
    def test_many_standard_errors_beyond_the_limit_are_enough(
        self, log_ratio: float, error: float, *, is_over: bool
    ) -> None:
        assert slowdown_test(0.03).rules.is_far_slower(Pair(log_ratio, error, 1e6)) is is_over

    @staticmethod
    def quads(rows: Sequence[Sequence[Sequence[float]]], slowdown: float) -> tuple[int, int, int]:
        """Return the quads of all pairs with the early end and without, and the number of pairs that ended early."""
        asked = slowdown_test(0.03)
        short, whole, ended = 0, 0, 0
        for head, base in rows:
            slowed = [(1 + slowdown) * ns for ns in head]
            numbers = range(FEWEST_TO_END, len(head) // 2 + 1)
            so_far = [
                (number, pair_of(dict(enumerate(slowed[: 2 * number])), dict(enumerate(base[: 2 * number]))))
                for number in numbers
            ]
            precise = [number for number, one in so_far if one is not None and one.std_error <= FRESH_ERROR]
            far = [number for number, one in so_far if one is not None and asked.rules.is_far_slower(one)]
            last = min([*precise, len(head) // 2])
            whole += last
            short += min([*far, last])
            ended += bool(far)
        return short, whole, ended

    def test_recorded_pairs_of_code_that_is_20_percent_slower_save_quads(self, data: Callable[[str], Any]) -> None:
        rows = [row for rows in data("pairs.json")["pairs"].values() for row in rows]
        short, whole, _ = self.quads(rows, 0.2)
        assert short <= 0.8 * whole

    def test_no_recorded_pair_of_unchanged_code_ends_so(self, data: Callable[[str], Any]) -> None:
        rows = [row for rows in data("pairs.json")["pairs"].values() for row in rows]
        assert self.quads(rows, 0.0)[2] == 0
