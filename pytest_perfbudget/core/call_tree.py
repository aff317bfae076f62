"""The call tree of a call graph, which a flame graph shows.

A graph does not say for which of its callers a function did its work. As gprof does, the tree divides the time of a
function among the callers in proportion to the time of their calls (Graham, Kessler and McKusick, 1982). A recursive
call belongs to the outermost call of its function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.call_graph import LEAST_SHARE, OUTSIDE, CallEdge, CallGraph

_MOST_DEEP: Final = 60


@dataclass(frozen=True, slots=True)
class CallNode:
    """A function within its callers.

    Attributes:
        function: the name of the function.
        time_ns: the time with all functions that it calls.
        own_ns: the time without the children.
        children: the functions that it calls, the costliest first.
    """

    function: str
    time_ns: float
    own_ns: float
    children: Sequence[CallNode] = ()


def tree_of(graph: CallGraph) -> list[CallNode]:
    """Return the functions at the top of a graph's tree, the costliest first."""
    return _Tree(graph).nodes(OUTSIDE, graph.total_ns, 0)


def own_times(nodes: Sequence[CallNode]) -> Mapping[str, float]:
    """Return the time of each function in a tree without the functions that it calls, in ns."""
    found: dict[str, float] = {}
    waiting = list(nodes)
    while waiting:
        one = waiting.pop()
        found[one.function] = found.get(one.function, 0.0) + one.own_ns
        waiting += one.children
    return found


class _Tree:
    def __init__(self, graph: CallGraph) -> None:
        self._least_ns = LEAST_SHARE * graph.total_ns
        self._out: dict[str, list[CallEdge]] = {}
        self._into: dict[str, float] = {}
        for one in _acyclic(graph.edges):
            self._out.setdefault(one.caller, []).append(one)
            self._into[one.callee] = self._into.get(one.callee, 0.0) + one.time_ns

    def nodes(self, function: str, time_ns: float, depth: int) -> list[CallNode]:
        """Return the children of a function, whose times together are at most its own time here."""
        if depth >= _MOST_DEEP:
            return []
        edges = self._out.get(function, ())
        share = min(time_ns / self._into[function], 1.0) if self._into.get(function) else 1.0
        called_ns = sum(one.time_ns for one in edges) * share
        share *= min(time_ns / called_ns, 1.0) if called_ns else 1.0
        kept = [(one.callee, one.time_ns * share) for one in edges if one.time_ns * share >= self._least_ns > 0]
        return [self._node(callee, callee_ns, depth + 1) for callee, callee_ns in kept]

    def _node(self, function: str, time_ns: float, depth: int) -> CallNode:
        children = self.nodes(function, time_ns, depth)
        return CallNode(function, time_ns, max(time_ns - sum(one.time_ns for one in children), 0.0), children)


def _acyclic(edges: Sequence[CallEdge]) -> list[CallEdge]:
    """Return the edges without those that lead back to a function that is being called already."""
    out: dict[str, list[CallEdge]] = {}
    for one in edges:
        out.setdefault(one.caller, []).append(one)
    found: list[CallEdge] = []
    begun, path = {OUTSIDE}, {OUTSIDE: iter(out.get(OUTSIDE, ()))}
    while path:
        function, left = next(reversed(path.items()))
        edge = next(left, None)
        if edge is None:
            del path[function]
            continue
        if edge.callee in path:
            continue
        found.append(edge)
        if edge.callee not in begun:
            begun.add(edge.callee)
            path[edge.callee] = iter(out.get(edge.callee, ()))
    return found
