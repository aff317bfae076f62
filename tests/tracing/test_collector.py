"""Spans that the garbage collector ends: a generator that nobody closes, in a circle of references."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gathered_spans import gathered

from pytest_perfbudget import track
from pytest_perfbudget.tracing import Span, current


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
