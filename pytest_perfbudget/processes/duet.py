"""The duet: a process of the head and a process of the base measure a test in turns.

At any time one of the two processes runs, and the other waits for the command to go on. A side runs until it stops at
one of these points:

- `ready`: its tests are collected;
- `settled`: a measurement is warm, and both sides have to agree on the number of calls in a round;
- `turn`: the side is about to time a block;
- `end`: a test has ended.

Turns are taken in the order head, base, base, head (ABBA). The sides swap their order from pair to pair (base, head,
head, base), so that an advantage of the process that starts first cancels out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from pytest_perfbudget.core.calibration import rounds_per_turn
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.pairs import QUADS, Pair
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.one_cpu import PARALLEL
from pytest_perfbudget.measure.turns import TIMERS
from pytest_perfbudget.processes.duet_side import Side, Stop
from pytest_perfbudget.processes.listeners import shared_address
from pytest_perfbudget.processes.protocol import Answer
from pytest_perfbudget.processes.turn_log import TurnLog

if TYPE_CHECKING:
    from typing_extensions import Self

IsDecided = Callable[[str, Pair], bool]
"""A function that returns whether the measurement of a name needs no further turns, by its pair so far."""

_Of = TypeVar("_Of")


def never(name: str, pair: Pair) -> bool:  # noqa: ARG001 - see `IsDecided`
    """Leave the end of the turns to their standard error."""
    return False


@dataclass(frozen=True, slots=True)
class PairAnswers:
    """The answers of both sides for a test.

    Attributes:
        head: the answer of the head.
        base: the answer of the base.
        shared_address: an address on which servers of both sides listened; empty if there was none.
        head_modules: the files of all modules that the head's process has imported; see `Answer.modules`.
        base_modules: the same of the base's process.
        base_is_first: whether the base's process came first, in its fixtures and in each second turn.
    """

    head: Answer
    base: Answer
    shared_address: str = ""
    head_modules: Mapping[str, str] = field(default_factory=dict)
    base_modules: Mapping[str, str] = field(default_factory=dict)
    base_is_first: bool = False


class Duet:
    """A pair of processes, as a context manager that starts and ends both.

    Args:
        head: the side of the head, not yet started.
        base: the side of the base, not yet started.
        cpu: the CPU on which the turns run; None leaves the choice to the system.
        fewest_turns: the number of turns of each measurement, also if its time is up.
        number: the number of the pair among those that measure the same test. In a pair with an odd number the base
            comes first. The turns of a pair are numbered on from those of the pair before, so that the random arrivals
            of a load, which depend on the turn, differ from pair to pair.
        releases: whether all fixtures are torn down after each test, so that the pair holds nothing between tests.

    Attributes:
        has_failed: whether a test has not come to its end on both sides; the pair can measure no other test then.
    """

    def __init__(
        self, head: Side, base: Side, *, cpu: int | None, fewest_turns: int = 2, number: int = 0, releases: bool = False
    ) -> None:
        self._head = head
        self._base = base
        self._cpu = cpu
        self._fewest_turns = fewest_turns
        self._first_turn = number * 2 * QUADS
        self._base_is_first = number % 2 == 1
        self._after = {"releases": True} if releases else {}
        self._running = ExitStack()
        self._perf_tests: Sequence[str] = ()
        self.has_failed = False
        self._modules: tuple[dict[str, str], dict[str, str]] = ({}, {})

    def __enter__(self) -> Self:
        """Start both processes.

        Raises:
            WorkerError: a process cannot be started, or died while it collected its tests.
        """
        try:
            for side in self._in_order(self._head, self._base):
                self._running.enter_context(side)
            self._head.stop()
            self._perf_tests = self._base.stop().get("perf_tests", ())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End both processes; they may tear their fixtures down, unless something failed."""
        if error is None:
            for side in (self._head, self._base):
                side.dismiss()
        self._end()

    def _end(self) -> None:
        """End both processes at the same time, so that the times which they have to stop do not add up."""
        with self._running:
            for side in (self._head, self._base):
                side.begin_to_end()

    @property
    def pids(self) -> tuple[int, int]:
        """The ids of both processes; 0 for one that is not started."""
        return self._head.pid, self._base.pid

    @property
    def perf_tests(self) -> Sequence[str]:
        """The perf tests of the base and the requested tests, without those that the base is known to lack."""
        return self._perf_tests

    def be_patient(self, seconds: float) -> None:
        """Set for how long both processes may be silent before they count as hanging."""
        for side in (self._head, self._base):
            side.patience_s = seconds

    def play(
        self,
        nodeid: str,
        names: Collection[str],
        seconds: float,
        error: float,
        unpinned: Collection[str] = (),
        *,
        instructions: Collection[str] = (),
        is_decided: IsDecided = never,
        most_quads: int = QUADS,
        is_repetition: bool = False,
        counting: Counting | None = None,
    ) -> PairAnswers:
        """Run and measure one test.

        Args:
            nodeid: the node id of the test.
            names: the names of the test's measurements in the head.
            seconds: the time after which a measurement has no further turns, once it has had a quad.
            error: the standard error of the log ratio, as shown by the quads, that is small enough to stop earlier.
            unpinned: the names of the measurements that may use all CPUs.
            instructions: the names of the measurements whose bytecode instructions are counted, also if the processes'
                own settings do not ask for that.
            is_decided: a function that ends the turns of a measurement earlier.
            most_quads: the number of quads after which a measurement has no further turns.
            is_repetition: whether the pair has run the test before, so that nothing is counted.
            counting: the counts of executions; None for those with which the pair was started.

        Raises:
            WorkerError: a side died or hangs.
        """
        layouts = random.SystemRandom().getrandbits(32)
        settings = {"instructions": [*instructions], "again": is_repetition, "layouts": layouts, **self._after}
        if counting is not None:
            settings["counting"] = counting.value
        self.has_failed = True  # until both sides have come to the end
        head, base = self._both(run=nodeid, **settings)
        taken: dict[str, TurnLog] = {}
        unpinned = set(unpinned)
        started_ns = SYSTEM.wall_ns()
        shared = None
        while head["at"] != "end" or base["at"] != "end":
            if (head["at"], head.get("name")) != (base["at"], base.get("name")):
                head, base = self._catch_up(head, base, names)
                continue
            if shared is None:  # the fixtures of both sides are set up
                shared = shared_address(self._head.pid, self._base.pid)
            if head["at"] == "settled":
                if max(one.get("cpus") or 0.0 for one in (head, base)) > PARALLEL:
                    unpinned.add(head["name"])
                head, base = self._agree(head, base, self._cpu_for(head["name"], unpinned))
                started_ns = SYSTEM.wall_ns()
            else:
                name = head["name"]
                so_far = taken.setdefault(name, TurnLog(fewest=self._fewest_turns, most=2 * most_quads))
                so_far.note(head, base)
                is_late = SYSTEM.wall_ns() - started_ns > seconds * 1e9
                is_over = name != TIMERS and so_far.is_enough(error, partial(is_decided, name), is_late=is_late)
                turn = None if is_over else so_far.turns
                head, base = self._take(turn, self._cpu_for(name, unpinned))
                so_far.turns += 1
        self.has_failed = False
        answers = (Answer(**head["answer"]), Answer(**base["answer"]))
        for known, answer in zip(self._modules, answers, strict=True):
            known.update(answer.modules)
        return PairAnswers(*answers, shared or "", *self._modules, base_is_first=self._base_is_first)

    def _cpu_for(self, name: str, unpinned: Collection[str]) -> int | None:
        return None if name in unpinned else self._cpu

    def _agree(self, head: Stop, base: Stop, cpu: int | None) -> tuple[Stop, Stop]:
        """Let both sides use as many calls in a round as the slower side needs."""
        iterations = min(head["iterations"], base["iterations"])
        agreed = {"iterations": iterations, "rounds": rounds_per_turn(_round_ns(head, base)), "cpu": cpu}
        return self._both(**agreed)

    def _both(self, **command: object) -> tuple[Stop, Stop]:
        """Let both sides go on, one after the other, and return the points at which head and base stop."""
        first, second = (side.resume(**command) for side in self._in_order(self._head, self._base))
        return self._in_order(first, second)

    def _in_order(self, head: _Of, base: _Of, turn: int = 0) -> tuple[_Of, _Of]:
        """Return the pair with the part of the side that comes first in a turn at the front.

        The order of both is its own inverse.
        """
        return (base, head) if self._base_is_first != (turn % 2 == 1) else (head, base)

    def _take(self, turn: int | None, cpu: int | None) -> tuple[Stop, Stop]:
        """Let each side take its turn; the order of the sides changes from turn to turn.

        The second side is told the number of rounds that the first side has timed.
        """
        first, second = self._in_order(self._head, self._base, turn or 0)
        number = None if turn is None else self._first_turn + turn
        told = {"turn": number, "cpu": cpu}
        one = first.resume(**told, rounds={})
        other = second.resume(**told, rounds=one.get("rounds", {}))
        return self._in_order(one, other, turn or 0)

    def _catch_up(self, head: Stop, base: Stop, names: Collection[str]) -> tuple[Stop, Stop]:
        """Let a side skip the measurement at which it has stopped, because the other side does not have it."""
        skip = {"skip": True, "turn": None}
        base_is_ahead = head["at"] != "end" and (base["at"] == "end" or base.get("name") in names)
        if base_is_ahead:
            return self._head.resume(**skip), base
        return head, self._base.resume(**skip)


def _round_ns(head: Stop, base: Stop) -> float:
    """Return the time of a round on the slower side, of as many calls as both sides make in a round."""
    iterations = min(head["iterations"], base["iterations"])
    return float(max(one["round_ns"] * iterations / one["iterations"] for one in (head, base)))
