"""Call graphs from the costs of both sides, where the other side keeps costs and no profiled call, as a baseline does.

The graphs have the functions of the project, whose times have the libraries that they call: the time of a library
function in the costs has the profiler's own, and may be longer than that of its caller.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from pytest_perfbudget.core.call_graph import OUTSIDE, CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.cost_graph import CostGraph, FunctionCost, solved


def graphs_of_costs(head: CostGraph, base: CostGraph, counted: Container[str]) -> CallGraphs | None:
    """Return the call graphs of both sides by their costs; None if a side's costs do not say what is called first.

    The base's costs may have been cut: its cheapest functions are written into their callers. So are these functions
    of the head, or else they would seem to be new, and their callers to be faster.

    Args:
        head: the costs of one execution now.
        base: the costs of one execution on the other side.
        counted: the functions that the other side calls, also those that its costs do not have.
    """
    for name in [one for one in head.functions if one not in base.functions and one != OUTSIDE and one in counted]:
        head = head.without(name)
    found = CallGraphs.of(_graph(head), _graph(base))
    return found if found.head.total_ns and found.base is not None and found.base.total_ns else None


def _graph(costs: CostGraph) -> CallGraph:
    rows = {
        name: (one.own_ns / one.calls, {callee: calls / one.calls for callee, calls in one.callees.items()})
        for name, one in costs.functions.items()
    }
    each_ns = solved(rows)
    return CallGraph.of(edge for name, one in costs.functions.items() for edge in _edges(name, one, each_ns))


def _edges(name: str, one: FunctionCost, each_ns: dict[str, float]) -> Iterator[CallEdge]:
    for callee, calls in one.callees.items():
        if callee in each_ns and callee != name:  # the calls of a recursion are part of the outermost call
            yield CallEdge(name, callee, max(round(calls), 1), calls * each_ns[callee])
