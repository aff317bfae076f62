"""The cost graph of one execution: each function of the project with its own cost, and its calls of the others.

The functions of libraries, built-in functions included, belong to the functions of the project that call them, because
only their authors can do something about these calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Final, NamedTuple

OUTSIDE: Final = ""
"""The caller of the first function: the measured call itself, with the event loop of a coroutine."""


_LITTLE_OF_OWN: Final = 0.025
"""The part of a function's own time that a library function takes as a rule if a stored graph has left it out."""


class LibraryCost(NamedTuple):
    """The calls of a library function by a function of the project, and their time in ns.

    The time is that of the library function itself and of the libraries below it, without the project's functions that
    it calls back.
    """

    calls: float
    time_ns: float


@dataclass(frozen=True, slots=True)
class FunctionCost:
    """The cost of a function of the project in one execution.

    Attributes:
        calls: the number of its calls.
        own_ns: its time without the functions of the project that it calls, of all its calls together.
        callees: its calls of other functions of the project, directly or by a library, and of itself.
        library: the library functions that it calls, whose time is part of its own.
        code: a digest of its code, which tells whether both sides have the same; empty if it is not known.
    """

    calls: float
    own_ns: float
    callees: Mapping[str, float] = field(default_factory=dict)
    library: Mapping[str, LibraryCost] = field(default_factory=dict)
    code: str = ""

    def times(self, factor: float) -> FunctionCost:
        """Return the cost with all times multiplied by a factor."""
        library = {name: LibraryCost(one.calls, one.time_ns * factor) for name, one in self.library.items()}
        return replace(self, own_ns=self.own_ns * factor, library=library)


