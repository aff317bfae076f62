"""The spread from process to process that the tests of two sessions show together."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

import pytest
from results import change, measurement
from simulations import COUNTS, at_most

from pytest_perfbudget.core.process_spread import RECORDED, pooled_spread
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.robust import qn_scale
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.saved_comparison import compare_sessions
from pytest_perfbudget.core.session_spread import DOF_OF_PROCESSES, PROCESS_SPREAD

TESTS = 12
QUIET = [0.004, -0.006, 0.002, 0.009, -0.011, 0.001, -0.003, 0.007, -0.001, 0.005, -0.008, 0.0]


class TestScale:
    """The robust scale of the log ratios."""

    @pytest.mark.parametrize("number", [2, 3, 7, 12, 13, 40])
    def test_it_is_the_standard_deviation_of_normal_values(self, number: int) -> None:
        draw = random.Random(number)
        scales = [qn_scale([draw.gauss(3, 2) for _ in range(number)]) for _ in range(2_000)]
        assert fmean(scales) == pytest.approx(2, rel=0.15 if number > 9 else 0.6)

    def test_its_logarithm_varies_as_that_of_half_as_many_values_does(self) -> None:
        """The variance of the logarithm of a standard deviation with d degrees of freedom is 1 / 2d."""
        draw = random.Random(1)
        logs = [math.log(qn_scale([draw.gauss(0, 1) for _ in range(TESTS)])) for _ in range(3_000)]
        assert 1 / (2 * stdev(logs) ** 2) >= 0.5 * (TESTS - 1)

    def test_half_of_the_values_may_lie_together_elsewhere(self) -> None:
        moved = [one + (0.4 if at % 2 else 0) for at, one in enumerate(QUIET)]
        assert qn_scale(moved) < 2.5 * qn_scale(QUIET)

    def test_many_values_take_no_longer_than_a_few_hundred(self) -> None:
        draw = random.Random(2)
        assert qn_scale([draw.gauss(0, 1) for _ in range(20_000)]) == pytest.approx(1, rel=0.15)


class TestPooled:
    """The spread of two sessions, moderated towards that of recorded sessions."""

    def test_without_a_second_test_it_is_that_of_recorded_sessions(self) -> None:
        assert pooled_spread([]) == pooled_spread([0.3]) == RECORDED

    def test_quiet_tests_make_it_smaller_and_surer(self) -> None:
        found = pooled_spread(QUIET)
        assert found.std < 0.7 * PROCESS_SPREAD
        assert found.dof == DOF_OF_PROCESSES + 5.5

    def test_restless_tests_make_it_larger(self) -> None:
        assert pooled_spread([10 * one for one in QUIET]).std > 1.5 * PROCESS_SPREAD

    @pytest.mark.parametrize("slower", [{3}, {1, 4, 7}, set(range(TESTS))])
    def test_slower_tests_hardly_change_it(self, slower: set[int]) -> None:
        moved = [one + (0.3 if at in slower else 0) for at, one in enumerate(QUIET)]
        assert pooled_spread(moved).std < 1.25 * pooled_spread(QUIET).std


class TestRecordedProcesses:
    """Sessions of recorded processes of 24 kinds of code; those that look slower are measured again in five processes."""

    @pytest.mark.parametrize("runs", COUNTS)
    def test_sessions_of_identical_code_are_quiet(self, data: Callable[[str], Any], runs: int) -> None:
        marked = [any(pair) for pair in self.pairs(data("processes.json")["workloads"], 1.0, runs)]
        assert sum(marked) <= at_most(0.01, runs)

    def test_a_test_that_takes_a_quarter_longer_is_found(self, data: Callable[[str], Any]) -> None:
        found = [pair[0] for pair in self.pairs(data("processes.json")["workloads"], 1.25, 100)]
        assert sum(found) >= 75

    def pairs(self, workloads: Mapping[str, Any], slower: float, runs: int) -> list[list[bool]]:
        """Return by pair of sessions which of the tests are regressed, of which the first is slower."""
        draw = random.Random(3)
        found = []
        for _ in range(runs):
            names = draw.sample(sorted(workloads), TESTS)
            times = {name: [*workloads[name]["together"], *workloads[name]["alone"]] for name in names}
            shuffled = {name: draw.sample(one, len(one)) for name, one in times.items()}
            before, after = (
                RunResult(
                    measurements=[
                        self.compared(name, shuffled[name], at, factor if name == names[0] else 1.0) for name in names
                    ]
                )
                for at, factor in ((5, 1.0), (11, slower))
            )
            found.append([one.is_regressed for one in compare_sessions(before, after)])
        return found

    def compared(self, name: str, times_ns: Sequence[float], at: int, factor: float) -> Any:
        """Return a test that one process measured, against a baseline of the first five processes."""
        logs = [math.log(one) for one in times_ns]
        base, spread = fmean(logs[:5]), stdev(logs[:5])
        spread = max(spread, math.sqrt((0.015**2 + spread**2) / 2))
        found, processes = logs[at] + math.log(factor), 0
        if found - base > max(0.024, 0.7 * spread):
            found, processes = fmean(logs[at + 1 : at + 6]) + math.log(factor), 5
        error = spread * math.sqrt(1 / 5 + 1 / max(1, processes))
        result = change(RegressionVerdict.UNDECIDED, after=math.exp(found), log_std_error=error, runs=processes)
        return measurement(result, nodeid=name, max_regression=0.05)
