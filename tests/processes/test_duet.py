"""Who measures when, in a duet; the sides are scripted."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.core.pairs import FEWEST_TO_END, QUADS, Pair, pair_of
from pytest_perfbudget.errors import WorkerHangsError
from pytest_perfbudget.measure.timer_blocks import TurnBlocks
from pytest_perfbudget.measure.turns import TIMERS
from pytest_perfbudget.plugin.child.duet_worker import SideTurns
from pytest_perfbudget.processes.duet import Duet
from pytest_perfbudget.processes.duet_side import Side, Stop

if TYPE_CHECKING:
    from typing_extensions import Self

STARTED = -1
"""Noted in place of a turn when a side starts."""


class Scripted:
    """A side whose test has the given measurements, and that notes its turns in a common list."""

    pid = 0

    def __init__(
        self,
        who: str,
        notes: list[tuple[str, int]],
        *names: str,
        iterations: int = 1,
        turns: int = 4,
        cpus: float = 1.0,
        times_ns: Sequence[float] = (),
    ) -> None:
        self._cpus = cpus
        self._times_ns = itertools.cycle(times_ns or wild(len(who) + ord(who)))
        self._script = self._play(who, notes, names, iterations, turns)
        self._start = partial(notes.append, (who, STARTED))
        self._ready = {"at": "ready", "perf_tests": [who]}
        self.agreed: list[dict[str, Any]] = []

    def _play(
        self, who: str, notes: list[tuple[str, int]], names: tuple[str, ...], iterations: int, turns: int
    ) -> Iterator[Stop]:
        for name in names:
            if name == TIMERS:
                for _ in range(turns):
                    yield {"at": "turn", "name": name}
                    if self.told["turn"] is not None:
                        notes.append((who, self.told["turn"]))
                continue
            settled = {"at": "settled", "name": name, "iterations": iterations}
            yield {**settled, "round_ns": 1e6 * iterations, "cpus": self._cpus}
            if self.told.get("skip"):
                continue
            self.agreed.append(self.told)
            last_ns: float | None = None
            while True:
                yield {"at": "turn", "name": name, "last_ns": last_ns, "mean_ns": last_ns}
                if self.told["turn"] is None:
                    break
                notes.append((who, self.told["turn"]))
                last_ns = next(self._times_ns)
        yield {"at": "end", "answer": {"nodeid": "t", "problem": "", "measurements": []}}

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def dismiss(self) -> None:
        pass

    def begin_to_end(self) -> None:
        pass

    def stop(self) -> Stop:
        return self._ready

    def resume(self, **command: Any) -> Stop:
        self.told = command
        return next(self._script)


def play(head: Scripted, base: Scripted, *names: str, seconds: float = 60.0) -> None:
    Duet(cast("Side", head), cast("Side", base), cpu=3).play("t", names, seconds, 0.005)


def wild(number: int) -> list[float]:
    """Return times whose quads differ widely."""
    draw = random.Random(number)
    return [1e6 * math.exp(draw.gauss(0, 0.2)) for _ in range(200)]


def test_turns_are_taken_in_the_order_head_base_base_head() -> None:
    notes: list[tuple[str, int]] = []
    play(Scripted("h", notes, "a"), Scripted("b", notes, "a"), "a")
    assert notes[:8] == [("h", 0), ("b", 0), ("b", 1), ("h", 1), ("h", 2), ("b", 2), ("b", 3), ("h", 3)]
    assert len(notes) == 4 * QUADS


def test_a_pair_in_which_a_test_did_not_come_to_its_end_is_of_no_more_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its processes say next belongs to that test."""
    head, base = Scripted("h", [], "a"), Scripted("b", [], "a")
    pair = Duet(cast("Side", head), cast("Side", base), cpu=3)
    pair.play("t", "a", 0.0, 0.005)
    assert not pair.has_failed
    head, base = Scripted("h", [], "a"), Scripted("b", [], "a")
    pair = Duet(cast("Side", head), cast("Side", base), cpu=3)

    def hangs(**_: object) -> None:
        message = "said nothing"
        raise WorkerHangsError(message)

    monkeypatch.setattr(base, "resume", hangs)
    with pytest.raises(WorkerHangsError):
        pair.play("t", "a", 0.0, 0.005)
    assert pair.has_failed


def test_in_every_other_pair_the_base_comes_first_in_everything() -> None:
    """The arrivals of a load depend on the number of the turn, so each pair has turns of its own."""
    notes: list[tuple[str, int]] = []
    head, base = Scripted("h", notes, "a"), Scripted("b", notes, "a")
    with Duet(cast("Side", head), cast("Side", base), cpu=3, number=1) as pair:
        assert pair.perf_tests == ["b"]
        pair.play("t", "a", 0.0, 0.005)
    begin = 2 * QUADS
    turns = [("b", begin), ("h", begin), ("h", begin + 1), ("b", begin + 1)]
    assert notes == [("b", STARTED), ("h", STARTED), *turns]


