"""The search for the first slow commit: its parts on exact estimates, and the whole on recorded noise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.bisection import (
    MOST_EACH,
    MOST_FIRST,
    Answer,
    Bisection,
    Estimate,
    Found,
    Level,
    is_bad_slower,
    pooled,
)
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair, pair_of
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

TEN = math.log(1.1)


def estimate(share: float, error: float = 0.005, pairs: int = 3) -> Estimate:
    """Return an estimate by which bad is slower by a share."""
    centre = math.log1p(share)
    return Estimate(centre, error, centre - 2 * error, centre + 2 * error, pairs)


@dataclass
class Repository:
    """Commits of which the first `culprit` are fast; bad is slower than those by a share."""

    culprit: int
    last: int = 64
    broken: Collection[int] = ()
    by: float = 0.1

    def search(self, duet: Callable[[float], Estimate], most: int = 60) -> tuple[Found | None, int]:
        """Return the result and the number of duets; no result if bad is not slower."""
        gap = math.log1p(self.by)
        first = [duet(gap)]
        while is_bad_slower(first) is Answer.UNDECIDED:
            first.append(duet(gap))
        duets = len(first)
        if is_bad_slower(first) is Answer.NOT_SLOWER:
            return None, duets
        state = Bisection.begin(self.last, first)
        while (at := state.next()) is not None and duets < most:
            if at in self.broken:
                state = state.without(at)
                continue
            state = state.compared(at, duet(gap if at < self.culprit else 0.0))
            duets += 1
        return state.found(), duets


def exact(log_ratio: float) -> Estimate:
    return estimate(math.expm1(log_ratio))


class TestFirstDuet:
    """Whether bad is slower than good is known before the search."""

    def test_a_clear_slowdown_needs_one_duet(self) -> None:
        assert is_bad_slower([estimate(0.1)]) is Answer.SLOWER

    def test_unchanged_code_needs_one_precise_duet(self) -> None:
        assert is_bad_slower([estimate(0.0)]) is Answer.NOT_SLOWER

    def test_a_gain_is_no_slowdown(self) -> None:
        assert is_bad_slower([estimate(-0.1)]) is Answer.NOT_SLOWER

    def test_a_rough_duet_is_repeated_until_the_repeats_are_used_up(self) -> None:
        rough = estimate(0.01, error=0.02)
        answers = [is_bad_slower([rough] * number) for number in range(1, MOST_FIRST + 1)]
        assert answers == [Answer.UNDECIDED, Answer.UNDECIDED, Answer.NOT_SLOWER]

    def test_repeats_show_a_slowdown_that_one_of_them_leaves_open(self) -> None:
        rough = estimate(0.03, error=0.02)
        assert is_bad_slower([rough]) is Answer.UNDECIDED
        assert is_bad_slower([rough] * 3) is Answer.SLOWER


class TestPooled:
    """Several duets of one commit count as one, more precise duet."""

    def test_the_precise_estimate_counts_more(self) -> None:
        found = pooled([estimate(0.0, error=0.01), estimate(0.1, error=0.001)])
        assert found.log_ratio == pytest.approx(TEN, rel=0.02)

    def test_four_equal_estimates_have_half_of_the_error(self) -> None:
        found = pooled([estimate(0.1, error=0.01)] * 4)
        assert (found.log_ratio, found.std_error) == pytest.approx((TEN, 0.005))
        assert (found.lower, found.upper) == pytest.approx((TEN - 0.01, TEN + 0.01))
        assert found.pairs == 12


class TestEstimate:
    """An estimate is taken from the result of a comparison."""

    def test_a_time_is_taken_with_its_interval(self) -> None:
        change = RegressionResult(
            "time", RegressionVerdict.REGRESSED, ratio=1.1, lower=1.08, upper=1.12, log_std_error=0.01, runs=3
        )
        found = Estimate.from_result(change)
        assert (found.log_ratio, found.lower, found.upper) == pytest.approx((TEN, math.log(1.08), math.log(1.12)))
        assert found.pairs == 3

    def test_a_measurement_that_was_not_compared_has_none(self) -> None:
        with pytest.raises(ValueError, match=r"^no estimate: unmeasured$"):
            Estimate.from_result(RegressionResult("time", RegressionVerdict.UNMEASURED))


class TestSearch:
    """Every commit can be found, and a commit that does not run makes a range at most."""

    @given(last=st.integers(1, 100), share=st.floats(0.05, 3.0), data=st.data())
    def test_every_commit_is_found_by_exact_estimates(self, last: int, share: float, data: st.DataObject) -> None:
        culprit = data.draw(st.integers(1, last))
        found, duets = Repository(culprit, last, by=share).search(exact)
        assert found is not None
        assert (found.first, found.last) == (culprit, culprit)
        assert found.slowdown is not None
        assert found.slowdown.log_ratio == pytest.approx(math.log1p(share))
        assert duets <= math.log2(last) + 3

    @given(last=st.integers(2, 40), data=st.data())
    def test_the_range_has_the_commit_whichever_commits_do_not_run(self, last: int, data: st.DataObject) -> None:
        culprit = data.draw(st.integers(1, last))
        broken = data.draw(st.sets(st.integers(1, last - 1)))
        found, _ = Repository(culprit, last, broken).search(exact)
        assert found is not None
        assert found.first <= culprit <= found.last
        # The range has no commit too many: all of its commits but the last do not run.
        assert set(range(found.first, found.last)) <= broken
        assert found.last not in broken

    def test_neighbours_of_a_commit_that_does_not_run_are_tried_last(self) -> None:
        state = Bisection.begin(64, [estimate(0.1)])
        assert state.next() == 32
        following = state.without(32).next()
        assert following is not None
        assert abs(following - 32) > 2

    def test_a_duet_on_which_the_result_depends_is_repeated(self) -> None:
        """A single pair says that commit 32 is fast, and each later commit is slow."""
        state = Bisection.begin(64, [estimate(0.1)]).compared(32, estimate(0.1, 0.012, pairs=1))
        for at in (48, 40, 36, 34, 33):
            state = state.compared(at, estimate(0.0, 0.012, pairs=1))
        assert state.next() == 32
        agreed = state
        while (again := agreed.next()) is not None:
            assert again in (32, 33)
            agreed = agreed.compared(again, estimate(0.1 if again == 32 else 0.0, 0.012, pairs=1))
        assert (agreed.found().first, agreed.found().last) == (33, 33)
        opposed = state.compared(32, estimate(0.0))
        assert opposed.next() is not None
        assert opposed.found().first < 33

    def test_a_good_commit_that_turns_out_slow_is_found_as_such(self) -> None:
        """The first duet had a pair that was off: good is as slow as all others."""
        state = Bisection.begin(8, [estimate(0.1, 0.012, pairs=1)])
        while (at := state.next()) is not None:
            state = state.compared(at, estimate(0.0))
        assert state.found().first == 0

    def test_a_slowdown_in_two_steps_is_a_range(self) -> None:
        """Commits 20 to 39 lie on the midpoint between good and bad."""
        half = math.sqrt(1.1) - 1
        state = Bisection.begin(64, [estimate(0.1)])
        tried: dict[int, int] = {}
        while (at := state.next()) is not None:
            tried[at] = tried.get(at, 0) + 1
            state = state.compared(at, estimate(0.1 if at < 20 else half if at < 40 else 0.0))
        assert (state.found().first, state.found().last) == (20, 40)
        assert max(tried.values()) == MOST_EACH
        assert state.level(30) is Level.UNDECIDED

    def test_the_midpoint_decides_the_level_of_a_commit(self) -> None:
        state = Bisection.begin(8, [estimate(0.1)])
        assert state.compared(4, estimate(0.07)).level(4) is Level.FAST
        assert state.compared(4, estimate(0.03)).level(4) is Level.SLOW
        assert state.compared(4, estimate(-0.2)).level(4) is Level.SLOW
        assert state.compared(4, estimate(0.4)).level(4) is Level.FAST

    def test_bad_itself_is_found_without_a_duet_of_its_own(self) -> None:
        found, _ = Repository(64).search(exact)
        assert found is not None
        assert (found.first, found.last) == (64, 64)
        assert found.slowdown is not None
        assert found.slowdown.log_ratio == pytest.approx(TEN)


Recorded = Mapping[str, Sequence[Pair]]


class TestOnRecordedPairs:
    """The search among 64 commits, five of which do not run, with the noise of recorded pairs of identical code.

    A duet is decided as `--perf-against` decides it, with a tolerance of 5 %.
    """

    @pytest.fixture
    def recorded(self, data: Callable[[str], Any]) -> Recorded:
        known = {}
        for name, rows in data("pairs.json")["pairs"].items():
            found = [pair_of(dict(enumerate(head)), dict(enumerate(base))) for head, base in rows]
            known[name] = [one for one in found if one is not None]
        return known

    @staticmethod
    def duet(recorded: Sequence[Pair], by: float, draw: random.Random) -> Estimate:
        """Return the estimate of a session in which bad is slower by `by`, in log time."""
        drawn = draw.sample(recorded, len(recorded))
        first, *others = [Pair(draw.choice([1, -1]) * one.log_ratio + by, one.std_error, 1e6) for one in drawn]
        asked = PairedSlowdownTest(0.05, 0.005)
        if not asked.is_suspect(first):
            return Estimate.from_result(asked.screened(first))
        asked = asked.after(first)
        fresh: list[Pair] = []
        while asked.needs_fresh(fresh):
            fresh.append(others[len(fresh)])
        return Estimate.from_result(asked.confirmed(fresh))

    def searches(
        self, recorded: Recorded, by: float, *, number: int, beside: bool = False
    ) -> list[tuple[int, Found | None, int]]:
        """Return the first slow commit, the result and the number of duets of searches.

        Args:
            recorded: the pairs.
            by: the slowdown, as a share.
            number: the number of searches.
            beside: whether a commit that does not run may be the first slow commit, or the commit before.
        """
        found = []
        for seed in range(number):
            draw = random.Random(seed)
            known = recorded[draw.choice(sorted(recorded))]
            culprit = draw.randrange(1, 65)
            apart = () if beside else (culprit - 1, culprit)
            broken = draw.sample([at for at in range(1, 64) if at not in apart], 5)

            def duet(log_ratio: float, known: Sequence[Pair] = known, draw: random.Random = draw) -> Estimate:
                return self.duet(known, log_ratio, draw)

            found.append((culprit, *Repository(culprit, broken=broken, by=by).search(duet)))
        return found

    def test_a_slowdown_of_10_percent_is_found_in_20_of_20_with_at_most_9_duets(self, recorded: Recorded) -> None:
        searches = self.searches(recorded, 0.1, number=20)
        for culprit, found, duets in searches:
            assert found is not None
            assert (found.first, found.last) == (culprit, culprit)
            assert duets <= 9

    def test_of_many_searches_nearly_none_names_a_wrong_commit(self, recorded: Recorded) -> None:
        searches = self.searches(recorded, 0.1, number=100, beside=True)
        wrong = [one for culprit, one, _ in searches if one is not None and not one.first <= culprit <= one.last]
        assert len(wrong) <= 1
        assert sum(one is None for _, one, _ in searches) <= 1
        assert sum(duets for _, _, duets in searches) / len(searches) < 9

    def test_a_slowdown_of_5_percent_is_found_too(self, recorded: Recorded) -> None:
        searches = self.searches(recorded, 0.05, number=50)
        right = [culprit for culprit, one, _ in searches if one is not None and one.first == one.last == culprit]
        assert len(right) >= 45

    def test_unchanged_code_is_not_searched(self, recorded: Recorded) -> None:
        searches = self.searches(recorded, 0.0, number=100)
        begun = [one for _, one, _ in searches if one is not None]
        assert len(begun) <= 5
        # A search that began by chance ends with the words that good is as slow as bad.
        assert sum(one.first > 0 for one in begun) <= 1
