from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pytest_perfbudget.core.pair_runs import averaged, pair_of_recordings
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import (
    LOAD_SPREAD,
    PAIR_SPREAD,
    QUADS,
    Pair,
    joined,
    pair_of,
)
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.slowdown import MOST_FRESH
from pytest_perfbudget.core.weather import BlockTime

Recorded = Mapping[str, list[Pair]]


def turns(*times_ns: float) -> dict[int, float]:
    return dict(enumerate(times_ns))


def pairs(*ratios: float, error: float = 0.0) -> list[Pair]:
    return [Pair(math.log(ratio), error, 1e6) for ratio in ratios]


def slowdown_test(share: float = 0.02, alpha: float = 0.001) -> PairedSlowdownTest:
    return PairedSlowdownTest(share, alpha)


class TestMean:
    """Beside the typical call, whose noise is the least, there is the mean of all."""

    @staticmethod
    def both(
        head: Callable[[], tuple[float, float]],
        base: Callable[[], tuple[float, float]] | None = None,
        turns: int = 64,
    ) -> Pair | None:
        def recording(block: Callable[[], tuple[float, float]]) -> Recording:
            blocks = [BlockTime(typical, (), (), mean) for typical, mean in (block() for _ in range(turns))]
            return Recording(blocks, turns=range(turns))

        return pair_of_recordings((recording(head), recording(base or (lambda: (1e6, 1e6)))))

    def test_it_counts_if_it_is_slower_and_clearly_so(self) -> None:
        found = self.both(lambda: (1e6, 2.5e6))
        assert found is not None
        assert math.exp(found.log_ratio) == pytest.approx(2.5)

    @pytest.mark.parametrize(("typical", "mean"), [(1e6, 1.09e6), (1.2e6, 1.2e6), (1e6, 0.5e6)])
    def test_else_the_typical_call_does(self, typical: float, mean: float) -> None:
        found = self.both(lambda: (typical, mean))
        assert found is not None
        assert math.exp(found.log_ratio) == pytest.approx(typical / 1e6)

    def test_of_few_quads_it_says_too_little(self) -> None:
        found = self.both(lambda: (1e6, 2.5e6), turns=14)
        assert found is not None
        assert found.log_ratio == pytest.approx(0)

    def test_stalls_of_the_machine_are_no_slowdown(self) -> None:
        """Every other turn has one, as long as the turn."""
        draw = random.Random(3)

        def stalled() -> tuple[float, float]:
            return 1e6, draw.choice([1e6, 2e6])

        found = [self.both(stalled, stalled) for _ in range(1000)]
        assert sum(one is not None and one.log_ratio > 0 for one in found) <= 2


class TestPair:
    def test_a_quad_is_free_of_a_steady_drift(self) -> None:
        """Turn 0: head, base; turn 1: base, head. So the head comes first and last, the base twice between."""
        head, base = turns(100, 103), turns(101, 102)
        found = pair_of(head, base)
        assert found is not None
        assert found.log_ratio == pytest.approx(0, abs=1e-4)

    def test_the_ratio_is_that_of_most_quads(self) -> None:
        head = turns(*[110.0] * 20, 900.0, 900.0)
        found = pair_of(head, turns(*[100.0] * 22))
        assert found is not None
        assert found.log_ratio == pytest.approx(math.log(1.1))
        assert found.base_ns == 100

    def test_only_turns_of_both_sides_count(self) -> None:
        found = pair_of({0: 110, 1: 110, 4: 500, 6: 1}, {0: 100, 1: 100, 2: 1, 3: 1, 4: 1})
        assert found is not None
        assert found.log_ratio == pytest.approx(math.log(1.1))

    def test_without_a_quad_single_turns_stand_in_and_without_any_there_is_nothing(self) -> None:
        found = pair_of({0: 110}, {0: 100})
        assert found is not None
        assert found.log_ratio == pytest.approx(math.log(1.1))
        assert pair_of({0: 1.0}, {1: 1.0}) is None

    @pytest.mark.parametrize("spread", [0.005, 0.02, 0.1])
    def test_its_error_is_what_it_says(self, spread: float) -> None:
        draw = random.Random(1)
        found = []
        for _ in range(300):
            head = {turn: math.exp(draw.gauss(0, spread)) for turn in range(2 * QUADS)}
            found.append(pair_of(head, dict.fromkeys(head, 1.0)))
        known = [one for one in found if one is not None]
        actual = math.sqrt(sum(one.log_ratio**2 for one in known) / len(known))
        stated = sum(one.std_error for one in known) / len(known)
        # Of few quads that agree too well it is not believed.
        assert 0.8 * actual < stated < max(1.5 * actual, 0.002)


