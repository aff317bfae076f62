"""The worker of a duet: it runs each test on command, and waits for its turn before each timed block."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict
from json import dumps, loads  # bound now, because a test may replace them
from typing import TYPE_CHECKING, Any

import pytest

from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.measure.affinity import pin
from pytest_perfbudget.measure.garbage import GARBAGE
from pytest_perfbudget.measure.isolation import Heap, seed_layouts
from pytest_perfbudget.measure.turns import NO_TIMES, NONE, CallTimes, Turn
from pytest_perfbudget.plugin.child.record_only import RecordInTurns, RecordSpans
from pytest_perfbudget.plugin.child.worker import WorkerPlugin
from pytest_perfbudget.processes.protocol import Answer, Request

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.child.bootstrap import Channel


class SideTurns:
    """The turns that the other end of the channel grants; see `measure.turns.Turns`."""

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

    def take(self, name: str, times: CallTimes = NO_TIMES, rounds: Mapping[str, int] = NONE) -> Turn | None:
        """See `Turns.take`."""
        if self._skipped:
            self._skipped = False
            return None
        told = self._stop({"at": "turn", "name": name, **times._asdict(), "rounds": dict(rounds)})
        if told["turn"] is None:
            self.release()
            return None
        if self._release is None and told.get("cpu") is not None:
            self._release = pin(told["cpu"])
        return Turn(told["turn"], told["rounds"])

    def release(self) -> None:
        """Undo the pinning to the CPU of the turns."""
        if self._release is not None:
            self._release()
            self._release = None


class DuetWorker(WorkerPlugin):
    """The plugin that limits pytest to the requested tests, and runs each of them on command; see `WorkerPlugin`."""

    def __init__(self, request: Request, channel: Channel) -> None:
        super().__init__(request, channel)
        self._commands = channel.commands
        self._problems: dict[str, Answer] = {}
        self._items: dict[str, pytest.Item] = {}
        self._heap = Heap()
        self.turns = SideTurns(self._stop)
        strategy = RecordSpans if request.with_spans else RecordInTurns
        self.comparison: RecordInTurns = strategy(self.turns, counting=request.counting)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run the tests that the session names, one by one, until the session closes the channel."""
        self._items = {self.name(item): item for item in session.items}
        self.look_at_modules(session.config)  # now, because the other side does so at the same time
        gc.collect()
        GARBAGE.freeze_left()
        self._say({"at": "ready", "perf_tests": self.perf_tests(session.config)})
        while (told := self._hear()) is not None:
            nodeid = told["run"]
            self.comparison.counted = frozenset(told.get("instructions", ()))
            self.comparison.only_times = bool(told.get("again"))
            if "counting" in told:
                self.comparison.counting = Counting(told["counting"])
            if "layouts" in told:
                seed_layouts(told["layouts"])
            if nodeid in self._problems:
                self._end(self._problems[nodeid])
            else:
                self._run(session, self._items[nodeid], releases=bool(told.get("releases")))
        return True

    def _run(self, session: pytest.Session, item: pytest.Item, *, releases: bool) -> None:
        # The next test is not known yet. So only the fixtures of the test itself are torn down after it, and other
        # fixtures that the next test does not need are torn down before that test.
        session._setupstate.teardown_exact(item)  # noqa: SLF001 - as pytest-rerunfailures does
        # The data of the test lie elsewhere in each run, and all garbage of the tests before is collected.
        self._heap.redraw()
        if not _has_fixtures(session):  # what a fixture holds may be garbage later, with a server to stop
            GARBAGE.freeze_left()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None if releases else item.parent)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Undo the pinning to the CPU of the turns after the test's body."""
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
        if told is None:
            self._leave()
        return told

    def _say(self, message: Mapping[str, Any]) -> None:
        self._write(dumps(message))

    def _hear(self) -> Mapping[str, Any] | None:
        line = self._commands.readline()
        return loads(line) if line else None


def _has_fixtures(session: pytest.Session) -> bool:
    """Return whether a fixture is set up; in case of doubt, also in a version of pytest with other internals."""
    try:
        # Each node that is set up has its own teardown, and that of each of its fixtures.
        return any(len(finalizers) > 1 for finalizers, _ in session._setupstate.stack.values())  # noqa: SLF001 - see above
    except (AttributeError, TypeError, ValueError):
        return True
