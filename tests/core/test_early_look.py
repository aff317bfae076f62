from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from pytest_perfbudget.core.early_look import EARLY_LOOKS, bounds_by_all, p_all_beyond
from pytest_perfbudget.core.pair_runs import pair_of_recordings
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import LOAD_SPREAD, PAIR_SPREAD, Pair, pair_of
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.weather import BlockTime

TESTS = 12
ALPHA = 0.01 / TESTS


def pair(ratio: float, *, error: float = 0.005, spread: float = PAIR_SPREAD) -> Pair:
    return Pair(math.log(ratio), error, 1e6, spread)


def asked(screened: float, tolerance: float = 0.05) -> PairedSlowdownTest:
    return PairedSlowdownTest(tolerance, ALPHA).after(pair(screened))


def fresh_pairs(test: PairedSlowdownTest, made: Iterator[Pair]) -> list[Pair]:
    """Return the fresh pairs that a test needs; none if the screening pair clears it."""
    first = next(made)
    fresh: list[Pair] = []
    if test.is_suspect(first):
        test = test.after(first)
        while test.needs_fresh(fresh):
            fresh.append(next(made))
    return fresh


class TestEnd:
    @pytest.mark.parametrize(("ratio", "number"), [(2.2, 1), (2.0, 2), (1.2, 2), (1.1, 4)])
    def test_the_farther_the_slowdown_the_fewer_pairs_decide(self, ratio: float, number: int) -> None:
        fresh: list[Pair] = []
        while asked(ratio).needs_fresh(fresh):
            fresh.append(pair(ratio))
        assert len(fresh) == number
        found = asked(ratio).confirmed(fresh)
        assert (found.verdict, found.runs) == (RegressionVerdict.REGRESSED, number)
        assert found.p_value is not None
        assert found.alpha is not None
        assert found.p_value < found.alpha

    @pytest.mark.parametrize("apart", [1.0, 1.1, 1.25])
    def test_the_interval_is_that_of_the_look_and_contains_slowdowns_only(self, apart: float) -> None:
        """The t interval of two pairs that differ was -5 to +65 %, beside the verdict that the code is slower."""
        fresh = [pair(1.3), pair(1.3 * apart)]
        found = asked(1.3).confirmed(fresh)
        assert found.verdict is RegressionVerdict.REGRESSED
        assert found.lower is not None
        assert found.upper is not None
        assert found.ratio is not None
        assert 1.05 < found.lower < found.ratio < found.upper
        assert found.lower > 1.3 * math.exp(-2 * PAIR_SPREAD)
        assert found.upper < 1.3 * apart * math.exp(2 * PAIR_SPREAD)

    def test_the_interval_is_of_the_pairs_that_the_ratio_is_of(self) -> None:
        found = asked(2.5).confirmed([pair(1.3)] * 2)
        assert found.ratio == pytest.approx(1.3)
        assert found.upper is not None
        assert found.upper < 1.35

    @pytest.mark.parametrize(("screened", "fresh"), [(1.08, [2.2]), (2.2, [1.08]), (1.2, [1.2, 1.07])])
    def test_all_pairs_the_screening_pair_too_have_to_be_far_slower(self, screened: float, fresh: list[float]) -> None:
        assert asked(screened).needs_fresh([pair(one) for one in fresh])

    def test_a_screening_run_that_is_no_pair_does_not_count(self) -> None:
        test = PairedSlowdownTest(0.05, ALPHA, is_screened_by_pair=False).after(pair(2.2))
        assert test.needs_fresh([pair(2.2)])
        assert not test.needs_fresh([pair(2.2), pair(2.2)])

    def test_noisy_pairs_and_loads_need_a_larger_slowdown(self) -> None:
        assert not asked(1.3).needs_fresh([pair(1.3)] * 2)
        assert asked(1.3).needs_fresh([pair(1.3, error=0.2)] * 2)
        load = PairedSlowdownTest(0.05, ALPHA).after(pair(1.3, spread=LOAD_SPREAD))
        assert load.needs_fresh([pair(1.3, spread=LOAD_SPREAD)] * 2)

    def test_rare_calls_that_are_slower_get_all_their_pairs(self) -> None:
        rare = Pair(math.log(2.2), 0.005, 1e6, mean=Pair(math.log(6), 0.01, 1e6))
        assert PairedSlowdownTest(0.05, ALPHA).after(rare).needs_fresh([rare])


def off_pairs(draw: random.Random, by: float) -> Iterator[Pair]:
    """Yield pairs one in ten of which is off, more widely than any that was recorded."""
    while True:
        off = draw.gauss(0, 0.1) if draw.random() < 0.1 else 0.0
        yield Pair(by + draw.gauss(0, PAIR_SPREAD) + off, 0.005, 1e6)


def two_modes(draw: random.Random, by: float) -> Iterator[Pair]:
    """Yield pairs one in twenty of whose processes takes 1.5 times as long throughout its life."""
    while True:
        modes = (draw.random() < 0.05) - (draw.random() < 0.05)
        yield Pair(by + draw.gauss(0, PAIR_SPREAD) + modes * math.log(1.5), 0.005, 1e6)


