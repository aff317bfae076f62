"""The call graph of one profiled call: which function calls which, and the time of these calls.

A graph is small, because its cheapest edges are left out: their time counts for the callers.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from pytest_perfbudget.core.own_costs import OwnCosts

OUTSIDE: Final = ""
"""The caller of the functions at the top of a graph."""

_NUMBER: Final = re.compile(r"#\d+$")
"""The number of a function among several of its name, which another function above it changes."""

MOST_EDGES: Final = 300
LEAST_SHARE: Final = 0.003
"""The smallest share of the whole time with which an edge is kept: narrower frames cannot be seen."""

INTERRUPTED: Final = 2.5
"""The ratio of a profiled call to a measured call above which the profile has the time of something else, too.

Under the profiler, CPython 3.11 runs a loop of pure Python in 1.6 to 1.9 times its time, though the loop calls nothing,
and a call of some 25 us in up to 2.4 times its time.
"""

_MOST_OVERHEAD: Final = 2.0
"""The most of the calibrated overhead that a profiled call has: in code of many short calls, up to 1.7 times of it."""


class CallEdge(NamedTuple):
    """The calls of a function by another.

    Attributes:
        caller: the name of the calling function; `OUTSIDE` for the first call.
        callee: the name of the called function.
        calls: the number of calls.
        time_ns: the time of the calls, with all functions that they call; of a recursion, that of the outermost calls.
    """

    caller: str
    callee: str
    calls: int
    time_ns: float


@dataclass(frozen=True, slots=True)
class CallGraph:
    """The call graph of one profiled call.

    Attributes:
        edges: the calls of functions by each other, the costliest first.
        overhead_ns: the profiler's own part of the time; None if the part is not known.
        files: the source files of functions, by name, as far as they are known; a library's are not.
    """

    edges: Sequence[CallEdge] = ()
    overhead_ns: float | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, edges: Iterable[CallEdge], overhead_ns: float | None = None, files: Mapping[str, str] | None = None
    ) -> CallGraph:
        """Return the graph of the edges, the costliest first."""
        return cls(sorted(edges, key=lambda one: (-one.time_ns, one.caller, one.callee)), overhead_ns, files or {})

    def costliest(self) -> set[tuple[str, str]]:
        """Return the caller and the callee of each edge that is worth being kept."""
        least_ns = LEAST_SHARE * self.total_ns
        return {(one.caller, one.callee) for one in self.edges[:MOST_EDGES] if one.time_ns >= least_ns}

    def only(self, kept: Container[tuple[str, str]]) -> CallGraph:
        """Return the graph of the edges with these callers and callees."""
        return replace(self, edges=[one for one in self.edges if (one.caller, one.callee) in kept])

    def is_interrupted(self, measured_ns: float) -> bool:
        """Return whether the profiled call took far longer than calls do, also without the profiler's part.

        Args:
            measured_ns: the measured time of a call.
        """
        if self.overhead_ns is None:
            return False
        return self.total_ns > INTERRUPTED * measured_ns + _MOST_OVERHEAD * self.overhead_ns

    @property
    def total_ns(self) -> float:
        """The time of the whole call."""
        return sum(one.time_ns for one in self.edges if one.caller == OUTSIDE)

    def share_of(self, function: str) -> float:
        """Return the share of the time of the whole call that a function takes, with all that the function calls."""
        time_ns = sum(one.time_ns for one in self.edges if one.callee == function != one.caller)
        return min(time_ns / self.total_ns, 1.0) if self.total_ns else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as builtins: the names of functions, and edges of two places among them, calls and time.

        Each file has the places of its functions.
        """
        names = list(dict.fromkeys(name for one in self.edges for name in (one.caller, one.callee)))
        places = {name: place for place, name in enumerate(names)}
        edges = [[places[one.caller], places[one.callee], one.calls, round(one.time_ns)] for one in self.edges]
        known = {} if self.overhead_ns is None else {"overhead_ns": round(self.overhead_ns)}
        files: dict[str, list[int]] = {}
        for name, place in places.items():
            if name in self.files:
                files.setdefault(self.files[name], []).append(place)
        return {"functions": names, "edges": edges, **known, **({"files": files} if files else {})}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CallGraph:
        """Rebuild a graph from the result of `to_dict`."""
        names = data["functions"]
        edges = [CallEdge(names[caller], names[callee], *numbers) for caller, callee, *numbers in data["edges"]]
        files = {names[place]: file for file, functions in data.get("files", {}).items() for place in functions}
        return cls(edges, data.get("overhead_ns"), files)


def unnumbered(function: str) -> str:
    """Return the name of a function without its number among several of that name."""
    return _NUMBER.sub("", function)


@dataclass(frozen=True, slots=True)
class EdgeLookup:
    """A graph for look-ups: the calls and the time of each edge, and the calls of each function.

    Functions of the same name are one, as the numbers by which a graph tells them apart differ from side to side.
    """

    edges: Mapping[tuple[str, str], tuple[int, float]]
    calls: Mapping[str, int]
    total_ns: float

    @classmethod
    def of(cls, graph: CallGraph) -> EdgeLookup:
        """Return the look-up of a graph."""
        calls: dict[str, int] = {}
        edges: dict[tuple[str, str], tuple[int, float]] = {}
        for one in graph.edges:
            caller, callee = unnumbered(one.caller), unnumbered(one.callee)
            calls[callee] = calls.get(callee, 0) + one.calls
            known, known_ns = edges.get((caller, callee), (0, 0.0))
            edges[caller, callee] = known + one.calls, known_ns + one.time_ns
        return cls(edges, calls, graph.total_ns)

    def rate(self, edge: tuple[str, str]) -> float:
        """Return the number of these calls in each call of their caller."""
        return self.edges.get(edge, (0, 0.0))[0] / max(self.calls.get(edge[0], 0), 1)


@dataclass(frozen=True, slots=True)
class CallGraphs:
    """The call graphs of a measurement.

    Attributes:
        head: the graph of the present code.
        base: the graph of the other side, taken in the same way; None if it is not known.
        own_costs: the own costs of functions on both sides, if the other side keeps only costs.
    """

    head: CallGraph
    base: CallGraph | None = None
    own_costs: OwnCosts | None = None

    @classmethod
    def of(cls, head: CallGraph, base: CallGraph | None = None) -> CallGraphs:
        """Return the graphs of the costliest edges.

        An edge that is costly on the one side is kept on both: otherwise its calls on the other side would seem to be
        none.
        """
        kept = head.costliest() | (base.costliest() if base is not None else set())
        return cls(head.only(kept), None if base is None else base.only(kept))

    def to_dict(self) -> dict[str, Any]:
        """Return the graphs as builtins."""
        graphs = {"head": self.head.to_dict(), "base": None if self.base is None else self.base.to_dict()}
        return graphs | ({} if self.own_costs is None else {"own_costs": self.own_costs.to_dict()})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CallGraphs:
        """Rebuild graphs from the result of `to_dict`."""
        base, own_costs = data.get("base"), data.get("own_costs")
        return cls(
            CallGraph.from_dict(data["head"]),
            None if base is None else CallGraph.from_dict(base),
            None if own_costs is None else OwnCosts(**own_costs),
        )
