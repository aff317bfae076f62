"""Code whose threads take turns is compared on one CPU."""

from __future__ import annotations

import sys
import threading
from threading import Event, Thread

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.gate import BudgetGate
from pytest_perfbudget.measure import runner
from pytest_perfbudget.measure.affinity import cpus, current_cpu
from pytest_perfbudget.measure.cpu_usage import Used
from pytest_perfbudget.measure.one_cpu import has_threads, on_one_cpu, take_turns
from pytest_perfbudget.measure.plan import Plan
from pytest_perfbudget.measure.runner import Outcome, measure, run_plain
from pytest_perfbudget.measure.subject import PlainSubject

MS = 10**6
S = 1000 * MS


@pytest.mark.parametrize(
    ("process_ms", "thread_ms", "children_ms", "expected"),
    [
        pytest.param(100, 100, 0, False, id="one thread"),
        pytest.param(105, 60, 0, True, id="two threads that take turns"),
        pytest.param(99, 1, 0, True, id="another thread does the work"),
        pytest.param(100, 97, 0, False, id="a thread that looks after the process"),
        pytest.param(180, 90, 0, False, id="two threads at the same time"),
        pytest.param(100, 60, 30, False, id="threads beside a child process"),
    ],
)
def test_threads_take_turns_if_several_work_and_one_cpu_is_enough(
    process_ms: int, thread_ms: int, children_ms: int, *, expected: bool
) -> None:
    after = Used(100 * MS, process_ms * MS, children_ms * MS, thread_ms * MS)
    assert take_turns([(Used(0, 0, 0, 0), after)]) is expected


def test_nothing_measured_is_no_turn() -> None:
    assert not take_turns([])


def test_a_waiting_thread_is_a_thread() -> None:
    before = threading.active_count()
    end = Event()
    thread = Thread(target=end.wait)
    thread.start()
    assert threading.active_count() == before + 1
    assert has_threads()
    end.set()
    thread.join()


@pytest.mark.parametrize(("number", "expected"), [(1, False), (2, True)])
def test_the_measuring_thread_itself_is_none_of_them(
    number: int, monkeypatch: pytest.MonkeyPatch, *, expected: bool
) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: number)
    assert has_threads() is expected


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not pin")
def test_the_process_is_kept_on_the_cpu_on_which_it_runs() -> None:
    before = cpus()
    with on_one_cpu():
        assert cpus() == [current_cpu()]
    assert cpus() == before


class Handover:
    """Code that takes 1 ms on one CPU, and 8 ms on several; `on_one_cpu` says which."""

    def __init__(
        self, scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch, *, take_turns: bool, ms_on_one_cpu: int = 1
    ) -> None:
        self.scripted = scripted
        self.ms_on_one_cpu = ms_on_one_cpu
        self.is_on_one_cpu = False
        monkeypatch.setattr(runner, "has_threads", lambda: True)
        monkeypatch.setattr(runner, "take_turns", lambda _: take_turns)
        monkeypatch.setattr(runner, "on_one_cpu", lambda: self)

    def __enter__(self) -> None:
        self.is_on_one_cpu = True

    def __exit__(self, *exception: object) -> None:
        self.is_on_one_cpu = False

    def measured(self, *, one_cpu: bool | None) -> Outcome:
        """Measure ten blocks for a comparison."""
        gate = BudgetGate((), Errors(exceeded=0.01, within=0.05))
        plan = Plan(gate, S, self.scripted.clock, more_blocks=lambda blocks: 10 - len(blocks), one_cpu=one_cpu)
        return run_plain(measure(PlainSubject(self._work), plan))

    def _work(self) -> None:
        self.scripted.advance(self.ms_on_one_cpu * MS if self.is_on_one_cpu else 8 * MS)


def test_their_blocks_are_timed_on_one_cpu_and_their_rounds_on_all(
    scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Handover(scripted, monkeypatch, take_turns=True).measured(one_cpu=None)
    assert found.one_cpu
    assert {block.time_ns for block in found.samples.blocks} == {float(MS)}
    assert len(found.samples.blocks) >= 10
    assert set(found.samples.wall_ns) == {8.0 * MS}


def test_threads_that_are_slower_on_one_cpu_keep_all_cpus(
    scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They work at the same time and wait between, so that few CPUs are in use on average."""
    found = Handover(scripted, monkeypatch, take_turns=True, ms_on_one_cpu=10).measured(one_cpu=None)
    assert not found.one_cpu
    assert {block.time_ns for block in found.samples.blocks} == {8.0 * MS}
    assert len(found.samples.blocks) >= 10


def test_other_code_has_all_cpus(scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Handover(scripted, monkeypatch, take_turns=False).measured(one_cpu=None)
    assert not found.one_cpu
    assert {block.time_ns for block in found.samples.blocks} == {8.0 * MS}


@pytest.mark.parametrize("one_cpu", [False, True])
def test_the_other_side_decides_if_it_is_known(
    scripted: ScriptedClock, monkeypatch: pytest.MonkeyPatch, *, one_cpu: bool
) -> None:
    found = Handover(scripted, monkeypatch, take_turns=not one_cpu).measured(one_cpu=one_cpu)
    assert found.one_cpu is one_cpu
    assert {block.time_ns for block in found.samples.blocks} == {MS if one_cpu else 8.0 * MS}