def test_turns_end_when_the_quads_tell_the_ratio_well_enough() -> None:
    notes: list[tuple[str, int]] = []
    play(Scripted("h", notes, "a", times_ns=[1.1e6]), Scripted("b", notes, "a", times_ns=[1e6]), "a")
    assert 4 * FEWEST_TO_END <= len(notes) < 4 * QUADS
    assert len(notes) % 4 == 0


@pytest.mark.parametrize(("clears", "turns"), [("a", 2 * FEWEST_TO_END), ("b", 2 * QUADS)])
def test_turns_end_early_when_the_pair_so_far_is_decided(clears: str, turns: int) -> None:
    notes: list[tuple[str, int]] = []
    sides = Scripted("h", notes, "a"), Scripted("b", notes, "a")

    def is_decided(name: str, pair: Pair) -> bool:
        return name == clears and pair.mean is not None

    Duet(cast("Side", sides[0]), cast("Side", sides[1]), cpu=3).play("t", "a", 60.0, 0.005, is_decided=is_decided)
    assert len(notes) == 2 * turns


def test_turns_go_on_while_the_head_becomes_slower() -> None:
    """A head that is slower from the ninth quad on looks as fast in the median of ten quads, not in that of twenty."""
    assert turns_of([*[1e6] * 16, *[1.3e6] * 200]) > 2 * 18
    assert turns_of([1e6]) == 2 * FEWEST_TO_END


def turns_of(head_ns: Sequence[float]) -> int:
    """Return the number of turns of a head, beside a base whose calls all take 1 ms."""
    notes: list[tuple[str, int]] = []
    play(Scripted("h", notes, "a", times_ns=head_ns), Scripted("b", notes, "a", times_ns=[1e6]), "a")
    return len(notes) // 2


def test_when_time_is_up_the_quad_that_was_begun_is_finished() -> None:
    """There is always one quad."""
    notes: list[tuple[str, int]] = []
    play(Scripted("h", notes, "a"), Scripted("b", notes, "a"), "a", seconds=0.0)
    assert notes == [("h", 0), ("b", 0), ("b", 1), ("h", 1)]


def test_both_sides_agree_on_the_calls_of_a_round_and_on_one_cpu() -> None:
    """A round has as many calls as the slower side needs."""
    head, base = Scripted("h", [], "a", iterations=4), Scripted("b", [], "a", iterations=10)
    play(head, base, "a")
    assert head.agreed == base.agreed == [{"iterations": 4, "rounds": 2, "cpu": 3}]


@pytest.mark.parametrize(("head_cpus", "base_cpus", "cpu"), [(1.0, 1.1, 3), (1.0, 1.9, None), (2.5, 1.0, None)])
def test_if_one_side_uses_several_cpus_both_may(head_cpus: float, base_cpus: float, cpu: int | None) -> None:
    """Or code that lost its parallelism would look no slower."""
    head, base = Scripted("h", [], "a", cpus=head_cpus), Scripted("b", [], "a", cpus=base_cpus)
    play(head, base, "a")
    assert [one["cpu"] for one in (*head.agreed, *base.agreed)] == [cpu, cpu]


@pytest.mark.parametrize(
    ("of_head", "of_base"),
    [(("a", "new"), ("a",)), (("new", "a"), ("a",)), (("a",), ("gone", "a")), (("a",), ("a", "gone"))],
)
def test_what_only_one_side_has_is_skipped(of_head: tuple[str, ...], of_base: tuple[str, ...]) -> None:
    notes: list[tuple[str, int]] = []
    play(Scripted("h", notes, *of_head), Scripted("b", notes, *of_base), *of_head)
    assert len(notes) == 4 * QUADS


def test_timers_have_turns_for_as_long_as_the_test_runs() -> None:
    notes: list[tuple[str, int]] = []
    head, base = Scripted("h", notes, TIMERS, turns=5), Scripted("b", notes, TIMERS, turns=3)
    play(head, base, TIMERS, seconds=0.0)
    assert notes == [("h", 0), ("b", 0), ("b", 1), ("h", 1), ("h", 2), ("b", 2)]


