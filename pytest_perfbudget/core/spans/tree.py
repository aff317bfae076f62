"""The tree of spans: count, time, self time and CPU time by the path of names, over all executions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_perfbudget.core.spans import OTHERS, Execution
from pytest_perfbudget.core.spans.attribution import SelfTimes
from pytest_perfbudget.core.spans.causes import Causes, TimeSums

Path = tuple[str, ...]

MOST_PATHS: Final = 1_000
"""The most paths of a tree: names that contain ids would grow without bound."""

MOST_DEEP: Final = 50
"""The most names in a path: a deeper span counts for the last of these, so that recursion keeps the tree small."""


@dataclass(frozen=True, slots=True)
class SpanNode:
    """A path of names in the tree, with sums over all executions.

    Attributes:
        path: the names from the outermost span to this span.
        count: the number of spans.
        total_ns: the time of the spans, with the spans in them.
        self_ns: the time in which no span within them was open; see `attribution`.
        cpu_ns: the CPU time of the spans' threads; None if the time of a span is not known.
        causes: the causes of the time of the spans; None in a report that does not say.
    """

    path: Path
    count: int
    total_ns: int
    self_ns: float
    cpu_ns: int | None
    causes: Causes | None = None

    @property
    def waiting(self) -> float | None:
        """The share of the time that the spans waited, for I/O, locks or other processes; None if it is not known."""
        if self.cpu_ns is None or not self.total_ns:
            return None
        return min(max(1 - self.cpu_ns / self.total_ns, 0.0), 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the node as builtins."""
        return {
            "path": list(self.path),
            "count": self.count,
            "total_ns": self.total_ns,
            "self_ns": self.self_ns,
            "cpu_ns": self.cpu_ns,
            "causes": self.causes and self.causes.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SpanNode:
        """Rebuild a node from the result of `to_dict`."""
        causes = data.get("causes")
        rebuilt = {"path": tuple(data["path"]), "causes": None if causes is None else Causes.from_dict(causes)}
        return cls(**{**data, **rebuilt})


@dataclass(slots=True)
class _Sums:
    count: int = 0
    self_ns: float = 0.0
    time: TimeSums = field(default_factory=TimeSums)


class SpanTree:
    """The sums of all executions, by path.

    Attributes:
        unattributed_ns: the time of the executions without any span.
    """

    def __init__(self) -> None:
        self._sums: dict[Path, _Sums] = {}
        self.unattributed_ns = 0.0

    def add(self, execution: Execution, parents: Sequence[int], own: SelfTimes) -> None:
        """Add an execution, with its spans' parents and self times."""
        paths: dict[int, Path] = {}
        for place in range(len(execution.spans)):
            self._add(execution, place, self._path(execution, place, parents, paths), own)
        self.unattributed_ns += own.unattributed_ns

    def nodes(self) -> list[SpanNode]:
        """Return the nodes, each parent before its children, the longest of several children first."""
        by_parent: dict[Path, list[Path]] = {}
        for path in self._sums:
            by_parent.setdefault(path[:-1], []).append(path)
        found: list[SpanNode] = []
        waiting = [()] if () in by_parent else []
        stack: list[Path] = [*waiting]
        while stack:
            path = stack.pop()
            if path:
                one = self._sums[path]
                time = one.time
                found.append(SpanNode(path, one.count, time.total_ns, one.self_ns, time.cpu_ns, time.causes))
            children = by_parent.get(path, [])
            stack += sorted(children, key=lambda child: (self._sums[child].time.total_ns, child))
        return found

    @staticmethod
    def _path(execution: Execution, place: int, parents: Sequence[int], known: dict[int, Path]) -> Path:
        chain = []
        while place != -1 and place not in known:
            chain.append(place)
            place = parents[place]
        path = known[place] if place != -1 else ()
        for inner in reversed(chain):
            path = (*path[: MOST_DEEP - 1], execution.spans[inner].name)
            known[inner] = path
        return path

    def _add(self, execution: Execution, place: int, path: Path, own: SelfTimes) -> None:
        span = execution.spans[place]
        sums = self._sums.get(path)
        if sums is None:
            for depth in range(1, len(path)):  # a cut path needs its parents, too
                self._sums.setdefault(path[:depth], _Sums())
            key = path if len(self._sums) < MOST_PATHS else (OTHERS,)
            sums = self._sums.setdefault(key, _Sums())
        sums.count += 1
        sums.self_ns += own.spans[place]
        sums.time.add(span.duration_ns, span.cpu_ns, span.waits)
