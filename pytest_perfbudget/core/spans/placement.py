"""Placement: the execution that each span belongs to, by its trace, or by its time if the span has lost its trace."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeVar

from pytest_perfbudget.core.spans import SpanRecord
from pytest_perfbudget.tracing.wait_sampling import Waits

_Record = TypeVar("_Record", bound=SpanRecord)


@dataclass(frozen=True, slots=True)
class EndedExecution:
    """An execution that has ended, with times since 1970, and the span that stands for the whole of the execution.

    For `cpu_ns` and `waits` see `Execution`.
    """

    trace_id: int
    root_id: int
    start_ns: int
    end_ns: int
    cpu_ns: int | None = None
    waits: Waits | None = None


@dataclass(frozen=True, slots=True)
class PlacedSpans(Generic[_Record]):
    """The spans of each execution, by the id of its trace, and those that belong to no execution."""

    by_trace: Mapping[int, list[_Record]]
    stray: Sequence[_Record]


def placed_spans(ended: Sequence[EndedExecution], spans: Sequence[_Record], *, overlap: bool) -> PlacedSpans[_Record]:
    """Return the execution of each span.

    Args:
        ended: the executions, by their starts.
        spans: the spans.
        overlap: whether executions may overlap, as the requests of a load, so that the time of a span says nothing.
    """
    by_trace: dict[int, list[_Record]] = {one.trace_id: [] for one in ended}
    by_id = {one.trace_id: one for one in ended}
    late = _late(spans, by_id)
    displaced: list[_Record] = []
    stray: list[_Record] = []
    for span in spans:
        if span.trace_id in by_id and span.span_id not in late:
            by_trace[span.trace_id].append(span)
        else:
            displaced.append(span)
    for span in displaced:
        home = (None if overlap else _home(span, ended)) or by_id.get(span.trace_id)
        if home is not None:
            by_trace[home.trace_id].append(span)
        else:
            stray.append(span)
    return PlacedSpans(by_trace, stray)


def _late(spans: Sequence[SpanRecord], by_id: Mapping[int, EndedExecution]) -> set[int]:
    """Return the ids of the spans that began after the execution of their trace, in work for a later execution.

    A thread, a task or a process that was started in one execution may go on to work for the next.
    """
    late: set[int] = set()
    for span in sorted(spans, key=attrgetter("start_ns")):
        own = by_id.get(span.trace_id)
        is_after = own is not None and span.start_ns >= own.end_ns
        if is_after and (span.thread > 0 or span.parent_id in late or (own and span.parent_id == own.root_id)):
            late.add(span.span_id)
    return late


def _home(span: SpanRecord, ended: Sequence[EndedExecution]) -> EndedExecution | None:
    """Return the execution in whose time a span began that has lost its trace, such as in a thread."""
    place = bisect_right(ended, span.start_ns, key=attrgetter("start_ns")) - 1
    return ended[place] if place >= 0 and span.start_ns < ended[place].end_ns else None
