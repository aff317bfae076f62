"""The threads that run while other processes measure."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from pytest_perfbudget.measure.busy_threads import BusyThreads, _of_thread


@contextmanager
def waiting(name: str) -> Iterator[None]:
    """Let a thread of a name wait within the block."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name=name)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


class Cpu:
    """The CPU times of threads, of which those of one name run all the time, or for a share of the time."""

    def __init__(self, name: str, share: float) -> None:
        self.at_ns = 0
        self._name, self._share = name, share

    def of(self, native_id: int) -> int | None:
        (name,) = (one.name for one in threading.enumerate() if one.native_id == native_id)
        return int(self.at_ns * self._share) if name == self._name else 0


def found(share: float, elapsed_ns: int) -> dict[str, str]:
    cpu = Cpu("spins", share)
    threads = BusyThreads(lambda: cpu.at_ns, cpu.of)
    with waiting("waits"), waiting("spins"):
        for nodeid in ("a.py::leaves", "a.py::later"):
            with threads.watched(nodeid) as busy:
                cpu.at_ns += elapsed_ns
    return busy


def test_a_busy_thread_is_found_with_the_test_in_which_it_was_seen_first() -> None:
    assert found(0.9, 400_000_000) == {"spins": "a.py::leaves"}
    assert found(0.1, 400_000_000) == {"spins": "a.py::leaves"}


@pytest.mark.parametrize(("share", "elapsed_ns"), [(0.05, 400_000_000), (0.9, 100_000_000)])
def test_a_thread_that_waits_and_a_short_time_say_nothing(share: float, elapsed_ns: int) -> None:
    assert found(share, elapsed_ns) == {}


def test_a_system_that_does_not_tell_finds_nothing() -> None:
    times = iter([0, 400_000_000])
    threads = BusyThreads(lambda: next(times), lambda _: None)
    with waiting("waits"), threads.watched("a.py::t") as busy:
        pass
    assert busy == {}


def test_a_thread_of_a_test_that_measures_nothing_is_known_by_that_test() -> None:
    cpu = Cpu("spins", 0.9)
    threads = BusyThreads(lambda: cpu.at_ns, cpu.of)
    with waiting("spins"):
        threads.note("a.py::leaves")
        with threads.watched("a.py::later") as busy:
            cpu.at_ns += 400_000_000
    assert busy == {"spins": "a.py::leaves"}


def test_a_thread_with_the_id_and_the_name_of_one_that_has_ended_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = iter([0, 400_000_000])
    threads, alive = (
        BusyThreads(iter([0, 400_000_000]).__next__, lambda _: next(cpu)),
        [SimpleNamespace(native_id=1, name="x")],
    )
    monkeypatch.setattr(threading, "enumerate", lambda: alive)
    threads.note("a.py::ended")
    begun, alive = alive, []
    threads.note("a.py::between")
    alive = begun
    with threads.watched("a.py::later") as busy:
        pass
    assert busy == {"x": "a.py::later"}


@pytest.mark.parametrize("name", [property(lambda _: 1 / 0), ["a", "list"]], ids=["raises", "no text"])
def test_a_thread_of_an_odd_class_breaks_nothing(monkeypatch: pytest.MonkeyPatch, name: object) -> None:
    odd = type("Odd", (), {"native_id": 1, "name": name})()
    monkeypatch.setattr(threading, "enumerate", lambda: [odd])
    with BusyThreads().watched("a.py::t") as busy:
        pass
    assert busy == {}


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_the_system_tells_the_time_of_a_thread() -> None:
    before = _of_thread(threading.get_native_id())
    sum(range(1_000_000))
    after = _of_thread(threading.get_native_id())
    assert before is not None
    assert after is not None
    assert after > before
    assert _of_thread(-1) is None
