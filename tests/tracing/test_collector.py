"""Spans that the garbage collector ends: a generator that nobody closes, in a circle of references."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from contextvars import copy_context
from threading import Event, Thread
from typing import Any

import pytest
from gathered_spans import gathered

from pytest_perfbudget import track
from pytest_perfbudget.tracing import Span, current
from pytest_perfbudget.tracing.open_span import current_span
from pytest_perfbudget.tracing.sqlite import TrackedConnection


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    with gathered() as found:
        yield found


IN_A_LOOP = """
import gc
from pytest_perfbudget import Monitor, track

monitor = Monitor()
gc.set_threshold(50)

class Node:
    pass

@track("decorated")
def decorated():
    while True:
        yield

def with_block():
    with track("block"):
        while True:
            yield

for number in range(6_000):
    node = Node()
    node.rows = (decorated, with_block)[number % 2]()
    next(node.rows)
    node.itself = node  # so that only the collector finds the generator
    del node
gc.collect()
counts = {name: one["requests_total"] for name, one in monitor.summary()["components"].items()}
assert counts == {"decorated": 3_000, "block": 3_000}, counts
"""


def test_a_service_goes_on_while_the_collector_ends_spans() -> None:
    """Without care the collector ends a span while another one begins, and Python before 3.12 crashes there."""
    subprocess.run([sys.executable, "-X", "faulthandler", "-c", IN_A_LOOP], check=True, timeout=60)


class Node:
    """An object in a circle of references."""

    rows: Any
    itself: Node


@track("rows")
def rows() -> Iterator[int]:
    with track("row"):
        yield 1
        yield 2


def in_a_circle(make: Callable[[], Iterator[int]]) -> None:
    node = Node()
    node.rows, node.itself = make(), node
    next(node.rows)


def collected(make: Callable[[], Iterator[int]]) -> None:
    in_a_circle(make)
    gc.collect()


def closed(make: Callable[[], Iterator[int]]) -> None:
    generator: Any = make()
    next(generator)
    generator.close()


@pytest.mark.parametrize("end", [collected, closed])
def test_a_span_that_was_ended_encloses_nothing_afterwards(
    spans: list[Span], end: Callable[[Callable[[], Iterator[int]]], None]
) -> None:
    def block() -> Iterator[int]:
        with track("block"):
            yield 1

    end(rows)
    end(block)
    assert current() is None
    with track("later"):
        pass
    assert {one.name: one.parent_id for one in spans if one.name in ("block", "later")} == {"block": 0, "later": 0}
    assert [one.name for one in spans] == ["row", "rows", "block", "later"]


def enclosing() -> list[object]:
    """Return the spans around this code, from the innermost on; a span that encloses itself comes twice at the end."""
    found: list[object] = []
    span: object = current_span.get()
    while span is not None and span not in found:
        found.append(span)
        span = getattr(span, "parent", None)
    return found if span is None else [*found, span]


class Collected:
    """An object in a circle of references, whose end another thread waits for."""

    def __init__(self, begins: Event, ends: Event) -> None:
        self.itself, self.begins, self.ends = self, begins, ends

    def __del__(self) -> None:
        self.begins.set()
        assert self.ends.wait(30)


def test_a_span_rests_while_the_collector_runs_in_another_thread(spans: list[Span]) -> None:
    """The query was the span around itself from then on, and the next block of a service never came out of that circle.

    Python may switch threads while the collector calls its callbacks and the ends of objects.
    """
    begins, ends = Event(), Event()
    Collected(begins, ends)
    collecting = Thread(target=gc.collect)

    def collected(row: int) -> int:
        if row == 2:
            collecting.start()
            assert begins.wait(30)
        return row

    with closing(sqlite3.connect(":memory:", factory=TrackedConnection)) as connection, track("request"):
        connection.create_function("collected", 1, collected)
        cursor = connection.execute("SELECT collected(column1) FROM (VALUES (1), (2), (3))")
        assert [cursor.fetchone() for _ in range(2)] == [(1,), (2,)]
        ends.set()
        collecting.join()
        assert len(enclosing()) == 1
        assert cursor.fetchone() == (3,)
        assert len(enclosing()) == 1
        cursor.close()
    assert [one.name for one in spans] == ["sqlite3", "request"]


def test_a_generator_that_goes_on_within_its_own_context_does_not_enclose_itself(spans: list[Span]) -> None:
    """A task that a generator starts has the generator's span around it, and may take the next item."""
    contexts = []

    @track("items")
    def items() -> Iterator[int]:
        contexts.append(copy_context())
        yield 1
        assert len(enclosing()) == len(set(enclosing()))
        yield 2

    made = items()
    next(made)

    def goes_on() -> None:
        with track("task"):
            next(made)
            assert len(enclosing()) == len(set(enclosing()))

    contexts[0].run(goes_on)
    made.close()  # type: ignore[attr-defined]
    assert [one.name for one in spans] == ["task", "items"]
