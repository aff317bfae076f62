from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from simulations import at_most

from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair, pair_of
from pytest_perfbudget.core.reference import Estimate, Prior, Reference, fit, prior_of
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.slowdown import LOOKS, MOST_FRESH
from pytest_perfbudget.core.unpaired import BESIDE_PAIRS, BLOCKS, DOUBLED, UnpairedSlowdownTest
from pytest_perfbudget.core.weather import BlockTime, calm

CALM_NS = (40_000.0, 20_000.0, 30_000.0)
REFERENCE = Reference(1e6, 0.01, 10, 40, 10.0, 0.0, 0.03, (0.4, 0.3, 0.3), CALM_NS)


def slowdown_test(**changes: Any) -> UnpairedSlowdownTest:
    return UnpairedSlowdownTest(
        **{"reference": REFERENCE, "prior": Prior(0.01, 4), "tolerance": 0.05, "alpha": 0.001, **changes}
    )


def blocks(ratio: float, number: int = BLOCKS) -> list[BlockTime]:
    return [BlockTime(1e6 * ratio, CALM_NS, CALM_NS)] * number


def fresh(*ratios: float, weight: float = 1.0) -> list[Estimate]:
    return [Estimate(math.log(1e6 * ratio), 0.0, weight) for ratio in ratios]


class TestScreening:
    def test_a_run_takes_so_many_blocks_and_twice_as_many_if_it_looks_slower(self) -> None:
        assert slowdown_test().more_blocks([]) == BLOCKS
        assert slowdown_test().more_blocks(blocks(1.0)) == 0
        assert slowdown_test().more_blocks(blocks(1.1)) == BLOCKS
        assert slowdown_test().more_blocks(blocks(1.0, BLOCKS + 1)) == BLOCKS - 1
        assert slowdown_test().more_blocks(blocks(1.1, DOUBLED)) == 0

    def test_a_run_takes_half_as_many_blocks_if_pairs_confirm(self) -> None:
        asked = slowdown_test(in_pairs=True)
        assert asked.more_blocks([]) == BESIDE_PAIRS
        assert asked.is_suspect(asked.estimate(blocks(1.1, BESIDE_PAIRS)))
        assert asked.more_blocks(blocks(1.1, BESIDE_PAIRS)) == 0
        assert replace(asked, then_by_runs=True).more_blocks([]) == BLOCKS

    @pytest.mark.parametrize(
        ("ratio", "suspect"), [(0.8, False), (1.0, False), (1.015, False), (1.05, True), (2.0, True)]
    )
    def test_a_suspect_is_known_by_a_low_bar(self, ratio: float, *, suspect: bool) -> None:
        assert slowdown_test().is_suspect(fresh(ratio)[0]) is suspect

    def test_in_weather_so_bad_that_it_may_be_anything_nobody_is_suspect(self) -> None:
        assert not slowdown_test().is_suspect(fresh(1.1, weight=0.001)[0])

    def test_unless_pairs_will_tell_which_have_one_weather(self) -> None:
        asked = slowdown_test(in_pairs=True)
        assert asked.is_suspect(fresh(1.1, weight=0.001)[0])
        assert not asked.is_suspect(fresh(1.015, weight=0.001)[0])

    def test_what_is_no_suspect_is_unchanged_only_if_the_whole_interval_says_so(self) -> None:
        assert slowdown_test().screened(fresh(1.0)[0]).verdict is RegressionVerdict.UNCHANGED
        assert slowdown_test(tolerance=0.01).screened(fresh(1.0)[0]).verdict is RegressionVerdict.UNDECIDED

    def test_faster_than_is_a_matter_of_noise_is_improved(self) -> None:
        change = slowdown_test().screened(fresh(0.8)[0])
        assert change.verdict is RegressionVerdict.IMPROVED
        assert change.ratio == pytest.approx(0.8)
        assert slowdown_test().screened(fresh(0.97)[0]).verdict is not RegressionVerdict.IMPROVED

    def test_if_processes_differ_a_fast_one_may_be_slower_too(self) -> None:
        """Pairs tell, so a run is no suspect only if it is faster by a third."""
        rough = slowdown_test(reference=replace(REFERENCE, spread=0.08))
        for ratio, by_runs, by_pairs in ((0.6, False, False), (0.7, False, True), (1.03, False, True)):
            assert rough.is_suspect(fresh(ratio)[0]) is by_runs
            assert replace(rough, in_pairs=True).is_suspect(fresh(ratio)[0]) is by_pairs

    def test_a_level_moves_by_a_half_or_by_what_the_runs_of_the_update_show(self) -> None:
        some, rough = (slowdown_test(reference=replace(REFERENCE, spread=one)) for one in (0.04, 0.15))
        assert some.is_uncertain
        assert (1 + some.smallest_found()) ** 2 < 1.5
        assert [some.may_be_another_level(one) for one in (1.49, 1.51)] == [True, False]
        most = (1 + rough.smallest_found()) ** 2
        assert most > 1.5
        assert [rough.may_be_another_level(one) for one in (0.99 * most, 1.01 * most)] == [True, False]

    @pytest.mark.parametrize("spread", [0.005, 0.04, 0.08, 0.15])
    def test_processes_alone_tell_slowdowns_from_there_on(self, spread: float) -> None:
        """Smaller ones may be regressed, too, if more processes are needed, or be another level of an uncertain time."""
        asked = slowdown_test(reference=replace(REFERENCE, spread=spread))
        ratio = 1.01 * (1 + asked.told_without_pairs())
        agreeing = fresh(*[ratio] * asked.enough)
        assert asked.confirmed(agreeing).verdict is RegressionVerdict.REGRESSED
        assert not asked.may_be_another_level(ratio)
        below = 0.99 * (1 + asked.told_without_pairs())
        is_told = asked.confirmed(fresh(*[below] * asked.enough)).verdict is RegressionVerdict.REGRESSED
        assert not is_told or asked.may_be_another_level(below)

    @pytest.mark.parametrize(("spread", "expected"), [(0.005, False), (0.01, False), (0.04, True), (0.08, True)])
    def test_a_baseline_is_uncertain_if_runs_would_not_find_half_as_much_again_as_the_tolerance(
        self, spread: float, *, expected: bool
    ) -> None:
        asked = slowdown_test(reference=replace(REFERENCE, spread=spread))
        assert asked.is_uncertain is expected
        assert (asked.smallest_found() > 0.075) is expected


