"""Spans by name: the time of each span, and count, time and self time in each execution, in bounded memory."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.spans import OTHERS, SITE, STATEMENT, Execution, SpanRecord, intervals_of
from pytest_perfbudget.core.spans.attribution import parents_of, self_times
from pytest_perfbudget.core.spans.causes import TimeSums
from pytest_perfbudget.core.spans.names import Coverage, covers
from pytest_perfbudget.core.spans.tree import SpanTree

MOST_NAMES: Final = 200
"""The most names with numbers of their own: names that contain ids would grow without bound."""

MOST_EXECUTIONS: Final = 1_000_000
"""The most executions with numbers of their own; of later executions the times and numbers of spans are added up."""


@dataclass(slots=True)
class SpanSeries:
    """The spans with one name.

    Attributes:
        durations: the time of each span, in the order in which the executions ended; those of spans that ended with an
            error are kept beside, see `Latencies`.
        counts: the number of spans in each execution.
        covered_ns: the time of each execution in which such a span was open.
        self_ns: the self time of these spans in each execution; see `attribution`.
        time: the time of all spans, their CPU time, and the causes of their waiting.
        most: the largest number of spans in an execution.
        statements: the statements in the execution with the most spans, each with the line that made the query, and
            the number of both together; empty if not watched.
    """

    durations: Latencies = field(default_factory=Latencies)
    counts: array[int] = field(default_factory=lambda: array("q"))
    covered_ns: array[float] = field(default_factory=lambda: array("d"))
    self_ns: array[float] = field(default_factory=lambda: array("d"))
    time: TimeSums = field(default_factory=TimeSums)
    most: int = 0
    statements: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def fill(self, executions: int) -> None:
        """Add executions without such a span, up to a number of executions."""
        missing = executions - len(self.counts)
        if missing > 0:
            self.counts.extend([0] * missing)
            self.covered_ns.extend([0.0] * missing)
            self.self_ns.extend([0.0] * missing)


class SpanStore:
    """The spans of the executions of one measurement.

    Args:
        watched: the names or patterns of which the repeated statements are kept.
        limited: the names or patterns that have numbers of their own, however many other names there are.

    Attributes:
        tree: the sums by path.
        totals_ns: the time of each execution.
        time: the time of all executions, and its causes.
        beyond: the number of executions beyond `MOST_EXECUTIONS`.
        lost: the number of spans that belong to no execution, or that there was no room for.
        vanished: the number of processes that ended without a goodbye, and perhaps without sending all their spans.
        refused: the number of batches of spans that the receiver refused.
        has_remote: whether other processes have sent spans.
    """

    def __init__(self, watched: Collection[str] = (), limited: Collection[str] = ()) -> None:
        self.tree = SpanTree()
        self.totals_ns = array("d")
        self.time = TimeSums()
        self.beyond = 0
        self.lost = 0
        self.vanished = 0
        self.refused = 0
        self._missing: Counter[str] = Counter()
        self.has_remote = False
        self._untraced: set[str] = set()
        self._watched = frozenset(watched)
        self._limited = Coverage((*watched, *limited))
        self._series: dict[str, SpanSeries] = {}
        self._patterns: dict[str, SpanSeries] = {}

    @property
    def executions(self) -> int:
        """The number of executions."""
        return len(self.totals_ns)

    @property
    def names(self) -> list[str]:
        """The names of the spans."""
        return list(self._series)

    def series(self, name: str) -> SpanSeries | None:
        """Return the spans with a name, or with a name that a pattern covers; None if there was no such span."""
        found = (self._patterns if "*" in name else self._series).get(name)
        if found is not None:
            found.fill(self.executions)
        return found

    def lose(self, number: int = 1, name: str = "") -> None:
        """Count spans that belong to executions, and that no execution has.

        Args:
            number: the number of spans.
            name: the name of the spans; empty if the name is not known.
        """
        self.lost += number
        self._missing[name if name in self._missing or len(self._missing) < MOST_NAMES else ""] += number

    def missing(self, name: str) -> int:
        """Return the number of spans with a name that executions may lack; a name may be a pattern."""
        return sum(number for one, number in self._missing.items() if not one or covers(name, one))

    def note_untraced(self, name: str) -> None:
        """Note that another process has sent a span of a load without the trace of a request."""
        if len(self._untraced) < MOST_NAMES:
            self._untraced.add(name)

    def is_untraced(self, name: str) -> bool:
        """Return whether spans with a name came without a trace; a name may be a pattern."""
        return any(covers(name, one) for one in self._untraced)

    def add(self, execution: Execution) -> None:
        """Add an execution that has ended, with all its spans."""
        if self.executions >= MOST_EXECUTIONS:
            self.beyond += 1
            for series, spans, _ in self._divided(execution):
                self._add_up(series, spans)
            return
        parents = parents_of(execution.spans)
        own = self_times(execution, parents)
        self.tree.add(execution, parents, own)
        before = self.executions
        self.totals_ns.append(execution.total_ns)
        self.time.add(execution.total_ns, execution.cpu_ns, execution.waits)
        for series, spans, places in self._divided(execution):
            series.fill(before)
            self._add_up(series, spans)
            series.counts.append(len(spans))
            series.covered_ns.append(_covered_ns(spans, execution))
            series.self_ns.append(sum(own.spans[place] for place in places))

    def _divided(self, execution: Execution) -> Iterator[tuple[SpanSeries, list[SpanRecord], list[int]]]:
        """Yield each series of an execution with its spans and their places; the statements are noted."""
        places_of: dict[tuple[str, bool], list[int]] = {}
        for place, span in enumerate(execution.spans):
            covering = self._limited.of(span.name)
            places_of.setdefault((self._kept(span.name, covering), False), []).append(place)
            for pattern in covering:
                if "*" in pattern:
                    places_of.setdefault((pattern, True), []).append(place)
        for (name, is_pattern), places in places_of.items():
            series = (self._patterns if is_pattern else self._series).setdefault(name, SpanSeries())
            spans = [execution.spans[place] for place in places]
            if name in self._watched and len(spans) > series.most:
                series.statements = Counter(
                    (str(one.attributes.get(STATEMENT, "")), str(one.attributes.get(SITE, ""))) for one in spans
                )
            yield series, spans, places

    def _kept(self, name: str, covering: Collection[str]) -> str:
        """Return the name under which a span counts, which has a series from now on."""
        is_kept = name in self._series or len(self._series) < MOST_NAMES or name in covering
        kept = name if is_kept else OTHERS
        self._series.setdefault(kept, SpanSeries())
        return kept

    @staticmethod
    def _add_up(series: SpanSeries, spans: list[SpanRecord]) -> None:
        for span in spans:
            (series.durations.append_failed if span.error else series.durations.append)(span.duration_ns)
            series.time.add(span.duration_ns, span.cpu_ns, span.waits)
        series.most = max(series.most, len(spans))


def _covered_ns(spans: list[SpanRecord], execution: Execution) -> float:
    """Return the time of an execution in which at least one of the spans was open."""
    covered = 0
    until_ns = execution.start_ns
    for start_ns, end_ns in sorted(interval for one in spans for interval in intervals_of(one)):
        end = min(end_ns, execution.end_ns)
        start = max(start_ns, until_ns)
        if end > start:
            covered += end - start
            until_ns = end
    return float(covered)
