"""pytest's `faulthandler_timeout`, which was meant for one execution of a test."""

from __future__ import annotations

import faulthandler
from typing import Any

import pytest
from repositories import IGNORED, Repository
from scripting import Project

from pytest_perfbudget.compare.pair_runner import PairRunner

EVENTS: list[tuple[str, float]] = []
TESTS = "def test_it(perf): perf(advance, 1, p95_ms=5, max_time='1s')\ndef test_plain(): pass\n"


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timers that are started and stopped, in the place of real timers."""
    EVENTS.clear()

    def start(timeout: float, **_more: Any) -> None:
        EVENTS.append(("start", timeout))

    monkeypatch.setattr(faulthandler, "dump_traceback_later", start)
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: EVENTS.append(("stop", 0)))


LIMIT = ("-o", "faulthandler_timeout=7")


def test_a_measurement_may_take_longer_and_the_rest_of_the_test_may_not(lean: Project) -> None:
    lean.run(TESTS, *LIMIT).assert_outcomes(passed=2)
    started = [seconds for event, seconds in EVENTS if event == "start"]
    assert set(started) == {7, 73}  # ten executions, and three times max_time
    assert started[0] == started[-2] == started[-1] == 7


def test_without_a_limit_there_is_no_timer(lean: Project) -> None:
    lean.run(TESTS).assert_outcomes(passed=2)
    assert EVENTS == []


def test_pytest_without_its_fault_handler_has_no_timer(lean: Project) -> None:
    lean.run(TESTS, "-p", "no:faulthandler").assert_outcomes(passed=2)
    assert EVENTS == []


def test_a_comparison_may_take_as_long_as_it_takes(lean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer would take the comparison for a test that hangs, and could end the session."""
    repository = Repository(lean.pytester)
    repository.commit({".gitignore": IGNORED, "shop.py": "from scripted import advance\ndef work(): advance(1)\n"})
    tests = "import shop\ndef test_it(perf): perf(shop.work)\n"
    repository.commit(tests=tests)
    screen = PairRunner.screen
    before: list[tuple[str, float]] = []

    def noted(*arguments: Any) -> Any:
        before.append(EVENTS[-1])
        return screen(*arguments)

    monkeypatch.setattr(PairRunner, "screen", noted)
    repository.against_base(*LIMIT).assert_outcomes(passed=1)
    assert before == [("stop", 0)]