class TestDecision:
    def test_a_pair_is_suspect_unless_it_is_far_more_likely_that_nothing_has_changed(self) -> None:
        assert slowdown_test().is_suspect(*pairs(1.03))
        assert not slowdown_test().is_suspect(*pairs(1.005))
        assert not slowdown_test().is_suspect(*pairs(0.99))

    def test_so_is_one_that_is_far_too_fast_for_one_of_its_processes_may_be_off(self) -> None:
        """A slowdown of 5 % in a process that is 10 % faster for life looks 5 % faster."""
        assert slowdown_test().is_suspect(*pairs(0.95))

    def test_a_pair_whose_quads_differ_widely_makes_nobody_suspect(self) -> None:
        assert not slowdown_test().is_suspect(*pairs(1.03, error=0.1))

    def test_four_fresh_pairs_that_agree_are_enough(self) -> None:
        assert slowdown_test().needs_fresh(pairs(1.1, 1.1, 1.1))
        assert not slowdown_test().needs_fresh(pairs(1.1, 1.101, 1.099, 1.1))
        change = slowdown_test().confirmed(pairs(1.1, 1.101, 1.099, 1.1))
        assert change.verdict is RegressionVerdict.REGRESSED
        assert change.ratio == pytest.approx(1.1, rel=1e-3)
        assert change.before == 1e6

    def test_a_fresh_pair_without_a_slowdown_ends_it(self) -> None:
        assert not slowdown_test().needs_fresh(pairs(1.0))
        assert slowdown_test().confirmed(pairs(1.0)).verdict is RegressionVerdict.UNCONFIRMED

    def test_unless_what_the_screening_pair_showed_weighs_more(self) -> None:
        asked = slowdown_test().after(*pairs(1.06))
        assert asked.needs_fresh(pairs(1.015))
        assert not asked.needs_fresh(pairs(1.0, 1.0))
        assert not slowdown_test().after(*pairs(1.015)).needs_fresh(pairs(1.0))

    def test_or_it_is_so_fast_that_it_may_be_the_one_that_is_off(self) -> None:
        assert slowdown_test().after(*pairs(1.05)).needs_fresh(pairs(0.9))

    def test_or_others_show_that_it_is_far_slower(self) -> None:
        assert slowdown_test(share=0.02).after(*pairs(1.1)).needs_fresh(pairs(1.1, 1.0))
        assert slowdown_test(share=0.02).after(*pairs(1.1)).needs_fresh(pairs(1.1, 1.1, 1.0))

    def test_the_screening_pair_has_no_part_in_the_verdict(self) -> None:
        fresh = pairs(1.1, 1.101, 1.099, 1.1)
        assert slowdown_test().after(*pairs(1.5)).confirmed(fresh) == slowdown_test().confirmed(fresh)

    @pytest.mark.parametrize(
        ("screened", "fresh", "verdict"),
        [
            (1.05, 1.0, RegressionVerdict.UNCONFIRMED),
            (0.95, 1.0, RegressionVerdict.UNCHANGED),
            (0.7, 0.7, RegressionVerdict.IMPROVED),
        ],
    )
    def test_only_what_looked_slower_has_something_that_is_not_confirmed(
        self, screened: float, fresh: float, verdict: RegressionVerdict
    ) -> None:
        change = slowdown_test(share=0.05).after(*pairs(screened)).confirmed(pairs(fresh))
        assert (change.verdict, change.runs) == (verdict, 1)

    def test_a_wild_pair_among_many_is_one_at_the_edge(self) -> None:
        calm = (1.1, 1.105, 1.095, 1.102, 1.098, 1.1, 1.101, 1.099)
        assert slowdown_test().confirmed(pairs(*calm, 0.95, 1.2)).verdict is RegressionVerdict.REGRESSED
        ratio = slowdown_test().confirmed(pairs(*calm, 1.5)).ratio
        assert ratio == pytest.approx(1.1, abs=0.01)

    def test_a_slowdown_within_the_limit_is_allowed(self) -> None:
        assert slowdown_test(share=0.2).confirmed(pairs(1.15, 1.15, 1.15)).verdict is RegressionVerdict.UNCONFIRMED

    def test_pairs_that_disagree_are_undecided(self) -> None:
        assert slowdown_test().confirmed(pairs(1.0, 1.2, 1.05)).verdict is RegressionVerdict.UNDECIDED

    def test_what_is_as_fast_is_unchanged_only_if_the_whole_interval_says_so(self) -> None:
        assert slowdown_test(share=0.05).screened(*pairs(1.0)).verdict is RegressionVerdict.UNCHANGED
        assert slowdown_test(share=0.005).screened(*pairs(1.0)).verdict is RegressionVerdict.UNDECIDED

    def test_what_is_clearly_faster_is_improved_if_two_pairs_say_so(self) -> None:
        """On a busy machine a process of one pair was off by half of the time."""
        assert slowdown_test().screened(*pairs(0.7)).verdict is RegressionVerdict.UNDECIDED
        assert slowdown_test().screened(joined(*pairs(0.7, 0.72))).verdict is RegressionVerdict.IMPROVED
        assert slowdown_test().screened(joined(*pairs(0.5, 1.0))).verdict is RegressionVerdict.UNDECIDED

    def test_a_gain_that_several_fresh_pairs_show_needs_not_all_of_them(self) -> None:
        gain = slowdown_test().after(*pairs(0.9)).confirmed(pairs(0.9, 0.91, 0.89, 0.9, 0.985))
        assert gain.verdict is RegressionVerdict.IMPROVED

    def test_what_only_first_runs_show_is_undecided_and_says_so(self) -> None:
        """Its gaps differ too much to be the reason for sure."""
        fresh = [averaged(pairs(first, 1.0, 1.0, 1.0)) for first in (1.04, 1.12, 1.05, 1.1)]
        found = slowdown_test(share=0.03).after(*pairs(1.06)).confirmed(fresh)
        assert found.verdict is RegressionVerdict.UNDECIDED
        assert found.reason.startswith("the first run of the test in each process looks slower")
        calm = [averaged(pairs(first, 1.0, 1.0)) for first in (1.06, 0.97, 1.05, 1.01)]
        assert slowdown_test(share=0.03).after(*pairs(1.06)).confirmed(calm).verdict is RegressionVerdict.UNCONFIRMED

    def test_a_call_that_takes_long_is_improved_by_one_pair(self) -> None:
        long = replace(pairs(0.7)[0], base_ns=170e6)
        assert slowdown_test().screened(long).verdict is RegressionVerdict.IMPROVED


