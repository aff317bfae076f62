from __future__ import annotations

import json

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.baseline.schema import CANARIES as STORED
from pytest_perfbudget.measure import canary
from pytest_perfbudget.measure.canary import CANARIES, read_canaries
from pytest_perfbudget.measure.clock import SYSTEM


def test_a_reading_is_the_median_of_each_canary_without_its_first_call(
    scripted: ScriptedClock, monkeypatch: object
) -> None:
    costs = iter([99, 3, 1, 2, 90, 2, *[5] * 6])
    for name in list(CANARIES)[:2]:
        monkeypatch.setitem(canary.CANARIES, name, lambda: scripted.advance(next(costs)))  # type: ignore[attr-defined]
    assert read_canaries(scripted.clock)[:2] == (2.0, 5.0)


def test_what_a_test_puts_in_the_place_of_a_function_is_no_canary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Canaries are read while it runs."""
    monkeypatch.setattr(json, "loads", lambda _: {})
    monkeypatch.setattr(json, "JSONDecoder", None)
    assert CANARIES["parse"]() != {}


def test_a_clock_that_stands_still_gives_no_zero(scripted: ScriptedClock) -> None:
    assert read_canaries(scripted.clock) == (1.0, 1.0, 1.0)


def test_the_real_ones_take_some_time_and_the_baseline_stores_as_many() -> None:
    assert len(CANARIES) == STORED
    assert all(1_000 < found < 10_000_000 for found in read_canaries(SYSTEM))


def test_a_canary_does_the_same_work_each_time() -> None:
    for work in CANARIES.values():
        first, second = work(), work()
        assert type(first) is type(second)
        if not type(first).__module__.startswith("pytest_perfbudget"):
            assert first == second
