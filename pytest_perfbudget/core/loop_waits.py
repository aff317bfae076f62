"""The waiting of an event loop: the time belongs to the coroutines that wait, not to the loop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost
from pytest_perfbudget.core.profiled_functions import ProfiledFunction

_SELECTS: Final = re.compile(r"'(poll|control)' of 'select\.|\bselect\.select$|GetQueuedCompletionStatus")
"""The built-in functions in which an event loop waits."""

_SUSPENDS: Final = re.compile(
    r"^asyncio\.(tasks:sleep$|locks:|queues:|streams:|threads:|subprocess:|base_events:BaseEventLoop\."
    r"(run_in_executor|sock_|create_connection))"
)
"""The functions in which a coroutine waits for something else than other coroutines of its own."""


def waited_ns(profile: Mapping[str, ProfiledFunction]) -> float:
    """Return the time for which an event loop waited in a profile, in ns."""
    return sum(one.own_ns for name, one in profile.items() if _SELECTS.search(name))


def with_loop_waits(graph: CostGraph, wait_ns: float) -> CostGraph:
    """Return a graph in which the coroutines that wait have the time for which the event loop waits.

    Coroutines may wait at the same time, so the time is divided among their calls.

    Args:
        graph: the costs of an execution, in which the loop's own time is that of `OUTSIDE`.
        wait_ns: the time for which the loop waits.
    """
    outside = graph.functions.get(OUTSIDE, FunctionCost(1.0, 0.0))
    wait_ns = min(wait_ns, outside.own_ns)  # the rest is of a function that waits without a loop
    calls = sum(
        cost.calls for one in graph.functions.values() for name, cost in one.library.items() if _SUSPENDS.search(name)
    )
    if not wait_ns or not calls:
        return graph
    functions = {name: _waiting(one, wait_ns / calls) for name, one in graph.functions.items()}
    functions[OUTSIDE] = replace(functions[OUTSIDE], own_ns=functions[OUTSIDE].own_ns - wait_ns)
    return CostGraph(functions)


def _waiting(one: FunctionCost, each_ns: float) -> FunctionCost:
    """Return the cost of a function with the waiting in its calls of functions that wait."""
    own_ns, library = one.own_ns, dict(one.library)
    for name, cost in one.library.items():
        if _SUSPENDS.search(name):
            own_ns += cost.calls * each_ns
            library[name] = LibraryCost(cost.calls, cost.time_ns + cost.calls * each_ns)
    return replace(one, own_ns=own_ns, library=library)
