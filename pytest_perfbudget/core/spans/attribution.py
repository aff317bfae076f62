"""Self time: each moment of an execution belongs to the innermost spans that are open.

The self times of all spans and the time without any span add up to the time of the execution, also if spans run beside
each other, in threads or as coroutines. Several innermost spans share their moments equally. A generator that rests
between two items is not open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_perfbudget.core.spans import Execution, SpanRecord, intervals_of


@dataclass(frozen=True, slots=True)
class SelfTimes:
    """The self time of each span of an execution, in the order of the spans, and the time without any span, in ns."""

    spans: Sequence[float]
    unattributed_ns: float


def parents_of(spans: Sequence[SpanRecord]) -> list[int]:
    """Return the position of each span's parent; -1 if the parent is not among the spans.

    A circle of parents, which only another program could report, is cut.
    """
    places = {span.span_id: place for place, span in enumerate(spans)}
    parents = [places.get(span.parent_id, -1) for span in spans]
    settled = [False] * len(spans)
    for start in range(len(spans)):
        path: list[int] = []
        seen: set[int] = set()
        place = start
        while place != -1 and not settled[place]:
            if place in seen:
                parents[place] = -1
                break
            seen.add(place)
            path.append(place)
            place = parents[place]
        for passed in path:
            settled[passed] = True
    return parents


def self_times(execution: Execution, parents: Sequence[int]) -> SelfTimes:
    """Return the self times of an execution's spans.

    The part of a span outside the execution does not count.

    Args:
        execution: the execution.
        parents: the result of `parents_of` for its spans.
    """
    found = [0.0] * len(execution.spans)
    open_spans = _OpenSpans(parents)
    now_ns, unattributed = execution.start_ns, 0.0
    for at_ns, is_start, place in _moments(execution):
        if at_ns > now_ns:
            innermost = open_spans.innermost
            for one in innermost:
                found[one] += (at_ns - now_ns) / len(innermost)
            if not innermost:
                unattributed += at_ns - now_ns
            now_ns = at_ns
        if is_start:
            open_spans.start(place)
        else:
            open_spans.end(place)
    return SelfTimes(found, unattributed + max(execution.end_ns - now_ns, 0))


def _moments(execution: Execution) -> list[tuple[int, bool, int]]:
    """Return the starts and ends of spans: time, whether the span starts, and the position of the span."""
    found: list[tuple[int, bool, int]] = []
    for place, span in enumerate(execution.spans):
        for began_ns, ended_ns in intervals_of(span):
            start_ns, end_ns = max(began_ns, execution.start_ns), min(ended_ns, execution.end_ns)
            if end_ns > start_ns:
                found += [(start_ns, True, place), (end_ns, False, place)]
    return sorted(found)  # of two moments at the same time, the end comes first


class _OpenSpans:
    """The spans that are open at a moment.

    Attributes:
        innermost: the open spans without an open span within them, at any depth.
    """

    def __init__(self, parents: Sequence[int]) -> None:
        self.innermost: set[int] = set()
        self._parents = parents
        self._inside = [0] * len(parents)
        """The number of a span's children that are open, or that have an open span within them."""
        self._is_open = [False] * len(parents)

    def start(self, place: int) -> None:
        """Open a span; a span within it may be open already, if another program's clock says so."""
        was_empty = not self._inside[place]
        self._is_open[place] = True
        if was_empty:
            self.innermost.add(place)
        parent = self._parents[place]
        while was_empty and parent >= 0:
            was_empty = not (self._is_open[parent] or self._inside[parent])
            self._inside[parent] += 1
            self.innermost.discard(parent)
            parent = self._parents[parent]

    def end(self, place: int) -> None:
        """Close a span; spans within it may go on, as those of a task that it started."""
        self._is_open[place] = False
        self.innermost.discard(place)
        is_empty = not self._inside[place]
        parent = self._parents[place]
        while is_empty and parent >= 0:
            self._inside[parent] -= 1
            is_empty = not (self._is_open[parent] or self._inside[parent])
            if self._is_open[parent] and not self._inside[parent]:
                self.innermost.add(parent)
            parent = self._parents[parent]
