"""Rounds in a report: small, and read back as they were."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from full_result import result_of
from hypothesis import given, settings
from hypothesis import strategies as st
from results import budget, change, measurement

from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.round_times import MOST_KEPT, RoundTimes
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report import formats

DAY_NS = 86_400 * 10**9


@settings(deadline=None)
@given(st.lists(st.integers(0, DAY_NS), min_size=1, max_size=MOST_KEPT))
def test_whole_nanoseconds_are_read_back_in_their_order(times_ns: list[int]) -> None:
    kept = RoundTimes.of(times_ns)
    assert kept is not None
    again = RoundTimes.from_dict(json.loads(json.dumps(kept.to_dict())))
    assert again == kept
    assert again.times_ns() == times_ns


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=50), st.integers(1, 10_000))
def test_a_mean_of_several_calls_keeps_the_nanoseconds_of_the_whole_round(times: list[float], iterations: int) -> None:
    kept = RoundTimes.of(times, iterations)
    assert kept is not None
    assert kept.times_ns() == pytest.approx(times, abs=0.51 / iterations, rel=1e-9)


def test_many_rounds_are_thinned_out_evenly() -> None:
    kept = RoundTimes.of(range(20_000))
    assert kept is not None
    assert kept.every == 40
    assert kept.times_ns() == list(range(0, 20_000, 40))


def test_no_rounds_are_no_times() -> None:
    assert RoundTimes.of([]) is None


@pytest.mark.parametrize("packed", ["", "?", "AAAA", "eJwDAAAAAAE"])
def test_a_damaged_text_is_one_error(packed: str) -> None:
    with pytest.raises(ValueError, match=r"^the rounds cannot be unpacked: "):
        RoundTimes(packed).times_ns()


def test_a_thousand_tests_take_less_than_five_megabytes() -> None:
    draw = random.Random(1)
    noisy = [
        replace(
            measurement(
                budget(BudgetVerdict.WITHIN, estimate=40e6),
                change(RegressionVerdict.UNCHANGED),
                nodeid=f"tests/unit/test_module_{at}.py::TestClass::test_case[{at}]",
                file=f"tests/unit/test_module_{at}.py",
                line=at,
            ),
            times=RoundTimes.of([draw.lognormvariate(0, 0.1) * 1.8e6 for _ in range(2_000)]),
        )
        for at in range(1_000)
    ]
    text = formats.render(result_of(*noisy), "json")
    assert len(text.encode()) < 5_000_000
    again = RunResult.from_dict(json.loads(text)).measurements[7].times
    assert again is not None
    assert len(again.times_ns()) == MOST_KEPT
