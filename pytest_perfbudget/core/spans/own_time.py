"""The own time of a span: without the spans in it that the same thread, or the same task, runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pytest_perfbudget.core.spans import SpanRecord
from pytest_perfbudget.tracing.wait_sampling import Waits

_LITTLE: Final = 0.05
"""The share of the outer span's time up to which a span in it may have waited without anybody looking."""


class OwnTime(NamedTuple):
    """The time of a span without the spans in it; for the fields see `causes_of`."""

    duration_ns: int
    cpu_ns: int | None
    waits: Waits | None


def own_times(spans: Sequence[SpanRecord], parents: Sequence[int]) -> list[OwnTime]:
    """Return the own time of each span of an execution.

    Args:
        spans: the spans.
        parents: the result of `attribution.parents_of` for them.
    """
    found = [OwnTime(span.duration_ns, span.cpu_ns, span.waits) for span in spans]
    for place, span in enumerate(spans):
        outer = _containing(spans, parents, place)
        if outer >= 0:
            duration_ns, cpu_ns, waits = found[outer]
            found[outer] = OwnTime(
                duration_ns - span.duration_ns,
                None if cpu_ns is None or span.cpu_ns is None else cpu_ns - span.cpu_ns,
                None if waits is None or spans[outer].task != span.task else _without(waits, span, spans[outer]),
            )
    return [
        OwnTime(max(one.duration_ns, 0), None if one.cpu_ns is None else max(one.cpu_ns, 0), one.waits) for one in found
    ]


def _without(waits: Waits, inner: SpanRecord, outer: SpanRecord) -> Waits | None:
    """Return what happened in a span, but not in a span in it; None if that is not known."""
    if inner.waits is None:
        is_little = inner.cpu_ns is not None and inner.duration_ns - inner.cpu_ns <= _LITTLE * outer.duration_ns
        return waits if is_little else None
    return waits[0] - inner.waits[0], waits[1] - inner.waits[1], waits[2] - inner.waits[2]


def _containing(spans: Sequence[SpanRecord], parents: Sequence[int], place: int) -> int:
    """Return the place of the span whose CPU time contains that of a span; -1 if there is none.

    It is the parent in the same thread and the same task. Another task of the thread adds nothing to the CPU time of
    the parent, but to that of the code around the event loop.
    """
    span, outer = spans[place], parents[place]
    if outer < 0 or spans[outer].thread != span.thread:
        return -1
    while outer >= 0 and (spans[outer].thread != span.thread or spans[outer].task not in {0, span.task}):
        outer = parents[outer]
    return outer
