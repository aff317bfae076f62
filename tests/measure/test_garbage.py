"""Garbage in reference cycles is collected where a process grows, and only there."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.measure import garbage, isolation
from pytest_perfbudget.measure.garbage import Garbage
from pytest_perfbudget.measure.isolation import quiet

MB = 1 << 20


class Node:
    """An object that holds itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the collections, all of which are full."""
    found: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: found.append("all"))
    return found


def peak(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    usage = SimpleNamespace(ru_maxrss=megabytes * MB // garbage._PEAK_UNIT)
    monkeypatch.setattr(garbage, "resource", SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda _: usage))


def test_garbage_is_collected_in_a_process_that_has_grown(
    monkeypatch: pytest.MonkeyPatch, collections: list[str], scripted: ScriptedClock
) -> None:
    """Also if the peak rises no further: garbage may fill memory that was free."""
    one = Garbage(scripted.clock)
    for megabytes, expected in ((60, 0), (60, 0), (80, 0), (300, 1), (300, 2), (310, 3)):
        peak(monkeypatch, megabytes)
        one.collect()
        assert len(collections) == expected


def test_collections_take_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch, scripted: ScriptedClock) -> None:
    """A session of many short tests, in a large process, would collect most of the time."""
    ended: list[int] = []

    def collect() -> None:
        scripted.advance(100)
        ended.append(scripted.clock.wall_ns())

    monkeypatch.setattr(gc, "collect", collect)
    one = Garbage(scripted.clock)
    peak(monkeypatch, 60)
    one.collect()
    peak(monkeypatch, 300)
    for _ in range(50):
        one.collect()
        scripted.advance(100)
    assert len(ended) == 3
    assert min(later - sooner for sooner, later in itertools.pairwise(ended)) > 2000


def test_garbage_is_collected_always_where_no_peak_is_told(
    monkeypatch: pytest.MonkeyPatch, collections: list[str], scripted: ScriptedClock
) -> None:
    monkeypatch.setattr(garbage, "resource", None)
    one = Garbage(scripted.clock)
    one.collect()
    one.collect()
    assert len(collections) == 2


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Garbage]:
    """Return the garbage of a process that has just collected its tests."""
    one = Garbage()
    monkeypatch.setattr(isolation, "GARBAGE", one)
    gc.collect()
    one.freeze_left()
    yield one
    gc.unfreeze()


def examined() -> int:
    """Return the number of objects that a collection of all garbage examines."""
    return len(gc.get_objects())


@pytest.mark.usefixtures("worker")
def test_a_process_that_has_collected_its_tests_examines_what_tests_make() -> None:
    """Collections before each run of a test took 17 to 60 ms, because they examined all that pytest holds."""
    assert examined() < 500
    with quiet():
        assert examined() < 500
        node = Node()
        left = weakref.ref(node)
        del node
        gc.collect()
        assert left() is None
    assert examined() < 500


def test_what_tests_leave_is_frozen_and_their_garbage_is_collected(worker: Garbage) -> None:
    kept = [Node() for _ in range(10_000)]
    left = weakref.ref(kept.pop())
    gc.collect()
    assert left() is None
    worker.freeze_left()
    assert examined() < 500
    del kept


def test_many_objects_of_a_test_are_kept_from_collections_between_its_blocks(worker: Garbage) -> None:
    """They are examined once afterwards, with all others, because Python unfreezes all or nothing."""
    kept = [Node() for _ in range(10_000)]
    with quiet():
        assert examined() < 500
    assert examined() > 10_000
    left = weakref.ref(kept[0])
    del kept
    gc.collect()
    worker.freeze_left()
    assert left() is None
    assert examined() < 500


def test_frozen_garbage_is_collected_in_a_process_that_has_grown(
    worker: Garbage, monkeypatch: pytest.MonkeyPatch
) -> None:
    peak(monkeypatch, 60)
    worker.collect()
    node = Node()
    left = weakref.ref(node)
    worker.freeze_left()
    del node
    gc.collect()
    worker.collect()
    assert left() is not None
    peak(monkeypatch, 300)
    worker.collect()
    assert left() is None
    assert examined() > 10_000  # nothing is frozen while fixtures may be set up


def test_what_the_application_has_frozen_stays_frozen(worker: Garbage, monkeypatch: pytest.MonkeyPatch) -> None:
    peak(monkeypatch, 60)
    worker.collect()
    kept = [Node() for _ in range(10_000)]
    gc.freeze()
    frozen = gc.get_freeze_count()
    more = [Node() for _ in range(10_000)]
    with quiet():
        pass
    peak(monkeypatch, 300)
    worker.collect()
    worker.freeze_left()
    assert gc.get_freeze_count() > 0.9 * frozen
    assert examined() > 10_000
    del kept, more


def test_what_a_test_left_in_cycles_is_not_frozen_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was frozen, and is frozen no longer, so it is an old object."""
    monkeypatch.setattr(isolation, "GARBAGE", Garbage())
    peak(monkeypatch, 60)
    with quiet():
        node = Node()
    left = weakref.ref(node)
    del node
    with quiet():
        assert left() is not None  # in a small process
    peak(monkeypatch, 300)
    with quiet():
        assert left() is None
