"""What is kept still is put back: after success, after an error, and for whoever had it before."""

from __future__ import annotations

import gc
import sys
from array import array
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest

from pytest_perfbudget.measure.isolation import Heap, is_traced, quiet, seed_layouts, uncollected


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    trace, profile = sys.gettrace(), sys.getprofile()
    enabled = gc.isenabled()
    yield
    sys.settrace(trace)
    sys.setprofile(profile)
    (gc.enable if enabled else gc.disable)()


def tracer(*_: object) -> None:
    return None


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_garbage_collection_and_tracing_rest_and_come_back(error: type[BaseException] | None) -> None:
    sys.settrace(tracer)
    sys.setprofile(tracer)
    gc.enable()
    seen: list[Any] = []
    with pytest.raises(error) if error else nullcontext(), quiet():
        seen = [gc.isenabled(), sys.gettrace(), sys.getprofile()]
        if error:
            raise error
    after = [gc.isenabled(), sys.gettrace(), sys.getprofile()]
    sys.settrace(None)
    sys.setprofile(None)
    assert seen == [False, None, None]
    assert after == [True, tracer, tracer]


def test_collection_that_was_off_stays_off() -> None:
    gc.disable()
    with quiet():
        pass
    assert not gc.isenabled()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_what_the_process_holds_is_frozen_meanwhile() -> None:
    # A few hundred are Python's own, in some versions.
    assert gc.get_freeze_count() < 1000
    with quiet():
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() < 1000


def test_what_somebody_else_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with quiet():
            pass
        # Some of the frozen objects may have died since, because nothing refers to them any more.
        assert gc.get_freeze_count() > 0.9 * frozen > 0
    finally:
        gc.unfreeze()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
def test_monitoring_callbacks_rest_and_come_back() -> None:
    monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - absent before 3.12
    tool = next(free for free in range(6) if monitoring.get_tool(free) is None)
    events: list[str] = []
    started = monitoring.events.PY_START

    def on_start(code: Any, _: int) -> None:
        events.append(code.co_name)

    def watched() -> None:
        pass

    monitoring.use_tool_id(tool, "test")
    try:
        monitoring.register_callback(tool, started, on_start)
        monitoring.set_events(tool, started)
        with quiet():
            watched()
        during = "watched" in events
        watched()
        after = "watched" in events
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, started, None)
        monitoring.free_tool_id(tool)
    assert (during, after) == (False, True)


def test_a_tracer_is_noticed() -> None:
    sys.settrace(None)
    sys.setprofile(None)
    assert not is_traced()
    sys.setprofile(tracer)
    try:
        assert is_traced()
    finally:
        sys.setprofile(None)


def test_the_heap_is_drawn_anew_and_garbage_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: collected.append(1))
    heap = Heap()
    sizes = []
    for _ in range(8):
        heap.redraw()
        sizes.append([size for size in map(sys.getsizeof, heap._held) if size > 512])
    assert len(collected) == 8
    assert len({tuple(one) for one in sizes}) == 8


def test_a_loop_that_makes_and_drops_a_small_object_gets_another_place_in_each_layout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a draw for small blocks these are 113 places in all, with a draw some 560."""
    monkeypatch.setattr(gc, "collect", int)
    heap = Heap()
    places = {size: array("i") for size in (32, *range(48, 513, 16))}  # which hold no objects that take the places
    for size, found in places.items():
        make = partial(bytes, size - sys.getsizeof(b"")) if size >= 48 else partial(pow, 2, 21)
        for _ in range(64):
            heap.redraw()
            found.append(id(make()) % 4096)
    different = {size: len(set(found)) for size, found in places.items()}
    assert min(different.values()) >= 4, different  # of the largest size eight fit into a page
    assert sum(different.values()) >= 300, different


def test_the_tested_code_keeps_its_random_numbers() -> None:
    import random

    random.seed(4)
    expected = random.random()
    random.seed(4)
    Heap().redraw()
    assert random.random() == expected


@pytest.mark.parametrize(("seeds", "is_equal"), [((5, 5), True), ((5, 6), False)])
def test_the_layouts_of_one_seed_are_the_same(seeds: tuple[int, int], *, is_equal: bool) -> None:
    """The processes of a pair have one seed, so the places of their data are no difference between them."""
    drawn = []
    for seed in seeds:
        seed_layouts(seed)
        heap = Heap()
        heap.redraw()
        drawn.append([*map(len, heap._held)])
    assert (drawn[0] == drawn[1]) is is_equal
