"""Saved sessions against each other: quiet on identical code, and not quiet on slow code."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from results import change, measurement

from pytest_perfbudget.core.kinds import LOAD, RATIO
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.saved_comparison import MeanChange, compare_sessions, mean_change, unlike_loads
from pytest_perfbudget.core.session_spread import SESSION_ERROR_OF_BASELINE

TESTS = 40
OWN = 0.005


def timed(ms: float, name: str = "test", seed: int = 1, **changed: Any) -> Measurement:
    draw = random.Random(seed)
    times = RoundTimes.of([ms * 1e6 * draw.lognormvariate(0, 0.02) for _ in range(200)])
    return replace(measurement(nodeid=f"a.py::{name}", times=times), **changed)


def compared(before: Measurement, after: Measurement, spread: float = 0.02) -> RegressionResult:
    (found,) = compare_sessions(RunResult(measurements=[before]), RunResult(measurements=[after]), spread)
    return found.result


class TestRounds:
    """Sessions without a baseline."""

    def test_a_slowdown_far_beyond_the_spread_is_regressed(self) -> None:
        found = compared(timed(1.0), timed(1.5, seed=2))
        assert found.verdict is RegressionVerdict.REGRESSED
        assert found.ratio == pytest.approx(1.5, rel=0.01)
        assert found.lower is not None
        assert found.lower > 1.3

    def test_the_same_slowdown_within_the_spread_is_not(self) -> None:
        assert compared(timed(1.0), timed(1.5, seed=2), spread=0.25).verdict is RegressionVerdict.UNDECIDED

    def test_a_slowdown_within_the_tolerance_is_not(self) -> None:
        slow = timed(1.5, seed=2, max_regression=0.6)
        assert compared(timed(1.0), slow).verdict is not RegressionVerdict.REGRESSED
        assert compared(timed(1.0, max_regression=0.05), slow).verdict is RegressionVerdict.REGRESSED
        assert compared(timed(1.0, max_regression=9.0), slow).verdict is not RegressionVerdict.REGRESSED
        assert compared(timed(1.0), timed(1.001, seed=2), spread=0.001).verdict is RegressionVerdict.UNCHANGED

    def test_a_gain_is_improved(self) -> None:
        assert compared(timed(1.5), timed(1.0, seed=2)).verdict is RegressionVerdict.IMPROVED

    def test_swapped_sessions_have_the_inverse_ratio(self) -> None:
        one, other = compared(timed(1.0), timed(1.2)), compared(timed(1.2), timed(1.0))
        assert one.ratio == pytest.approx(1 / (other.ratio or 1))
        assert one.lower == pytest.approx(1 / (other.upper or 1))

    def test_rounds_that_drift_have_a_wider_interval(self) -> None:
        drifting = replace(timed(1.0), times=RoundTimes.of([1e6 * (1 + at / 200) for at in range(200)]))
        steady, drift = compared(timed(1.0), timed(1.0), 0.001), compared(timed(1.0), drifting, 0.001)
        assert (drift.log_std_error or 0) > 10 * (steady.log_std_error or 1)

    @pytest.mark.parametrize("changed", [{"times": None}, {"kind": RATIO}])
    def test_what_has_no_rounds_of_one_function_is_not_compared(self, changed: dict[str, Any]) -> None:
        one = RunResult(measurements=[timed(1.0, **changed)])
        assert compare_sessions(one, one) == []

    def test_recorded_sessions_of_identical_code_are_quiet(self, data: Callable[[str], Any]) -> None:
        runs = [
            RunResult(measurements=[measurement(nodeid=name, times=RoundTimes.of(run[name][0])) for name in run])
            for run in data("runs.json")["runs"]
        ]
        pairs = [(one, other) for at, one in enumerate(runs) for other in runs[at + 1 :]]
        red = sum(any(found.is_regressed for found in compare_sessions(*pair)) for pair in pairs)
        assert red / len(pairs) <= 0.01


class TestBaseline:
    """Sessions that were compared with the same baseline."""

    def test_their_corrected_times_are_compared(self) -> None:
        slow = change(RegressionVerdict.UNCHANGED, after=1.64e6 * 1.2, log_std_error=0.01, runs=3)
        calm = change(RegressionVerdict.UNCHANGED, after=1.64e6, log_std_error=0.01, runs=3)
        found = compared(measurement(calm), measurement(slow), spread=0.25)
        assert found.verdict is RegressionVerdict.REGRESSED
        assert found.log_std_error == pytest.approx(0.01 * math.sqrt(2))

    def test_those_of_another_baseline_are_not(self) -> None:
        one = change(RegressionVerdict.UNCHANGED, log_std_error=0.01)
        other = replace(one, commit="another")
        assert (
            compare_sessions(RunResult(measurements=[measurement(one)]), RunResult(measurements=[measurement(other)]))
            == []
        )


def test_counts_are_compared_exactly() -> None:
    before, after = (timed(1.0, statistics={"calls": calls}) for calls in (100, 130))
    time, calls = compare_sessions(RunResult(measurements=[before]), RunResult(measurements=[after]))
    assert (time.result.metric, calls.result.metric) == ("time", "calls")
    assert calls.is_regressed
    assert not time.is_regressed


def test_alpha_is_shared_among_the_times() -> None:
    tests = [timed(1.0, f"test_{at}") for at in range(20)]
    found = compare_sessions(RunResult(measurements=tests), RunResult(measurements=tests))
    assert {one.result.alpha for one in found} == {0.01 / 20}


def test_loads_of_other_parameters_are_named() -> None:
    one, other = (timed(1.0, kind=LOAD, load=LoadFacts(text)) for text in ("5 users", "9 users"))
    pair = RunResult(measurements=[one]), RunResult(measurements=[other])
    assert list(unlike_loads(*pair)) == [("a.py::test", "5 users", "9 users")]
    assert list(unlike_loads(pair[0], pair[0])) == []


class TestMean:
    """The geometric mean of the changes of all tests."""

    def test_a_doubling_and_a_halving_is_no_change(self) -> None:
        before = RunResult(measurements=[timed(1.0, "a"), timed(1.0, "b")])
        after = RunResult(measurements=[timed(2.0, "a"), timed(0.5, "b")])
        found = mean_change(compare_sessions(before, after))
        assert found is not None
        assert found.ratio == pytest.approx(1)
        assert found.number == 2
        assert found.may_be_none

    def test_there_is_none_without_a_time(self) -> None:
        counted = RunResult(measurements=[timed(1.0, times=None, statistics={"calls": 9})])
        assert mean_change(compare_sessions(counted, counted)) is None

    def test_its_interval_allows_for_what_all_tests_of_a_session_have_in_common(self) -> None:
        draw = random.Random(11)
        found = [self.simulated(draw, SESSION_ERROR_OF_BASELINE) for _ in range(300)]
        assert sum(one.may_be_none for one in found) >= 0.93 * len(found)

    def test_independent_errors_of_the_tests_alone_would_not_allow_for_it(self) -> None:
        """The offset of a process averages out in no number of tests."""
        draw = random.Random(12)
        logs = [abs(math.log(self.simulated(draw, SESSION_ERROR_OF_BASELINE).ratio)) for _ in range(300)]
        own = math.sqrt(2) * OWN / math.sqrt(TESTS)
        assert sum(one > 2 * own for one in logs) > 0.4 * len(logs)

    def test_a_slowdown_of_all_tests_is_found(self) -> None:
        draw = random.Random(13)
        found = [self.simulated(draw, SESSION_ERROR_OF_BASELINE, slower=1.05) for _ in range(100)]
        assert sum(one.lower > 1 for one in found) >= 95

    def simulated(self, draw: random.Random, offset: float, slower: float = 1.0) -> MeanChange:
        """Return the mean change between two sessions of confirmed tests, each session with an offset of its own."""
        sessions = []
        for factor in (1.0, slower):
            common = draw.gauss(0, offset)
            changes = [
                change(
                    RegressionVerdict.UNCHANGED,
                    after=1e6 * factor * math.exp(common + draw.gauss(0, OWN)),
                    log_std_error=OWN,
                    runs=3,
                )
                for _ in range(TESTS)
            ]
            sessions.append(
                RunResult(measurements=[measurement(one, nodeid=str(at)) for at, one in enumerate(changes)])
            )
        found = mean_change(compare_sessions(sessions[0], sessions[1]))
        assert found is not None
        return found
