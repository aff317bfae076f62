"""The spans that end in a block of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_perfbudget.tracing import Span, add_sink, remove_sink
from pytest_perfbudget.tracing.span import Record


@contextmanager
def gathered() -> Iterator[list[Span]]:
    """Yield a list to which each span is added when the span ends."""
    found: list[Span] = []

    def take(record: Record) -> None:
        found.append(Span._make(record))

    add_sink(take, needs_line=True)
    try:
        yield found
    finally:
        remove_sink(take)