class TestConfirmation:
    def test_three_calm_runs_are_enough(self) -> None:
        assert slowdown_test().needs_fresh([])
        assert slowdown_test().needs_fresh(fresh(1.1, 1.1))
        assert not slowdown_test().needs_fresh(fresh(1.1, 1.1, 1.1))

    def test_what_the_first_look_cannot_tell_from_noise_is_looked_at_once_more_with_all_runs(self) -> None:
        unsure = [1.02, 1.2, 1.1, 1.08, 1.15, 1.1, 1.05, 1.14, 1.09, 1.11]
        confidence = [1.02, 1.2, 1.1] + [1.1] * 7
        assert slowdown_test().confirmed(fresh(*unsure[:3])).verdict is RegressionVerdict.UNDECIDED
        assert all(slowdown_test().needs_fresh(fresh(*unsure[:number])) for number in range(3, 10))
        assert all(slowdown_test().needs_fresh(fresh(*confidence[:number])) for number in range(3, 10))
        assert not slowdown_test().needs_fresh(fresh(*unsure))
        assert slowdown_test().confirmed(fresh(*unsure)).verdict is RegressionVerdict.REGRESSED

    def test_two_runs_are_enough_if_they_and_the_screening_run_are_far_slower(self) -> None:
        test = slowdown_test()
        assert not test.after(*fresh(1.3)).needs_fresh(fresh(1.3, 1.31))
        found = test.after(*fresh(1.3)).confirmed(fresh(1.3, 1.31))
        assert (found.verdict, found.runs) == (RegressionVerdict.REGRESSED, 2)
        assert test.after(*fresh(1.3)).needs_fresh(fresh(1.3))
        assert test.after(*fresh(1.04)).needs_fresh(fresh(1.3, 1.31))
        assert test.after(*fresh(1.08)).needs_fresh(fresh(1.08, 1.09))
        assert test.after(*fresh(1.3)).needs_fresh(fresh(1.3, 1.31, weight=0.01))

    def test_all_looks_share_alpha(self) -> None:
        test = slowdown_test()
        assert test.alpha_after(2) + LOOKS * test.alpha_per_look == pytest.approx(test.alpha)

    def test_in_bad_weather_there_are_more_up_to_a_limit(self) -> None:
        assert slowdown_test().needs_fresh(fresh(*[1.3] * 5, weight=0.1))
        assert not slowdown_test().needs_fresh(fresh(*[1.3] * MOST_FRESH, weight=0.1))

    def test_the_first_run_that_looks_like_the_baseline_ends_it(self) -> None:
        assert not slowdown_test().needs_fresh(fresh(1.0))
        assert slowdown_test().confirmed(fresh(1.0)).verdict is RegressionVerdict.UNCONFIRMED

    def test_but_not_in_weather_so_bad_that_it_means_nothing(self) -> None:
        assert slowdown_test().needs_fresh(fresh(1.0, weight=0.1))
        assert slowdown_test().needs_fresh(fresh(1.0, 1.0, weight=0.1))
        assert not slowdown_test().needs_fresh(fresh(1.0, 1.0, 1.0, weight=0.1))

    def test_runs_that_agree_on_a_slowdown_beyond_the_limit_make_it_regressed(self) -> None:
        change = slowdown_test().confirmed(fresh(1.1, 1.11, 1.09))
        assert change.verdict is RegressionVerdict.REGRESSED
        assert change.runs == 3
        assert change.ratio == pytest.approx(1.1, rel=1e-3)
        assert change.lower is not None
        assert change.upper is not None
        assert 1.05 < change.lower < 1.1 < change.upper < 1.15

    def test_a_sure_slowdown_within_the_limit_is_allowed(self) -> None:
        assert slowdown_test(tolerance=0.2).confirmed(fresh(1.15, 1.15, 1.15)).verdict is RegressionVerdict.UNCONFIRMED
        assert slowdown_test(tolerance=0.1).confirmed(fresh(1.15, 1.15, 1.15)).verdict is RegressionVerdict.REGRESSED

    def test_a_slowdown_that_may_be_noise_is_undecided(self) -> None:
        change = slowdown_test().confirmed(fresh(1.02, 1.25, 1.06))
        assert change.verdict is RegressionVerdict.UNDECIDED

    def test_the_machines_weather_is_told(self) -> None:
        busy = [Estimate(math.log(1.2e6), math.log(1.4), 0.05)] * 3
        assert slowdown_test().confirmed(busy).weather == pytest.approx(1.4)


