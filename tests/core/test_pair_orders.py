"""The order of a pair's processes, and the last look, for code whose processes differ.

Recorded: 20 fresh pairs of unchanged code for each of two dozen kinds, one after the other. The base is first in every
second pair. Where memory matters, the process that sets up its fixtures first is up to 10 % slower, pair after pair.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_perfbudget.core.early_look import EARLY_SHARE
from pytest_perfbudget.core.paired import LAST_LOOK, LAST_SHARE, PairedSlowdownTest
from pytest_perfbudget.core.pairs import LOAD_SPREAD, Pair
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.slowdown import LOOKS, MOST_FRESH

ALPHA = 0.01 / 24
Recorded = Mapping[str, Sequence[Sequence[float]]]


def asked() -> PairedSlowdownTest:
    return PairedSlowdownTest(0.03, ALPHA)


def in_turn(ratios: Sequence[float], by_order: float = 0.0) -> list[Pair]:
    """Return pairs in which the side that comes first is slower; the base is first in the first and every second."""
    return [
        Pair(math.log(ratio) + (-by_order if number % 2 == 0 else by_order), 0.004, 1e6, base_is_first=number % 2 == 0)
        for number, ratio in enumerate(ratios)
    ]


def fresh_of(test: PairedSlowdownTest, made: Iterator[Pair]) -> list[Pair]:
    fresh: list[Pair] = []
    while test.needs_fresh(fresh):
        fresh.append(next(made))
    return fresh


class TestOrder:
    RATIOS = 2 * (1.05, 1.055, 1.045, 1.05, 1.052, 1.048, 1.05, 1.051, 1.049, 1.05)

    def test_a_side_that_is_slower_because_it_comes_first_hides_no_slowdown(self) -> None:
        found = asked().confirmed(in_turn(self.RATIOS, by_order=0.1))
        assert found.verdict is RegressionVerdict.REGRESSED
        assert found.ratio == pytest.approx(1.05, abs=0.002)

    def test_and_makes_none(self) -> None:
        found = asked().confirmed(in_turn([one / 1.05 for one in self.RATIOS], by_order=0.1))
        assert found.verdict is not RegressionVerdict.REGRESSED
        assert found.lower is not None
        assert found.upper is not None
        assert found.lower < 1 < found.upper

    def test_unequal_numbers_of_either_order_favour_no_side(self) -> None:
        found = asked().effect(in_turn(self.RATIOS[:19], by_order=0.1))
        assert math.exp(found.log_ratio) == pytest.approx(1.05, abs=0.003)

    def test_of_few_pairs_the_order_is_noise(self) -> None:
        """Two values of either order would agree by chance too often."""
        few, many = (
            asked().effect(in_turn(self.RATIOS[:15], by_order=0.1)),
            asked().effect(in_turn(self.RATIOS[:16], 0.1)),
        )
        assert few.std_error > 5 * many.std_error


class TestLastLook:
    UNSURE = (1.05, 1.21, 0.93, 1.05, 1.06, 1.2, 1.04, 0.92, 1.06, 1.2)

    def test_pairs_that_look_slower_and_differ_too_much_are_followed_by_as_many_again(self) -> None:
        test = asked().after(*in_turn(self.UNSURE[:1]))
        assert test.needs_fresh(in_turn(self.UNSURE))
        assert test.needs_fresh(in_turn((self.UNSURE * 2)[: LAST_LOOK - 1]))
        assert not test.needs_fresh(in_turn(self.UNSURE * 2))

    @pytest.mark.parametrize("ratio", [1.0, 1.3])
    def test_pairs_that_show_no_slowdown_or_a_certain_slowdown_are_not(self, ratio: float) -> None:
        pairs = in_turn([ratio * one for one in (1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.01, 0.99, 1.0, 1.0)])
        assert not asked().after(*in_turn([1.05])).needs_fresh(pairs)

    @pytest.mark.parametrize("screening", [Pair(0.05, 0.004, 50e6), Pair(0.05, 0.004, 1e6, spread=LOAD_SPREAD)])
    def test_calls_that_take_long_and_loads_have_none(self, screening: Pair) -> None:
        test = asked().after(screening)
        assert test.most_fresh == MOST_FRESH
        assert not test.needs_fresh(in_turn(self.UNSURE))

    def test_all_looks_share_alpha(self) -> None:
        last = asked().alpha_after(LAST_LOOK)
        assert last == pytest.approx(ALPHA * (1 - EARLY_SHARE) * LAST_SHARE)
        assert LOOKS * asked().alpha_per_look + last + EARLY_SHARE * ALPHA == pytest.approx(ALPHA)
        assert asked().confirmed(in_turn(self.UNSURE * 2)).alpha == last

    def test_between_the_looks_nothing_ends_that_the_effect_calls_slower(self) -> None:
        """The likelihood of these pairs, which does not know the order, is that of no slowdown."""
        heads = (0.135, 0.159, 0.148, 0.136, 0.142, 0.143, 0.133, -0.01)
        bases = (-0.013, -0.137, 0.006, -0.148, -0.002, -0.011, -0.003, 0.005)
        pairs = in_turn([math.exp(one) for both in zip(bases, heads, strict=True) for one in both])
        test = asked().after(Pair(0.143, 0.004, 1e6))
        assert test.confirmed(pairs).verdict is RegressionVerdict.REGRESSED
        assert test.needs_fresh(pairs)

    def test_a_mean_call_that_has_regressed_needs_none(self) -> None:
        pairs = in_turn(self.UNSURE)
        means = [replace(one, mean=replace(one, log_ratio=0.4 + number % 3 / 100)) for number, one in enumerate(pairs)]
        test = asked().after(*means[:1])
        assert test.confirmed(means).verdict is RegressionVerdict.REGRESSED
        assert not test.needs_fresh(means)

    def test_an_effect_of_the_order_that_comes_and_goes_makes_no_slowdown(self) -> None:
        draw = random.Random(7)

        def pairs() -> Iterator[Pair]:
            for number in itertools.count():
                first = 0.14 if draw.random() < 0.5 else 0.0
                log_ratio = draw.gauss(0, 0.01) + (-first if number % 2 else first)
                yield Pair(log_ratio, 0.0045, 1e6, base_is_first=number % 2 == 1)

        red = 0
        for _ in range(1500):
            made = pairs()
            screening = next(made)
            red += asked().is_suspect(screening) and is_red(asked().after(screening), made)
        assert red <= 2

    def test_processes_a_quarter_of_which_are_slower_for_life_are_seldom_called_slower(self) -> None:
        """All four fresh pairs may have such a process in the head, which is 1.1 in a thousand for pairs alone."""
        assert sum(self.verdicts(0.0, tests=1500)) <= 6

    def test_and_a_slowdown_of_10_percent_is_found_in_most(self) -> None:
        assert sum(self.verdicts(0.1, tests=100)) >= 70

    @staticmethod
    def verdicts(slowdown: float, tests: int) -> Iterator[bool]:
        draw = random.Random(4)

        def process() -> float:
            return draw.gauss(0, 0.01) + (0.13 if draw.random() < 0.25 else 0.0)

        def pairs() -> Iterator[Pair]:
            number = 0
            while True:
                log_ratio = math.log1p(slowdown) + process() - process()
                yield Pair(log_ratio, 0.006, 1e6, base_is_first=number % 2 == 1)
                number += 1

        for _ in range(tests):
            made = pairs()
            screening = next(made)
            test = asked()
            yield test.is_suspect(screening) and is_red(test.after(screening), made)


def is_red(test: PairedSlowdownTest, made: Iterator[Pair]) -> bool:
    return test.confirmed(fresh_of(test, made)).verdict is RegressionVerdict.REGRESSED


class TestOnRecordedPairs:
    SESSIONS = 25

    @pytest.fixture
    def recorded(self, data: Callable[[str], Any]) -> Recorded:
        workloads: Recorded = data("ordered_pairs.json")["workloads"]
        return workloads

    @pytest.fixture
    def rough(self, data: Callable[[str], Any]) -> Recorded:
        """Pairs of hours in which memory made single processes slower more often."""
        workloads: Recorded = data("rough_pairs.json")["workloads"]
        return workloads

    def red(self, recorded: Recorded, slowdown: float, *, knows_order: bool = True) -> dict[str, int]:
        """Return by workload in how many sessions its test is regressed."""
        draw = random.Random(3)
        found = dict.fromkeys(recorded, 0)
        for name, rows in recorded.items():
            for _ in range(self.SESSIONS):
                made = self.pairs(rows, slowdown, draw, knows_order=knows_order)
                screening = next(made)
                found[name] += asked().is_suspect(screening) and is_red(asked().after(screening), made)
        return found

    @staticmethod
    def pairs(
        rows: Sequence[Sequence[float]], slowdown: float, draw: random.Random, *, knows_order: bool
    ) -> Iterator[Pair]:
        """Yield pairs from any place on; both sides are the same code, so either may be the head."""
        heads = draw.choice((-1, 1))
        # The screening pair has the head first, as the second recorded pair and every second pair after that.
        place = 2 * draw.randrange(len(rows) // 2) + (1 if heads == 1 else 0)
        while True:
            log_ratio, std_error = rows[place % len(rows)]
            is_first = (place % 2 == 0) == (heads == 1)
            yield Pair(heads * log_ratio + math.log1p(slowdown), std_error, 1e6, base_is_first=is_first and knows_order)
            place += 1

    def test_unchanged_code_stays_green(self, recorded: Recorded) -> None:
        assert sum(self.red(recorded, 0.0).values()) == 0

    @pytest.mark.parametrize(("slowdown", "least"), [(0.05, 0.92), (0.08, 0.97), (0.1, 0.97)])
    def test_slowdowns_are_caught(self, recorded: Recorded, slowdown: float, least: float) -> None:
        found = self.red(recorded, slowdown)
        assert sum(found.values()) >= least * self.SESSIONS * len(found)

    def test_unchanged_code_of_rough_hours_stays_green(self, rough: Recorded) -> None:
        assert sum(self.red(rough, 0.0).values()) == 0

    @pytest.mark.parametrize(("slowdown", "least"), [(0.05, 0.84), (0.1, 0.93)])
    def test_slowdowns_in_rough_hours_are_caught_less_often(
        self, rough: Recorded, slowdown: float, least: float
    ) -> None:
        found = self.red(rough, slowdown)
        assert sum(found.values()) >= least * self.SESSIONS * len(found)

    def test_without_the_order_block_copies_are_hardly_ever_caught(self, recorded: Recorded) -> None:
        copies = {"copied blocks": recorded["copied blocks"]}
        assert self.red(copies, 0.08)["copied blocks"] >= 0.6 * self.SESSIONS
        assert self.red(copies, 0.08, knows_order=False)["copied blocks"] <= 0.2 * self.SESSIONS
