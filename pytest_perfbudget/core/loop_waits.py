"""The waiting of an event loop: the time belongs to the coroutines that wait, not to the loop."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost

_SELECTS: Final = re.compile(r"^selectors:\w+\.select$|'poll' of 'select\.|\bselect\.select$")
"""The functions in which an event loop waits."""

_SUSPENDS: Final = re.compile(
    r"^asyncio\.(tasks:sleep$|locks:|queues:|streams:|threads:|subprocess:|base_events:BaseEventLoop\."
    r"(run_in_executor|sock_|create_connection))"
)
"""The functions in which a coroutine waits for something else than other coroutines of its own."""


def with_loop_waits(graph: CostGraph) -> CostGraph:
    """Return a graph in which the coroutines that wait have the time for which the event loop waits.

    Coroutines may wait at the same time, so the time is divided among their calls.
    """
    outside = graph.functions.get(OUTSIDE)
    if outside is None:
        return graph
    waits = {name: one for name, one in outside.library.items() if _SELECTS.search(name)}
    waited_ns = sum(one.time_ns for one in waits.values())
    calls = sum(
        cost.calls for one in graph.functions.values() for name, cost in one.library.items() if _SUSPENDS.search(name)
    )
    if not waited_ns or not calls:
        return graph
    each_ns = waited_ns / calls
    functions = {name: _waiting(one, each_ns) for name, one in graph.functions.items()}
    library = {name: LibraryCost(one.calls, 0.0) if name in waits else one for name, one in outside.library.items()}
    functions[OUTSIDE] = replace(outside, own_ns=max(outside.own_ns - waited_ns, 0.0), library=library)
    return CostGraph(functions)


def _waiting(one: FunctionCost, each_ns: float) -> FunctionCost:
    """Return the cost of a function with the waiting in its calls of functions that wait."""
    own_ns, library = one.own_ns, dict(one.library)
    for name, cost in one.library.items():
        if _SUSPENDS.search(name):
            own_ns += cost.calls * each_ns
            library[name] = LibraryCost(cost.calls, cost.time_ns + cost.calls * each_ns)
    return replace(one, own_ns=own_ns, library=library)
