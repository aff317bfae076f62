"""The weather around timers, which run where the test is: traced, if it is."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.timer import Timer, TimerRounds
from pytest_perfbudget.measure.timer_blocks import CanaryBlocks, NoBlocks, TurnBlocks
from pytest_perfbudget.measure.turns import NO_TIMES, NONE, CallTimes, Turn


def test_canaries_are_read_without_the_tracer_of_the_test_which_is_put_back() -> None:
    """It slows them more than most code, and would be taken for bad weather."""
    seen: set[str] = set()
    before = sys.gettrace()

    def tracer(frame: object, _event: str, _argument: object) -> None:
        seen.add(frame.f_code.co_name)  # type: ignore[attr-defined]

    sys.settrace(tracer)
    try:
        weather = CanaryBlocks(SYSTEM)
        weather.begin("step")
        weather.end()
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert "begin" in seen
    assert "_allocate" not in seen


class Given:
    """Gives turns in which the other side, which came first, timed so many rounds."""

    def __init__(self, rounds: Mapping[str, int]) -> None:
        self._rounds = rounds
        self._number = 0

    def agree(self, name: str, iterations: int, round_ns: float, cpus: float | None) -> tuple[int, int]:
        raise NotImplementedError  # no timer asks

    def take(self, name: str, times: CallTimes = NO_TIMES, rounds: Mapping[str, int] = NONE) -> Turn:  # noqa: ARG002
        self._number += 1
        return Turn(self._number, self._rounds)


@pytest.mark.parametrize(
    ("rounds", "took_ms", "turn"),
    [
        ({"load": 1}, 0.1, 2),  # as many as the other side: what comes next belongs to the next turn, however fast
        ({"load": 2}, 10, 1),  # one is missing still
        ({"load": 2}, 100, 2),  # and will not come any more
        ({}, 0.1, 1),  # this side came first: by time
        ({}, 10, 2),
    ],
)
def test_a_turn_ends_when_its_timers_have_the_rounds_of_the_other_side(
    rounds: Mapping[str, int], took_ms: float, turn: int
) -> None:
    scripted = ScriptedClock()
    block_policy = TurnBlocks(Given(rounds), "timers", scripted.clock)
    assert block_policy.begin("load") == 1
    scripted.advance(took_ms * 1e6)
    block_policy.end()
    assert block_policy.begin("query") == turn


def test_a_wait_beside_a_block_is_no_part_of_the_block(scripted: ScriptedClock) -> None:
    """A wait of 30 ms while the canaries are read would leave nothing of a block of 2 ms."""

    class WaitsAfterwards(NoBlocks):
        def end(self) -> None:
            scripted.advance(0, waited_ns=30e6)

    readings = itertools.count()

    def waited_ns() -> int:
        found = scripted.waited_ns
        if next(readings) % 2 == 0:
            scripted.advance(0, waited_ns=40e6)  # after the reading, and before the block
        return found

    record = TimerRounds("select", replace(scripted.clock, waited_ns=waited_ns))
    record.block_policy = WaitsAfterwards()
    for _ in range(3):
        with Timer(record):
            scripted.advance(2e6, waited_ns=5e6)
    assert record.wall_ns == [7e6] * 3
    assert record.run_ns == [2e6] * 3