class TestPower:
    def test_what_could_be_found_follows_from_the_spread(self) -> None:
        assert slowdown_test().smallest_found() == pytest.approx(0.05)
        rough = slowdown_test(reference=replace(REFERENCE, spread=0.15))
        assert 0.5 < rough.smallest_found() < 2
        assert slowdown_test(tolerance=3.0).smallest_found() == pytest.approx(3.0)

    def test_a_slowdown_just_beyond_it_is_found_and_just_below_is_not(self) -> None:
        rough = slowdown_test(reference=replace(REFERENCE, spread=0.05))
        smallest = 1 + rough.smallest_found()
        assert rough.confirmed(fresh(*[smallest * 1.01] * 3)).verdict is RegressionVerdict.REGRESSED
        assert rough.confirmed(fresh(*[smallest * 0.99] * 3)).verdict is RegressionVerdict.UNDECIDED


class TestUncertainBaselines:
    """Code that differs by 8 % from process to process, and by 2 % from pair to pair, as recorded of scattered data."""

    PROCESSES, PAIRS, TOLERANCE = 0.08, 0.02, 0.03

    def judged(self, slowdown: float, *, in_pairs: bool, tests: int) -> int:
        """Return how many tests are regressed."""
        draw = random.Random(7)
        red = 0
        for _ in range(tests):
            base = [
                [BlockTime(math.exp(draw.gauss(0, self.PROCESSES)) * 1e6, CALM_NS, CALM_NS)] * 4 for _ in range(RUNS)
            ]
            asked = slowdown_test(
                reference=fit(base, CALM_NS), tolerance=self.TOLERANCE, alpha=0.01 / TESTS, in_pairs=in_pairs
            )
            red += self.is_regressed(asked, slowdown, draw)
        return red

    def is_regressed(self, asked: UnpairedSlowdownTest, slowdown: float, draw: random.Random) -> bool:
        def process() -> Estimate:
            return Estimate(math.log(1e6 * (1 + slowdown)) + draw.gauss(0, self.PROCESSES), 0.0, 1.0)

        screening = process()
        if not asked.is_suspect(screening):
            return False
        if not asked.in_pairs:
            runs: list[Estimate] = []
            while asked.needs_fresh(runs):
                runs.append(process())
            return asked.confirmed(runs).verdict is RegressionVerdict.REGRESSED
        found = asked.effect([screening])
        beside = PairedSlowdownTest(asked.tolerance, asked.alpha, is_screened_by_pair=False)
        beside = beside.after(Pair(found.log_ratio, found.std_error, 1e6))
        pairs: list[Pair] = []
        while beside.needs_fresh(pairs):
            pairs.append(Pair(math.log1p(slowdown) + draw.gauss(0, self.PAIRS), 0.005, 1e6))
        return beside.confirmed(pairs).verdict is RegressionVerdict.REGRESSED

    def test_pairs_find_a_slowdown_by_8_percent(self) -> None:
        assert self.judged(0.08, in_pairs=True, tests=200) >= 180

    def test_fresh_processes_do_not(self) -> None:
        assert self.judged(0.08, in_pairs=False, tests=200) <= 20

    def test_unchanged_code_is_called_slower_as_rarely_as_stated(self) -> None:
        assert self.judged(0.0, in_pairs=True, tests=300) <= at_most(0.01 / TESTS, 300)


