"""Spans as numbers: a span is a named piece of work within an execution, with its start, its time and its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from pytest_perfbudget.tracing.attributes import SITE as SITE
from pytest_perfbudget.tracing.attributes import STATEMENT as STATEMENT
from pytest_perfbudget.tracing.wait_sampling import Waits

OTHERS: Final = "(others)"
"""The name of the spans beyond the largest number of names."""


class SpanRecord(Protocol):
    """A span that has ended.

    Attributes:
        name: the name of the span.
        trace_id: the id of the request or execution that the span belongs to.
        span_id: the id of the span, unique within its trace.
        parent_id: the id of the enclosing span; 0 if there is none.
        start_ns: the start, on the clock of the executions.
        duration_ns: the wall-clock time.
        cpu_ns: the CPU time of the span's thread; None if the time is not known.
        attributes: what the code says about the span.
        active_ns: the start and the end of each interval in which a generator ran, in ns since the start of the span,
            one after the other; empty if the span ran without a rest.
        thread: the id of the thread; 0 if it is not known.
        task: the number of the task of an event loop that the span is part of; 0 if it is part of none.
        waits: what happened while the span waited, see `causes`; None if nobody looked.
        error: the exception that ended the span, as text; empty if there was none.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class
    @property
    def trace_id(self) -> int: ...  # noqa: D102
    @property
    def span_id(self) -> int: ...  # noqa: D102
    @property
    def parent_id(self) -> int: ...  # noqa: D102
    @property
    def start_ns(self) -> int: ...  # noqa: D102
    @property
    def duration_ns(self) -> int: ...  # noqa: D102
    @property
    def cpu_ns(self) -> int | None: ...  # noqa: D102
    @property
    def attributes(self) -> Mapping[str, object]: ...  # noqa: D102
    @property
    def active_ns(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def thread(self) -> int: ...  # noqa: D102
    @property
    def task(self) -> int: ...  # noqa: D102
    @property
    def waits(self) -> Waits | None: ...  # noqa: D102
    @property
    def error(self) -> str: ...  # noqa: D102


def intervals_of(span: SpanRecord) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each interval in which a span ran, on the clock of the executions."""
    if not span.active_ns:
        yield span.start_ns, span.start_ns + span.duration_ns
        return
    each = iter(span.active_ns)
    for start_ns, end_ns in zip(each, each, strict=True):
        yield span.start_ns + start_ns, span.start_ns + end_ns


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a test's code, or one request of a load, with the spans in it.

    Attributes:
        start_ns: the start of the execution.
        end_ns: the end of the execution, on the same clock.
        spans: the spans of the execution, in any order.
        cpu_ns: the CPU time of the execution's thread; None if it is not known.
        waits: what happened while the execution waited, see `causes`; None if nobody looked.
    """

    start_ns: int
    end_ns: int
    spans: Sequence[SpanRecord] = field(default=())
    cpu_ns: int | None = None
    waits: Waits | None = None

    @property
    def total_ns(self) -> int:
        """The time of the execution."""
        return max(self.end_ns - self.start_ns, 0)
