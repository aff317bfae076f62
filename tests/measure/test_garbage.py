"""Garbage in reference cycles is collected where a process grows, and only there."""

from __future__ import annotations

import gc
import itertools
import weakref
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