Runs = list[dict[str, list[BlockTime]]]
RUNS, FRESH_RUNS, TESTS, GAP = 10, MOST_FRESH, 12, 2


@lru_cache(maxsize=1)
def _known(size: int) -> dict[int, dict[str, Reference]]:  # noqa: ARG001 - a cache to fill
    return {}


class TestOnRecordedNoise:
    """The whole rule on 40 recorded processes: ten make a baseline, others screen and confirm."""

    @pytest.fixture
    def recorded(self, data: Callable[[str], Any]) -> Runs:
        return [
            {
                name: [
                    BlockTime(float(time_ns), tuple(map(float, before)), tuple(map(float, after)))
                    for time_ns, before, after in zip(times, canaries, canaries[1:], strict=False)
                ]
                for name, (times, canaries) in run.items()
            }
            for run in data("runs.json")["runs"]
        ]

    def judge(self, recorded: Runs, slowdown: float, *, sessions: int, seed: int) -> list[list[bool]]:
        """Return for each session which of its tests are regressed."""
        draw = random.Random(seed)
        found = []
        for _ in range(sessions):
            base, head = self._draw(draw, len(recorded))
            known = self._references(recorded, base)
            prior = prior_of(known.values())
            found.append(
                [
                    self._is_regressed(
                        UnpairedSlowdownTest(0.05, 0.01 / TESTS, reference, prior),
                        [self._slowed(run[name], slowdown) for run in recorded[head : head + 1 + FRESH_RUNS]],
                    )
                    for name, reference in known.items()
                ]
            )
        return found

    @staticmethod
    def _draw(draw: random.Random, number: int) -> tuple[int, int]:
        while True:
            base, head = draw.randrange(number - RUNS + 1), draw.randrange(number - FRESH_RUNS)
            if head + FRESH_RUNS < base - GAP or head >= base + RUNS + GAP:
                return base, head

    @staticmethod
    def _references(recorded: Runs, base: int) -> dict[str, Reference]:
        known = _known(len(recorded))
        if base not in known:
            runs = recorded[base : base + RUNS]
            calm_ns = calm([block for run in runs for blocks in run.values() for block in blocks])
            known[base] = {name: fit([run[name] for run in runs], calm_ns) for name in runs[0]}
        return known[base]

    @staticmethod
    def _slowed(blocks: list[BlockTime], slowdown: float) -> list[BlockTime]:
        return [block._replace(time_ns=block.time_ns * (1 + slowdown)) for block in blocks]

    def judge_by_pairs(self, recorded: Runs, pairs: list[list[Pair]], slowdown: float, **changes: Any) -> list[bool]:
        """Return for each of 60 sessions and each test whether it is regressed, with 2 % allowed and pairs that confirm."""
        draw = random.Random(3)
        found = []
        for _ in range(60):
            base, head = self._draw(draw, len(recorded))
            known = self._references(recorded, base)
            for name, reference in known.items():
                asked = UnpairedSlowdownTest(0.02, 0.01 / TESTS, reference, prior_of(known.values()), **changes)
                if not asked.is_suspect(asked.estimate(self._slowed(recorded[head][name], slowdown))):
                    found.append(False)
                    continue
                chosen = draw.choice(pairs)
                others = [
                    replace(one, log_ratio=one.log_ratio + math.log1p(slowdown))
                    for one in draw.sample(chosen, len(chosen))
                ]
                beside = PairedSlowdownTest(asked.tolerance, asked.alpha)
                number = next(at for at in range(1, len(others)) if not beside.needs_fresh(others[:at]))
                found.append(beside.confirmed(others[:number]).verdict is RegressionVerdict.REGRESSED)
        return found

    @staticmethod
    def _is_regressed(asked: UnpairedSlowdownTest, runs: list[list[BlockTime]]) -> bool:
        if not asked.is_suspect(asked.estimate(runs[0])):
            return False
        asked = asked.after(asked.estimate(runs[0]))
        estimates: list[Estimate] = []
        for run in runs[1:]:
            estimates.append(asked.estimate(run))
            if not asked.needs_fresh(estimates):
                break
        return asked.confirmed(estimates).verdict is RegressionVerdict.REGRESSED

    def test_clean_sessions_stay_green(self, recorded: Runs) -> None:
        sessions = self.judge(recorded, 0.0, sessions=200, seed=1)
        assert sum(any(session) for session in sessions) <= 2

    def test_real_slowdowns_turn_red(self, recorded: Runs) -> None:
        """With the 24 blocks of the recording; a run has 40."""
        for slowdown, least in ((0.1, 0.8), (0.2, 0.9)):
            sessions = self.judge(recorded, slowdown, sessions=40, seed=2)
            caught = [test for session in sessions for test in session]
            assert sum(caught) / len(caught) >= least, slowdown

    def test_confirmed_by_pairs_smaller_ones_do_too(self, recorded: Runs, data: Callable[[str], Any]) -> None:
        """By the bar of runs one in seven would not even be suspect."""
        pairs = [
            [pair for head, base in rows if (pair := pair_of(dict(enumerate(head)), dict(enumerate(base)))) is not None]
            for rows in data("pairs.json")["pairs"].values()
        ]
        caught = self.judge_by_pairs(recorded, pairs, 0.05, in_pairs=True)
        assert sum(caught) / len(caught) >= 0.93
        by_the_bar_of_runs = self.judge_by_pairs(recorded, pairs, 0.05)
        assert sum(by_the_bar_of_runs) / len(by_the_bar_of_runs) <= 0.9
        clean = self.judge_by_pairs(recorded, pairs, 0.0, in_pairs=True)
        assert sum(clean) <= 1


def test_the_recording_is_small_enough_to_keep() -> None:
    assert (Path(__file__).parent.parent / "data" / "runs.json").stat().st_size < 500_000