class Threaded:
    """A side that times what it is told, on a thread of its own: in ns, each under its timer's name."""

    pid = 0

    def __init__(self, *script: tuple[str, float]) -> None:
        self._script = script
        self._told: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
        self._stops: SimpleQueue[Stop] = SimpleQueue()
        self.times_ns: dict[str, dict[int, float]] = {}
        Thread(target=self._run, daemon=True).start()

    def resume(self, **command: Any) -> Stop:
        self._told.put(command)
        return self._stops.get(timeout=60)

    def _stop(self, message: Stop) -> Mapping[str, Any]:
        self._stops.put(message)
        return self._told.get(timeout=60)

    def _run(self) -> None:
        self._told.get(timeout=60)
        clock = ScriptedClock()
        block_policy = TurnBlocks(SideTurns(self._stop), TIMERS, clock.clock)
        parts = []
        for name, time_ns in self._script:
            parts.append((name, block_policy.begin(name), time_ns))
            clock.advance(time_ns)
            block_policy.end()
        for name in {name for name, _, _ in parts}:
            own = [(time_ns, part) for timer, part, time_ns in parts if timer == name]
            timer_blocks = block_policy.blocks([time_ns for time_ns, _ in own], [part for _, part in own])
            self.times_ns[name] = {
                turn: block.time_ns for turn, block in zip(timer_blocks.turns, timer_blocks.blocks, strict=True)
            }
        self._stops.put({"at": "end", "answer": {"nodeid": "t", "problem": "", "measurements": []}})


def ratio(head: list[tuple[str, float]], base: list[tuple[str, float]], name: str) -> float:
    """Return how much slower a timer is found to be."""
    sides = Threaded(*head), Threaded(*base)
    Duet(cast("Side", sides[0]), cast("Side", sides[1]), cpu=None).play("t", [TIMERS], 60.0, 0.005)
    found = pair_of(sides[0].times_ns[name], sides[1].times_ns[name])
    assert found is not None
    return math.exp(found.log_ratio)


def growing(slowness: float, *others: str) -> list[tuple[str, float]]:
    """Return rounds that take longer the more there were, each behind those of other timers."""
    rounds: list[tuple[str, float]] = []
    for number in range(1, 1000):
        rounds += [*((other, 0.0) for other in others), ("step", 1000 * number * slowness)]
    return rounds


@pytest.mark.parametrize(("of_head", "of_base"), [((), ()), (("new",), ()), ((), ("gone",)), (("same",), ("same",))])
def test_a_timers_later_rounds_are_compared_with_rounds_that_are_as_late(
    of_head: tuple[str, ...], of_base: tuple[str, ...]
) -> None:
    """By turns of equal time, half of a slowdown of rounds that grow would not show. Other timers have no part in it."""
    assert ratio(growing(1.1, *of_head), growing(1.0, *of_base), "step") == pytest.approx(1.1, abs=0.001)


PHASES = [("load", 20e6), *[("query", 200e3)] * 300]
IN_TURN = [("load", 10e6), ("query", 200e3)] * 20
FAST = [*[("load", 100e3)] * 100, *[("query", 200e3)] * 300]


@pytest.mark.parametrize(
    "rounds", [PHASES, IN_TURN, FAST], ids=["behind a slow one", "between slow ones", "behind fast"]
)
def test_each_of_several_timers_has_its_turns(rounds: list[tuple[str, float]]) -> None:
    slower = [(name, time_ns * 2 if name == "query" else time_ns) for name, time_ns in rounds]
    assert ratio(slower, rounds, "query") == pytest.approx(2.0, abs=0.01)
    assert ratio(rounds, slower, "query") == pytest.approx(0.5, abs=0.01)


def test_a_timer_with_fewer_rounds_on_one_side_keeps_no_other_from_turns() -> None:
    fewer = [("load", 100e3), *[("query", 400e3)] * 300]
    assert ratio(fewer, FAST, "query") == pytest.approx(2.0, abs=0.01)


class Noting(Scripted):
    """A side that keeps the command which starts its test."""

    def resume(self, **command: Any) -> Stop:
        if "run" in command:
            self.started = command
        return super().resume(**command)


def test_a_further_run_is_told_so_and_has_a_layout_of_its_own_on_both_sides() -> None:
    found = []
    for is_repetition in (False, True):
        head, base = Noting("h", [], "a"), Noting("b", [], "a")
        pair = Duet(cast("Side", head), cast("Side", base), cpu=3)
        pair.play("t", "a", 60.0, 0.005, is_repetition=is_repetition)
        assert head.started == base.started
        found.append(head.started)
    assert [one["again"] for one in found] == [False, True]
    assert found[0]["layouts"] != found[1]["layouts"]


def test_a_pair_ends_after_the_most_quads() -> None:
    notes: list[tuple[str, int]] = []
    head, base = Scripted("h", notes, "a", times_ns=wild(1)), Scripted("b", notes, "a", times_ns=wild(2))
    Duet(cast("Side", head), cast("Side", base), cpu=3).play("t", "a", 60.0, 0.005, most_quads=3)
    assert len(notes) == 4 * 3
