"""The worker's side of a duet: runs the tests it is told to, and stops before each block that it times."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any

import pytest

from pytest_perfbudget.compare.strategy import MeasurementRequest, RecordEverything, RecordOnly
from pytest_perfbudget.core.limits import EffectiveLimits
from pytest_perfbudget.measure.affinity import pin
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, TurnBlocks
from pytest_perfbudget.measure.turns import NONE, Turn
from pytest_perfbudget.plugin.child.worker import WorkerPlugin
from pytest_perfbudget.processes.duet import TIMERS
from pytest_perfbudget.processes.protocol import Answer, Request


class SideTurns:
    """Asks the other end of the channel for turns; see `measure.turns.Turns`."""

    def __init__(self, stop: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self._stop = stop
        self._skipped = False
        self._release: Callable[[], None] | None = None

    def agree(self, name: str, iterations: int, round_ns: float, cpus: float | None) -> tuple[int, int]:
        """See `Turns.agree`."""
        settled = {"at": "settled", "name": name, "iterations": iterations, "round_ns": round_ns, "cpus": cpus}
        told = self._stop(settled)
        self._skipped = bool(told.get("skip"))
        if self._skipped:
            return iterations, 1
        return told["iterations"], told["rounds"]

    def take(self, name: str, last_ns: float | None = None, rounds: Mapping[str, int] = NONE) -> Turn | None:
        """See `Turns.take`."""
        if self._skipped:
            self._skipped = False
            return None
        told = self._stop({"at": "turn", "name": name, "last_ns": last_ns, "rounds": dict(rounds)})
        if told["turn"] is None:
            self.release()
            return None
        if self._release is None and told.get("cpu") is not None:
            self._release = pin(told["cpu"])
        return Turn(told["turn"], told["rounds"])

    def release(self) -> None:
        """Leave the CPU that the turns were on."""
        if self._release is not None:
            self._release()
            self._release = None


@dataclass(frozen=True)
class _Turned(RecordEverything):
    """Asks for blocks in turns, and for every count."""

    turns: SideTurns | None = None
    is_timed: bool = False
    with_cpus: bool = True


class SidePlugin(WorkerPlugin):
    """Narrows a session down to the asked tests, and runs those that it is told to, when it is told to."""

    def __init__(self, request: Request, answers: IO[str], commands: IO[str]) -> None:
        super().__init__(request, answers)
        self._commands = commands
        self._problems: dict[str, Answer] = {}
        self._items: dict[str, pytest.Item] = {}
        self.turns = SideTurns(self._stop)
        self.comparison = RecordInTurns(self.turns)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run what is asked for until nobody is there to ask."""
        self._items = {self.name(item): item for item in session.items}
        self._say({"at": "ready", "others": self.others(session.config)})
        while (told := self._hear()) is not None:
            nodeid = told["run"]
            if nodeid in self._problems:
                self._end(self._problems[nodeid])
            else:
                self._run(session, self._items[nodeid])
        return True

    def _run(self, session: pytest.Session, item: pytest.Item) -> None:
        # Which test comes next is not known yet: so what it does not need any more is torn down before it, and
        # after a test only what is its own.
        session._setupstate.teardown_exact(item)  # noqa: SLF001 - as pytest-rerunfailures does
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=item.parent)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Leave the CPU of the turns when a test's body has ended."""
        try:
            yield
        finally:
            self.turns.release()

    def _send(self, answer: Answer) -> None:
        if self._items:
            self._end(self.checked(answer))
        else:  # while tests are collected
            self._problems[answer.nodeid] = answer

    def _end(self, answer: Answer) -> None:
        self._say({"at": "end", "answer": asdict(answer)})

    def _stop(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        self._say(message)
        told = self._hear()
        if told is None:  # nobody is there any more
            pytest.exit("the session has ended", returncode=0)
        return told

    def _say(self, message: Mapping[str, Any]) -> None:
        self._write(json.dumps(message))

    def _hear(self) -> Mapping[str, Any] | None:
        line = self._commands.readline()
        return json.loads(line) if line else None


class RecordInTurns(RecordOnly):
    """Records in turns, and leaves the judging to who gives them."""

    def __init__(self, turns: SideTurns) -> None:
        self._turns = turns

    def ask(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:  # noqa: ARG002 - the same for all
        """See `ComparisonStrategy.ask`."""
        return _Turned(turns=self._turns)

    def block_policy(self, clock: Clock) -> BlockPolicy | None:
        """See `ComparisonStrategy.block_policy`."""
        return TurnBlocks(self._turns, TIMERS, clock)