@pytest.mark.parametrize("number", [3, 10])
@pytest.mark.parametrize("spread", [0.5 * PAIR_SPREAD, PAIR_SPREAD, 3 * PAIR_SPREAD])
def test_alarms_come_as_rarely_as_stated_and_intervals_cover(number: int, spread: float) -> None:
    """Pairs three times further apart than is usual are known by it, but less surely."""
    draw = random.Random(7)
    alarms = covered = 0
    tries = 2000
    for _ in range(tries):
        runs = [Pair(draw.gauss(0, spread), 0.002, 1e6) for _ in range(number)]
        found = slowdown_test().effect(runs)
        alarms += found.p_slower < 0.05
        covered += found.bound(0.025) < 0 < found.bound(0.975)
    assert alarms / tries <= (0.06 if spread <= PAIR_SPREAD else 0.1)
    assert covered / tries >= (0.94 if spread <= PAIR_SPREAD else 0.88)


class TestOnRecordedPairs:
    """The whole rule on 12 pairs of identical code: one screens, others confirm."""

    @pytest.fixture
    def recorded(self, data: Callable[[str], Any]) -> Recorded:
        known = {}
        for name, rows in data("pairs.json")["pairs"].items():
            found = [pair_of(dict(enumerate(head)), dict(enumerate(base))) for head, base in rows]
            known[name] = [one for one in found if one is not None]
        return known

    @staticmethod
    def judge(recorded: Recorded, slowdown: float, *, sessions: int, seed: int) -> list[list[bool]]:
        """Return for each session which of its tests are regressed."""
        draw = random.Random(seed)
        asked = slowdown_test(alpha=0.01 / len(recorded))
        found = []
        for _ in range(sessions):
            session = []
            for known in recorded.values():
                slowed = [Pair(one.log_ratio + math.log1p(slowdown), one.std_error, one.base_ns) for one in known]
                first, *others = draw.sample(slowed, len(slowed))
                fresh: list[Pair] = []
                if asked.is_suspect(first):
                    while asked.needs_fresh(fresh):
                        fresh.append(others[len(fresh)])
                session.append(bool(fresh) and asked.confirmed(fresh).verdict is RegressionVerdict.REGRESSED)
            found.append(session)
        return found

    def test_clean_sessions_stay_green(self, recorded: Recorded) -> None:
        sessions = self.judge(recorded, 0.0, sessions=400, seed=1)
        assert sum(any(session) for session in sessions) <= 2

    @pytest.mark.parametrize(("slowdown", "least"), [(0.03, 0.8), (0.05, 0.95), (0.1, 0.97)])
    def test_real_slowdowns_turn_red(self, recorded: Recorded, slowdown: float, least: float) -> None:
        sessions = self.judge(recorded, slowdown, sessions=100, seed=2)
        caught = [test for session in sessions for test in session]
        assert sum(caught) / len(caught) >= least


