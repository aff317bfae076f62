from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import AsyncSubject, BlockPlan, PlainSubject, Timings

FAR = 1 << 62


def block(rounds: int, iterations: int = 1, *, deadline_ns: int = FAR, with_cpu: bool = False) -> BlockPlan:
    return BlockPlan(rounds, iterations, deadline_ns, with_cpu)


def test_a_round_is_the_time_of_its_calls(scripted: ScriptedClock) -> None:
    subject = PlainSubject(scripted.advance, ((100,), {}))
    assert run_plain(subject.rounds(block(3), scripted.clock)).wall_ns == [100, 100, 100]
    assert run_plain(subject.rounds(block(2, 10), scripted.clock)).wall_ns == [1000, 1000]


def test_an_awaited_round_too(scripted: ScriptedClock) -> None:
    async def work(ns: int) -> None:
        await asyncio.sleep(0)
        scripted.advance(ns)

    subject = AsyncSubject(work, ((100,), {}))
    assert asyncio.run(subject.rounds(block(3, 2), scripted.clock)).wall_ns == [200, 200, 200]


def test_no_round_begins_after_the_deadline_but_the_first(scripted: ScriptedClock) -> None:
    subject = PlainSubject(scripted.advance, ((100,), {}))
    assert run_plain(subject.rounds(block(50, deadline_ns=250), scripted.clock)).wall_ns == [100, 100, 100]
    assert run_plain(subject.rounds(block(50, deadline_ns=0), scripted.clock)).wall_ns == [100]


def test_cpu_time_is_read_around_the_wall_clock(scripted: ScriptedClock) -> None:
    subject = PlainSubject(scripted.advance, ((100, 40), {}))
    timings = run_plain(subject.rounds(block(2, with_cpu=True), scripted.clock))
    assert (timings.wall_ns, timings.cpu_ns) == ([100, 100], [41, 41])


def test_set_up_runs_before_every_round_and_is_not_timed(scripted: ScriptedClock) -> None:
    made: list[int] = []

    def setup() -> Any:
        scripted.advance(5000)
        made.append(len(made))
        return (100,), {"cpu_ns": 1}

    subject = PlainSubject(scripted.advance, setup=setup)
    assert run_plain(subject.rounds(block(3), scripted.clock)).wall_ns == [100, 100, 100]
    run_plain(subject.once())
    assert made == [0, 1, 2, 3]


def test_set_up_may_be_awaited(scripted: ScriptedClock) -> None:
    async def setup() -> Any:
        return (100,), {}

    async def work(ns: int) -> int:
        scripted.advance(ns)
        return ns

    subject = AsyncSubject(work, setup=setup)
    assert asyncio.run(subject.rounds(block(2), scripted.clock)).wall_ns == [100, 100]
    assert asyncio.run(subject.once()) == 100


@pytest.mark.parametrize("returned", [1, (1, 2), ((1,),), [(), {}], ({}, ()), "ab"])
def test_set_up_that_returns_something_else_is_refused(returned: object) -> None:
    subject = PlainSubject(print, setup=lambda: returned)
    with pytest.raises(MisuseError, match=r"setup must return None or \(args, kwargs\)"):
        run_plain(subject.once())


def test_arguments_come_from_one_place() -> None:
    subject = PlainSubject(print, ((1,), {}), setup=lambda: ((2,), {}))
    with pytest.raises(MisuseError, match="pass them in one of the two ways"):
        run_plain(subject.once())


def test_a_coroutine_in_disguise_is_refused() -> None:
    async def work() -> None: ...

    with pytest.raises(MisuseError, match=r"write `await perf.aio\(...\)`"):
        run_plain(PlainSubject(work).once())


def test_nothing_to_await_is_refused() -> None:
    subject = AsyncSubject(lambda: 5)  # type: ignore[arg-type, return-value]
    with pytest.raises(MisuseError, match=r"use `perf\(...\)` for plain functions"):
        run_plain(subject.once())


def test_threads_beside_it_take_nothing_off_a_round() -> None:
    """What is said of waiting is below 0 then."""
    assert Timings([100, 100], waited_ns=[30, -50]).run_ns() == [70, 100]


@pytest.mark.parametrize("make", [PlainSubject, AsyncSubject])
def test_a_wait_between_a_reading_and_the_round_is_no_part_of_the_round(scripted: ScriptedClock, make: Any) -> None:
    """A wait of 30 ms beside a round of 2 ms would leave nothing of the round, or less."""

    readings = itertools.count()

    def waited_ns() -> int:
        found = scripted.waited_ns
        if next(readings) % 2 == 0:
            scripted.advance(0, waited_ns=30e6)
        return found

    def work() -> None:
        scripted.advance(2e6, waited_ns=3e6)

    async def work_asynchronously() -> None:
        work()

    clock = replace(scripted.clock, waited_ns=waited_ns)
    subject = make(work if make is PlainSubject else work_asynchronously)
    timings = run_plain(subject.rounds(BlockPlan(3, 1, 10**18, with_cpu=False, with_waits=True), clock))
    assert timings.wall_ns == [5_000_000] * 3
    assert timings.run_ns() == [2_000_000] * 3


def test_a_round_with_a_set_up_or_a_tear_down_is_one_call() -> None:
    assert not PlainSubject(len).is_single
    assert PlainSubject(len, setup=list).is_single
    assert PlainSubject(len, teardown=print).is_single
    assert not AsyncSubject(asyncio.sleep).is_single
    assert AsyncSubject(asyncio.sleep, setup=list).is_single


def test_a_tear_down_gets_the_arguments_of_each_call_and_is_not_timed(scripted: ScriptedClock) -> None:
    ended: list[int] = []

    def teardown(ns: int) -> None:
        scripted.advance(5000)
        ended.append(ns)

    subject = PlainSubject(scripted.advance, setup=lambda: ((100,), {}), teardown=teardown)
    run_plain(subject.once())
    assert run_plain(subject.rounds(block(2), scripted.clock)).wall_ns == [100, 100]
    assert ended == [100, 100, 100]


def test_a_stop_iteration_leaves_the_measured_function_as_it_is(scripted: ScriptedClock) -> None:
    subject = PlainSubject(next, ((iter(()),), {}))
    for measured in (subject.once(), subject.rounds(block(1), scripted.clock)):
        with pytest.raises(StopIteration):
            run_plain(measured)


def test_an_awaited_result_that_has_done_nothing_yet_is_refused() -> None:
    async def work() -> object:
        return (n for n in "ab")

    with pytest.raises(MisuseError, match=r"perf: the function returned before its work was done; .* a generator"):
        asyncio.run(AsyncSubject(work).once())
