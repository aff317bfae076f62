"""The clocks of spans, scripted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from gathered_spans import gathered

from pytest_perfbudget.tracing import Span, open_span


class Clocks:
    """The clocks of a thread, which count the readings of the CPU clock."""

    def __init__(self) -> None:
        self.wall_ns = self.cpu_ns = 1_000_000
        self.readings = 0
        self.thread = 1

    def advance(self, computing_ns: int, waiting_ns: int = 0) -> None:
        self.wall_ns += computing_ns + waiting_ns
        self.cpu_ns += computing_ns

    def ident(self) -> int:
        return self.thread

    def cpu(self) -> int:
        self.readings += 1
        return self.cpu_ns


@contextmanager
def scripted() -> Iterator[tuple[Clocks, list[Span]]]:
    """Yield the clocks of all spans in the block, and the list of these spans."""
    clocks = Clocks()
    with (
        mock.patch.object(open_span, "CLOCKS", (lambda: clocks.wall_ns, clocks.cpu)),
        mock.patch.object(open_span, "ident", clocks.ident),
        mock.patch.object(open_span, "_reading", (0, 0, 0)),
        gathered() as spans,
    ):
        yield clocks, spans