class TestSlowCalls:
    """A call so slow that a pair has a quad or two: ten pairs do not weigh as much as three usual ones."""

    @staticmethod
    def judge(by: float, draw: random.Random, *, tests: int, error: float = 0.025) -> tuple[bool, int]:
        """Return whether a test is regressed, and the number of its fresh pairs."""
        asked = PairedSlowdownTest(0.05, 0.01 / tests)

        def made() -> Pair:
            return Pair(math.log1p(by) + draw.gauss(0, math.hypot(PAIR_SPREAD, 0.6 * error)), error, 17e7)

        screening = made()
        if not asked.is_suspect(screening):
            return False, 0
        asked = asked.after(screening)
        fresh: list[Pair] = []
        while asked.needs_fresh(fresh):
            fresh.append(made())
        return asked.confirmed(fresh).verdict is RegressionVerdict.REGRESSED, len(fresh)

    def test_a_clear_slowdown_ends_after_three_pairs(self) -> None:
        draw = random.Random(9)
        found = [self.judge(0.14, draw, tests=1) for _ in range(200)]
        assert sum(is_red for is_red, _ in found) >= 195
        assert sum(number <= 3 for is_red, number in found if is_red) >= 150

    def test_in_a_large_suite_a_second_look_after_six_pairs_ends_most(self) -> None:
        """Each test has a smaller part of alpha there, and three pairs are seldom enough."""
        draw = random.Random(12)
        found = [self.judge(0.1, draw, tests=24) for _ in range(200)]
        assert sum(is_red and number <= 6 for is_red, number in found) >= 190

    @pytest.mark.parametrize("error", [0.0145, 0.018])
    def test_with_a_few_quads_more_it_ends_as_early(self, error: float) -> None:
        """Three quads in a pair: nine or ten pairs would be enough for the first look."""
        draw = random.Random(14)
        found = [self.judge(0.14, draw, tests=1, error=error) for _ in range(200)]
        assert sum(is_red and number <= 3 for is_red, number in found) >= 190

    @pytest.mark.parametrize(("spread", "is_open"), [(PAIR_SPREAD, False), (LOAD_SPREAD, True)])
    def test_a_load_has_all_the_pairs_that_are_enough_for_its_first_look(self, spread: float, *, is_open: bool) -> None:
        made = [Pair(math.log(ratio), 1.3 * spread, 17e7, spread) for ratio in (1.6, 1.61, 1.6, 1.59)]
        assert slowdown_test(0.05, 0.01).after(made[3]).needs_fresh(made[:3]) is is_open

    def test_a_doubtful_slowdown_gets_all_its_pairs(self) -> None:
        draw = random.Random(10)
        found = [self.judge(0.055, draw, tests=12) for _ in range(200)]
        assert sum(number == MOST_FRESH for _, number in found) >= 100

    def test_unchanged_calls_are_called_slower_as_rarely_as_stated(self) -> None:
        draw = random.Random(11)
        assert sum(self.judge(0.0, draw, tests=1)[0] for _ in range(1000)) <= 10


