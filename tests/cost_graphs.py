"""Cost graphs of small programs, which are run in mind: each function has a cost and a list of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost

Program = Mapping[str, tuple[float, Sequence[str]]]
"""By function, its own time in each call, in ns, and the functions that it calls in turn; the first is `OUTSIDE`'s."""

MOST_DEEP = 4
"""The depth at which a function of a program makes no further calls, so that every recursion ends."""


def executed(program: Program, start: str) -> CostGraph:
    """Return the costs of a program whose first function is called once."""
    calls: dict[str, int] = {OUTSIDE: 1}
    edges: dict[str, dict[str, float]] = {OUTSIDE: {}}

    def call(caller: str, callee: str, depth: int) -> None:
        calls[callee] = calls.get(callee, 0) + 1
        callees = edges.setdefault(caller, {})
        callees[callee] = callees.get(callee, 0.0) + 1
        for one in program[callee][1] if depth < MOST_DEEP else ():
            call(callee, one, depth + 1)

    call(OUTSIDE, start, 0)
    own = {name: number * (program[name][0] if name else 0.0) for name, number in calls.items()}
    return CostGraph({name: FunctionCost(calls[name], own[name], edges.get(name, {})) for name in calls})


def costs(**functions: tuple[float, float, Mapping[str, float]]) -> CostGraph:
    """Return the graph of functions of the module `web`: calls, own time in us, and the calls of others by name.

    `OUTSIDE` calls `menu` once. A name with a dot is a library function, whose calls cost 1 us each.
    """
    graph = {OUTSIDE: FunctionCost(1.0, 0.0, {"web:menu": 1.0})}
    for name, (calls, own_us, called) in functions.items():
        callees = {f"web:{callee}": number for callee, number in called.items() if "." not in callee}
        library = {callee: LibraryCost(number, 1e3 * number) for callee, number in called.items() if "." in callee}
        graph[f"web:{name}"] = FunctionCost(calls, 1e3 * own_us, callees, library)
    return CostGraph(graph)