@dataclass(frozen=True, slots=True)
class CostGraph:
    """The costs by function, those of `OUTSIDE` included, which is called once."""

    functions: Mapping[str, FunctionCost] = field(default_factory=dict)

    @property
    def total_ns(self) -> float:
        """The time of the whole execution."""
        return sum(one.own_ns for one in self.functions.values())

    def times(self, factor: float) -> CostGraph:
        """Return the graph with all times multiplied by a factor."""
        return CostGraph({name: one.times(factor) for name, one in self.functions.items()})

    def renamed(self, names: Mapping[str, str]) -> CostGraph:
        """Return the graph with other names for some functions."""
        return CostGraph(
            {
                names.get(name, name): replace(
                    one, callees={names.get(callee, callee): calls for callee, calls in one.callees.items()}
                )
                for name, one in self.functions.items()
            }
        )

    def without(self, name: str) -> CostGraph:
        """Return the graph in which a function is written into its callers: they have its time, and make its calls."""
        gone = self.functions[name]
        again = gone.callees.get(name, 0.0)
        outer = max(gone.calls - again, _LEAST_PIVOT)
        kept: dict[str, FunctionCost] = {}
        for caller, one in self.functions.items():
            if caller == name or name not in one.callees:
                kept[caller] = one
                continue
            share = one.callees[name] / outer
            callees = {callee: calls for callee, calls in one.callees.items() if callee != name}
            for callee, calls in gone.callees.items():
                if callee != name:
                    callees[callee] = callees.get(callee, 0.0) + share * calls
            kept[caller] = FunctionCost(one.calls, one.own_ns + share * gone.own_ns, callees, one.library)
        kept.pop(name, None)
        return CostGraph(kept)

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as builtins."""
        return {
            name: [
                one.calls,
                one.own_ns,
                dict(one.callees),
                {key: list(cost) for key, cost in one.library.items()},
                one.code,
            ]
            for name, one in self.functions.items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CostGraph:
        """Rebuild a graph from the result of `to_dict`."""
        return cls({name: _cost_from(entry) for name, entry in data.items()})


def _cost_from(entry: Sequence[Any]) -> FunctionCost:
    calls, own_ns, callees, library, *code = entry
    return FunctionCost(calls, own_ns, callees, {name: LibraryCost(*cost) for name, cost in library.items()}, *code)


def calmest(graphs: Sequence[CostGraph]) -> CostGraph:
    """Return a graph of several executions: the mean of each number of calls, the smallest time of each call.

    Whatever disturbs a profiled call only adds time: another process, a cold cache.

    Args:
        graphs: at least one graph.
    """
    known: dict[str, list[FunctionCost]] = {}
    for graph in graphs:
        for name, one in graph.functions.items():
            known.setdefault(name, []).append(one)
    return CostGraph({name: _calmest(costs, len(graphs)) for name, costs in known.items()})


def with_known_library(stored: CostGraph, counted: Mapping[str, int], now: CostGraph) -> CostGraph:
    """Return a stored graph with the library functions that it has left out because they took little time.

    Otherwise they would seem to be called only now. Their calls were counted, or may not have changed.

    Args:
        stored: a graph that lacks library functions with a small part of their caller's time.
        counted: the calls by function on the side of the graph, as a profile names functions: with a line, or a caller.
        now: the graph of the other side.
    """
    known: dict[str, int] = {}
    for name, calls in counted.items():
        function = name.partition(", ")[0]
        known[function] = known.get(function, 0) + calls
    functions = dict(stored.functions)
    for name, one in now.functions.items():
        if (old := functions.get(name)) is None:
            continue
        lacking = {
            callee: LibraryCost(min(cost.calls * old.calls / one.calls, known[callee]), _LITTLE_OF_OWN * old.own_ns)
            for callee, cost in one.library.items()
            if callee not in old.library and known.get(callee)
        }
        functions[name] = replace(old, library={**old.library, **lacking})
    return CostGraph(functions)


def _calmest(costs: Sequence[FunctionCost], executions: int) -> FunctionCost:
    calls = sum(one.calls for one in costs) / executions
    least = min(costs, key=lambda one: one.own_ns / one.calls)
    callees = dict.fromkeys(name for one in costs for name in one.callees)
    library = dict.fromkeys(name for one in costs for name in one.library)
    factor = calls / least.calls
    return FunctionCost(
        calls,
        least.own_ns * factor,
        {name: sum(one.callees.get(name, 0.0) for one in costs) / executions for name in callees},
        {name: _library(name, costs, least, calls) for name in library} if executions > 1 else least.library,
        least.code if len({one.code for one in costs}) == 1 else "",
    )


def _library(name: str, costs: Sequence[FunctionCost], least: FunctionCost, calls: float) -> LibraryCost:
    """Return the calls of a library function by one that is called `calls` times, and their time.

    The time is that of the execution with the least time of the calling function, of which the library is a part: a
    call may wait for its answer in one library function or in another.
    """
    none = LibraryCost(0.0, 0.0)
    each = fmean(one.library.get(name, none).calls / one.calls for one in costs)
    return LibraryCost(each * calls, least.library.get(name, none).time_ns / least.calls * calls)


def solved(rows: Mapping[str, tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """Return the inclusive cost of a call of each function: its own cost, and that of the calls that it makes.

    The costs solve the linear equations `cost_f = own_f + sum of rate_fg x cost_g`, by elimination in the order in
    which a depth-first search leaves the functions; so nearly no equation grows, except in recursions.

    Args:
        rows: by function, its own cost in each call, and its calls of each function in each call. Calls of functions
            without a row cost nothing.
    """
    order = list(_left(rows))
    reduced: dict[str, tuple[float, dict[str, float]]] = {}
    for name in order:
        own, rates = rows[name][0], {callee: rate for callee, rate in rows[name][1].items() if callee in rows}
        for callee, (below, further) in reduced.items():  # each one calls only those that are eliminated later
            if (rate := rates.pop(callee, 0.0)) == 0.0:
                continue
            own += rate * below
            for one, more in further.items():
                rates[one] = rates.get(one, 0.0) + rate * more
        again = 1 - rates.pop(name, 0.0)
        again = again if again > _LEAST_PIVOT else 1.0
        reduced[name] = own / again, {callee: rate / again for callee, rate in rates.items()}
    costs: dict[str, float] = {}
    for name in reversed(order):
        own, rates = reduced[name]
        costs[name] = own + sum(rate * costs[callee] for callee, rate in rates.items())
    return costs


_LEAST_PIVOT: Final = 1e-9
"""The smallest share of the calls of a recursion that come from outside: a smaller one is an error of rounding."""


def _left(rows: Mapping[str, tuple[float, Mapping[str, float]]]) -> Iterator[str]:
    """Yield the functions in the order in which a depth-first search leaves them, those called before their callers."""
    begun: set[str] = set()
    for first in rows:
        if first in begun:
            continue
        begun.add(first)
        path = {first: iter(rows[first][1])}
        while path:
            name, left = next(reversed(path.items()))
            callee = next(left, None)
            if callee is None:
                yield name
                del path[name]
            elif callee in rows and callee not in begun:
                begun.add(callee)
                path[callee] = iter(rows[callee][1])
