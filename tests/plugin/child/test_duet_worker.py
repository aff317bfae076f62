"""A process of a duet, which runs each test on command; the commands and the session of pytest are scripted."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_perfbudget.core.precedence import resolve
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.measure.isolation import Heap
from pytest_perfbudget.plugin.child import duet_worker
from pytest_perfbudget.plugin.child.duet_worker import DuetWorker
from pytest_perfbudget.processes.protocol import Request

TEST = "a.py::t"


@pytest.fixture(autouse=True)
def freezes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a test for each time that objects are frozen; the objects of this process stay as they are."""
    found: list[str] = []
    monkeypatch.setattr(duet_worker, "GARBAGE", SimpleNamespace(freeze_left=lambda: found.append(TEST)))
    return found


class Scripted(DuetWorker):
    """A process with one test, of which it notes how each run is prepared."""

    def __init__(self, *commands: dict[str, Any]) -> None:
        lines = io.StringIO("".join(json.dumps({"run": TEST, **one}) + "\n" for one in commands))
        channel = SimpleNamespace(answers=None, executed=None, shield_teardown=None, commands=lines)
        super().__init__(Request([TEST], "", [], ()), cast("Any", channel))
        self.notes: list[object] = []
        self.stack: dict[str, tuple[list[None], None]] = {}

    def name(self, item: pytest.Item) -> str:
        del item
        return TEST

    def perf_tests(self, config: pytest.Config) -> list[str]:
        del config
        return [TEST]

    def _say(self, message: object) -> None:
        pass

    def _run_test(self, **_: object) -> None:
        effective = resolve(Settings(), TEST, (), name="")
        self.notes.append(sorted(self.comparison.request(TEST, "", effective).counts))

    def run(self) -> list[object]:
        """Run the commands, and return the notes."""
        item = SimpleNamespace(
            config=SimpleNamespace(hook=SimpleNamespace(pytest_runtest_protocol=self._run_test)), parent=None
        )
        ended = SimpleNamespace(teardown_exact=lambda _: self.notes.append("teardown"), stack=self.stack)
        self.pytest_runtestloop(cast("Any", SimpleNamespace(items=[item], config=None, _setupstate=ended)))
        return self.notes


def test_the_modules_are_looked_at_before_the_session_is_told_that_the_process_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both processes start at the same time; the look took 100 to 270 ms of the first test's time."""
    worker = Scripted()
    monkeypatch.setattr(worker, "look_at_modules", lambda _: worker.notes.append("look"))
    monkeypatch.setattr(worker, "_say", lambda message: worker.notes.append(message["at"]))
    assert worker.run() == ["look", "ready"]


def test_a_run_takes_the_counts_that_are_asked_for() -> None:
    """A pair that stays counts for one test, and not for the next."""
    found = Scripted({}, {"counting": "none"}, {"counting": "calls"}, {"counting": "all"}).run()
    assert [one for one in found if one != "teardown"] == [["calls", "peak"], [], ["calls"], ["calls", "peak"]]


def test_a_further_run_counts_nothing() -> None:
    """The first run has counted, and further runs are to place the data elsewhere."""
    found = Scripted({}, {"again": True}, {"again": False}).run()
    assert [one for one in found if one != "teardown"] == [["calls", "peak"], [], ["calls", "peak"]]


def test_the_heap_is_redrawn_before_the_fixtures_of_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the data that they make lie elsewhere in memory."""
    worker = Scripted({}, {"again": True})
    monkeypatch.setattr(Heap, "redraw", lambda _: worker.notes.append("redraw"))
    found = [one if isinstance(one, str) else "run" for one in worker.run()]
    assert found == 2 * ["teardown", "redraw", "run"]


@pytest.mark.parametrize(
    ("finalizers", "frozen"), [(1, 3), (2, 1)], ids=["no fixture is set up", "a fixture is set up"]
)
def test_what_tests_leave_is_frozen_while_no_fixture_is_set_up(
    freezes: list[str], finalizers: int, frozen: int
) -> None:
    """What a fixture holds is garbage after its teardown, and perhaps a server that is ended then."""
    worker = Scripted({}, {"again": True})
    worker.stack = {"module": ([None] * finalizers, None)}
    worker.run()
    assert len(freezes) == frozen
