"""Suggested budgets: the rule, and its quietness on recorded timings of unchanged code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core import suggestion
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.quantile import QuantileCriterion
from pytest_perfbudget.core.kinds import BODY, CALL, LOAD
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.suggestion import component_of, limit_above, suggest, upper_bound


def measurement(test: str = "tests/test_it.py::test_it", ms: float = 10, rounds: int = 64, **more: Any) -> Measurement:
    times = RoundTimes.of([ms * 1e6] * rounds)
    return Measurement(test, more.pop("name", ""), more.pop("kind", BODY), times=times, **more)


def entries(*measurements: Measurement) -> dict[str, dict[str, object]]:
    return {one.test: one.entry() for one in suggest(measurements).budgets}


@pytest.mark.parametrize(
    ("bound_ns", "limit_ns"),
    [(0.2, 1), (50, 100), (51, 200), (2.4e6, 5e6), (2.5e6, 5e6), (2.6e6, 10e6), (1e9, 2e9), (6e9, 20e9)],
)
def test_the_limit_is_twice_the_bound_rounded_up_to_1_2_or_5(bound_ns: float, limit_ns: float) -> None:
    assert limit_above(bound_ns) == limit_ns


@given(st.floats(1, 1e12))
def test_a_limit_is_never_below_twice_the_bound_and_never_above_five_times_it(bound_ns: float) -> None:
    assert 2 * bound_ns * (1 - 1e-6) <= limit_above(bound_ns) <= max(5 * bound_ns * (1 + 1e-6), 2)


@pytest.mark.parametrize(
    ("ms", "rounds", "limit"),
    [
        (10, 59, {"p95_ms": 20}),
        (10, 58, {"p50_ms": 20}),
        (300, 5, {"p50_ms": 1000}),
        (0.03, 64, {"p95_us": 100}),
        (0.00002, 64, {"p95_ns": 50}),
    ],
)
def test_the_statistic_is_the_first_that_the_rounds_can_bound(ms: float, rounds: int, limit: dict[str, int]) -> None:
    assert entries(measurement(ms=ms, rounds=rounds)) == {"tests/test_it.py::test_it": {**limit, "component": "it"}}


def test_a_test_with_too_few_rounds_has_no_budget_and_a_reason() -> None:
    assert suggest([measurement(rounds=4)]).without == {
        "tests/test_it.py::test_it": "it has 4 of the 5 rounds that a limit needs"
    }


def test_a_test_has_one_entry_for_all_cases_and_measurements_above_the_slowest() -> None:
    cases = [
        measurement("test_it.py::test_it[a]", ms=1),
        measurement("test_it.py::test_it[b]", ms=10),
        measurement("test_it.py::test_it[b]", ms=3, name="step", kind=CALL),
    ]
    assert entries(*cases) == {"test_it.py::test_it": {"p95_ms": 20, "component": "it"}}


def test_loads_have_their_limits_in_the_call() -> None:
    assert suggest([measurement(kind=LOAD)]).budgets == []


def test_a_component_that_a_test_has_is_kept() -> None:
    assert entries(measurement(component="api")) == {"tests/test_it.py::test_it": {"p95_ms": 20}}


@pytest.mark.parametrize(
    ("file", "component"),
    [
        ("test_words.py", "words"),
        ("tests/test_words.py", "words"),
        ("tests/api/test_words.py", "api"),
        ("tests/api/v1/words_test.py", "api.v1"),
        ("src/shop/tests/unit/test_words.py", "shop"),
    ],
)
def test_components_come_from_the_tree_of_tests(file: str, component: str) -> None:
    assert component_of(file) == component


class TestNoise:
    """Sessions of 12 workloads in recorded processes of unchanged code, two on one CPU at a time."""

    ERRORS = Errors(exceeded=0.01, within=0.05)

    def failing(self, sessions: Sequence[Sequence[Sequence[float]]]) -> float:
        """Return the share of sessions in which the limits of another session fail any test."""
        failed = pairs = 0
        for measured in sessions:
            bounds = [upper_bound(times, 0.95) for times in measured]
            limits = [limit_above(bound) for bound in bounds if bound is not None]
            assert len(limits) == len(bounds)
            for other in (one for one in sessions if one is not measured):
                pairs += 1
                failed += any(
                    QuantileCriterion(0.95, self.ERRORS, None).decide(times, limit, final=True).verdict
                    is BudgetVerdict.EXCEEDED
                    for times, limit in zip(other, limits, strict=True)
                )
        return failed / pairs

    @pytest.fixture
    def sessions(self, data: Callable[[str], Any]) -> list[list[list[float]]]:
        found: dict[tuple[int, str], list[list[float]]] = {}
        for row in data("identical_code.json")["rows"]:
            for side in ("base", "head"):
                found.setdefault((row["pair"], side), []).append(row[side])
        return list(found.values())

    def test_at_most_one_session_in_a_hundred_fails(self, sessions: list[list[list[float]]]) -> None:
        assert self.failing(sessions) <= 0.01

    def test_without_headroom_more_sessions_would_fail(
        self, sessions: list[list[list[float]]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(suggestion, "HEADROOM", 1.0)
        assert self.failing(sessions) > 0.01

    def test_code_that_is_five_times_slower_fails_most_sessions(self, sessions: list[list[list[float]]]) -> None:
        slow = [[[5 * one for one in times] for times in session] for session in sessions]
        limits = [limit_above(upper_bound(times, 0.95) or 0) for times in sessions[0]]
        verdicts = [
            QuantileCriterion(0.95, self.ERRORS, None).decide(times, limit, final=True).verdict
            for session in slow[1:]
            for times, limit in zip(session, limits, strict=True)
        ]
        assert verdicts.count(BudgetVerdict.EXCEEDED) > 0.8 * len(verdicts)