class TestRareCalls:
    """A slowdown of calls so rare that the typical call has none of them."""

    @staticmethod
    def pair(rare: float, generator: random.Random) -> Pair:
        """Return a pair in which one turn in eight has a slow call, ten times as slow in the head if `rare` is 10."""
        sides = []
        for slowness in (rare, 1.0):
            means = {turn: 1e6 * (1 + (5 * slowness if generator.random() < 1 / 8 else 0)) for turn in range(128)}
            blocks = [BlockTime(1e6 * generator.gauss(1, 0.01), (), (), mean) for mean in means.values()]
            sides.append(Recording(blocks, turns=list(means)))
        found = pair_of_recordings((sides[0], sides[1]))
        assert found is not None
        return found

    def judged(self, rare: float, generator: random.Random) -> RegressionResult:
        """Return the result of the whole procedure: a screening pair, and fresh pairs as long as they are needed."""
        asked = PairedSlowdownTest(0.05, 0.0005)
        screening = self.pair(rare, generator)
        if not asked.is_suspect(screening):
            return asked.screened(screening)
        asked = asked.after(screening)
        fresh: list[Pair] = []
        while asked.needs_fresh(fresh):
            fresh.append(self.pair(rare, generator))
        return asked.confirmed(fresh)

    def test_they_fail_the_test_with_the_reason(self) -> None:
        generator = random.Random(3)
        found = [self.judged(10, generator) for _ in range(20)]
        red = [one for one in found if one.verdict is RegressionVerdict.REGRESSED]
        assert len(red) >= 18
        assert {one.reason for one in red} == {"the mean call counts: rare calls are slower, the typical call is not"}
        # 1 + 50 / 8 against 1 + 5 / 8
        assert sum(one.ratio or 0 for one in red) / len(red) == pytest.approx((1 + 50 / 8) / (1 + 5 / 8), rel=0.1)

    def test_as_many_on_both_sides_never_fail(self) -> None:
        generator = random.Random(4)
        assert not any(self.judged(1, generator).verdict is RegressionVerdict.REGRESSED for _ in range(200))

    def test_a_single_pair_leaves_them_undecided(self) -> None:
        generator = random.Random(3)
        found = [PairedSlowdownTest(0.05, 0.005).screened(self.pair(10, generator)) for _ in range(20)]
        assert sum(one.verdict is RegressionVerdict.UNDECIDED for one in found) >= 18
        assert sum("the mean call looks" in one.reason for one in found) >= 18