def drifting(draw: random.Random, by: float) -> Iterator[Pair]:
    """Yield pairs that are like the pair before."""
    shift = 0.0
    while True:
        shift = 0.7 * shift + draw.gauss(0, 0.015)
        yield Pair(by + shift, 0.005, 1e6)


def with_rare_calls(draw: random.Random, by: float) -> Iterator[Pair]:
    """Yield pairs in which one turn in forty has a call that takes twenty times as long, on either side."""
    while True:
        sides = []
        for slower in (by, 0.0):
            means = [1e6 * (1 + 20 * (draw.random() < 1 / 40)) for _ in range(32)]
            blocks = [BlockTime(1e6 * math.exp(slower) * draw.gauss(1, 0.01), (), (), one) for one in means]
            sides.append(Recording(blocks, turns=range(32)))
        found = pair_of_recordings((sides[0], sides[1]))
        assert found is not None
        yield found


def two_modes_of_calls(draw: random.Random, by: float) -> Iterator[Pair]:
    """Yield pairs in which every block is in one of two modes."""
    while True:
        head, base = ({turn: draw.choice([1e6, 1.5e6]) * draw.gauss(1, 0.01) for turn in range(32)} for _ in range(2))
        found = pair_of({turn: time_ns * math.exp(by) for turn, time_ns in head.items()}, base)
        assert found is not None
        yield found


MACHINES = {one.__name__: one for one in (off_pairs, two_modes, two_modes_of_calls, drifting, with_rare_calls)}


class TestSimulations:
    def test_the_p_value_of_pairs_that_are_off_is_no_smaller_than_its_share(self) -> None:
        draw = random.Random(5)
        tries = 4000
        found = []
        for _ in range(tries):
            made = off_pairs(draw, math.log(1.05))
            found.append(p_all_beyond([next(made), next(made)], math.log(1.05)))
        for level in (0.1, 0.01):
            assert sum(one < level for one in found) / tries <= level

    @pytest.mark.parametrize("pairs", [1, 2, 3])
    def test_the_bounds_have_their_probability(self, pairs: int) -> None:
        draw = random.Random(7)
        by, tries, probability = math.log(1.3), 4000, 0.025
        made = off_pairs(draw, by)
        found = [bounds_by_all([next(made) for _ in range(pairs)], probability) for _ in range(tries)]
        for missed in (sum(low > by for low, _ in found), sum(high < by for _, high in found)):
            chance = 2 * math.sqrt(probability / tries)  # two standard errors of the simulation
            assert missed / tries <= probability + chance

    def test_the_lower_bound_is_where_the_test_rejects_no_more(self) -> None:
        pairs = [pair(1.2), pair(1.3, error=0.01)]
        low, high = bounds_by_all(pairs, 0.025)
        assert p_all_beyond(pairs, low) == pytest.approx(0.025)
        mirrored = [Pair(-one.log_ratio, one.std_error, 1e6) for one in pairs]
        assert p_all_beyond(mirrored, -high) == pytest.approx(0.025)

    @pytest.mark.parametrize("machine", list(MACHINES))
    def test_no_early_look_calls_unchanged_code_slower(self, machine: str) -> None:
        draw = random.Random(6)
        test = PairedSlowdownTest(0.05, ALPHA)
        early = 0
        for _ in range(600):
            fresh = fresh_pairs(test, MACHINES[machine](draw, 0.0))
            is_red = bool(fresh) and test.confirmed(fresh).verdict is RegressionVerdict.REGRESSED
            early += is_red and len(fresh) <= EARLY_LOOKS
        assert early == 0

    @pytest.mark.parametrize("machine", ["off_pairs", "drifting"])
    def test_a_slowdown_by_20_percent_ends_after_two_pairs_as_a_rule(self, machine: str) -> None:
        draw = random.Random(7)
        test = PairedSlowdownTest(0.05, ALPHA)
        made = [fresh_pairs(test, MACHINES[machine](draw, math.log(1.2))) for _ in range(200)]
        assert sum(len(one) <= 2 for one in made) >= 0.8 * len(made)

    def test_on_recorded_pairs_early_ends_are_right(self, data: Callable[[str], Any]) -> None:
        """Of unchanged code none ends early as slower, of 20 % most do."""
        recorded: Mapping[str, Any] = data("pairs.json")["pairs"]
        known = {
            name: [found for head, base in rows if (found := pair_of(dict(enumerate(head)), dict(enumerate(base))))]
            for name, rows in recorded.items()
        }
        draw = random.Random(8)
        test = PairedSlowdownTest(0.02, ALPHA)
        ends: dict[float, list[int]] = {1.0: [], 1.2: []}
        for ratio, numbers in ends.items():
            for pairs in [*known.values()] * 40:
                shifted = [Pair(one.log_ratio + math.log(ratio), one.std_error, one.base_ns) for one in pairs]
                fresh = fresh_pairs(test, iter(draw.sample(shifted, len(shifted))))
                is_red = bool(fresh) and test.confirmed(fresh).verdict is RegressionVerdict.REGRESSED
                numbers.append(len(fresh) if is_red else 0)
        assert not any(ends[1.0])
        assert all(ends[1.2])
        assert sum(one <= EARLY_LOOKS for one in ends[1.2]) >= 0.9 * len(ends[1.2])
