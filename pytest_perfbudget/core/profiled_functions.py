"""The cost graph of a profile: the library functions of the profile become part of the project's functions.

A profile says who calls a function directly, and no more. A library function that several functions call is divided
among these callers: its own time as the profile has it for each caller, and whatever it calls in turn in proportion to
the time that it spends below for each caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost

_MOST_SWEEPS: Final = 10
_LEAST_CHANGE: Final = 1e-3
_LEAST_OWNED: Final = 1e-3
"""The smallest share of a library function's work with which a function of the project has a part in it."""

_LEAST_CALLS: Final = 1e-3
"""The fewest calls in an execution that count as a call: fewer are errors of rounding."""

_LEAST_BELOW_NS: Final = 1e-3
"""The time below a call for which a profile has none, so that calls divide a function where no time does."""


class ProfiledCall(NamedTuple):
    """The calls of a function by another in a profile: their number, and their time without and with those below."""

    calls: int
    own_ns: float
    total_ns: float

    def with_more(self, other: ProfiledCall) -> ProfiledCall:
        """Return the sum of both."""
        return ProfiledCall(self.calls + other.calls, self.own_ns + other.own_ns, self.total_ns + other.total_ns)


@dataclass(slots=True)
class ProfiledFunction:
    """A function in a profile.

    Attributes:
        is_library: whether the function belongs to a library or is built in.
        calls: the number of its calls.
        own_ns: its time without the functions that it calls.
        total_ns: its time with the functions that it calls.
        callees: its calls of other functions.
        code: the digest of its code, of all functions of its name together; 0 if it is not known.
    """

    is_library: bool
    calls: int = 0
    own_ns: float = 0.0
    total_ns: float = 0.0
    callees: dict[str, ProfiledCall] = field(default_factory=dict)
    code: int = 0

    def add_call(self, callee: str, call: ProfiledCall) -> None:
        """Add calls of a function."""
        known = self.callees.get(callee)
        self.callees[callee] = call if known is None else known.with_more(call)


class ProfilerOverhead(NamedTuple):
    """The time that a profiler adds to a call, in ns: within the called function, and in its caller."""

    inside_ns: float
    outside_ns: float

    def left(self, own_ns: float, calls: int, made: int) -> float:
        """Return the share of a function's own time that is left without the profiler's.

        Args:
            own_ns: the profiled time.
            calls: the number of the function's calls.
            made: the number of calls that the function makes.
        """
        added_ns = self.inside_ns * calls + self.outside_ns * made
        return max(1 - added_ns / own_ns, _LEAST_LEFT) if own_ns else 1.0


NO_OVERHEAD: Final = ProfilerOverhead(0.0, 0.0)

_LEAST_LEFT: Final = 0.05
"""The share of a function's time that is left at least: the overhead of a call varies."""


def cost_graph_of(profile: Mapping[str, ProfiledFunction], executions: int = 1) -> CostGraph:
    """Return the cost graph of one execution from the profile of several executions."""
    functions = dict(profile)
    functions[OUTSIDE] = _outside(profile)
    owners = _owners(functions)
    own = {name: one.own_ns for name, one in functions.items() if not one.is_library}
    callees: dict[str, dict[str, float]] = {name: {} for name in own}
    library: dict[str, dict[str, LibraryCost]] = {name: {} for name in own}
    for name, one in functions.items():
        for callee, call in one.callees.items():
            for owner, share in _callers(name, callee, owners):
                if not functions[callee].is_library:
                    callees[owner][callee] = callees[owner].get(callee, 0.0) + share * call.calls
                    continue
                own[owner] += share * call.own_ns
                if one.is_library:
                    continue
                below_ns = (call.total_ns - call.own_ns) * _library_share(functions, callee)
                library[owner][callee] = LibraryCost(call.calls / executions, (call.own_ns + below_ns) / executions)
    return CostGraph(
        {
            name: FunctionCost(
                1.0 if name == OUTSIDE else functions[name].calls / executions,
                own_ns / executions,
                {callee: calls / executions for callee, calls in callees[name].items() if calls > _LEAST_CALLS},
                library[name],
                f"{functions[name].code:06x}" if functions[name].code else "",
            )
            for name, own_ns in own.items()
            if name == OUTSIDE or functions[name].calls
        }
    )


def _callers(name: str, callee: str, owners: Mapping[str, Mapping[str, float]]) -> Iterable[tuple[str, float]]:
    """Return the functions of the project for which a function calls another, each with its share of the calls."""
    if name not in owners:
        return ((name, 1.0),)
    # A function that is defined in another, such as the key of a sort, is called for that function.
    within = next((owner for owner in owners[name] if owner and callee.startswith(f"{owner}.")), None)
    return owners[name].items() if within is None else ((within, 1.0),)


def _outside(profile: Mapping[str, ProfiledFunction]) -> ProfiledFunction:
    """Return the caller of the calls that no function of the profile makes."""
    called: dict[str, ProfiledCall] = {}
    for caller in profile.values():
        for name, call in caller.callees.items():
            known = called.get(name)
            called[name] = call if known is None else known.with_more(call)
    outside = ProfiledFunction(is_library=False, calls=1)
    for name, one in profile.items():
        known = called.get(name, ProfiledCall(0, 0.0, 0.0))
        if one.calls > known.calls:
            own_ns = max(one.own_ns - known.own_ns, 0.0)
            outside.callees[name] = ProfiledCall(
                one.calls - known.calls, own_ns, max(one.total_ns - known.total_ns, own_ns)
            )
    return outside


def _owners(functions: Mapping[str, ProfiledFunction]) -> dict[str, Mapping[str, float]]:
    """Return the functions of the project that each library function works for, each with its share of the work."""
    into: dict[str, list[tuple[str, float]]] = {name: [] for name in _callers_first(functions)}
    for name, one in functions.items():
        for callee, call in one.callees.items():
            if callee in into and callee != name:
                into[callee].append((name, max(call.total_ns - call.own_ns, 0.0) + _LEAST_BELOW_NS * call.calls))
    owners: dict[str, Mapping[str, float]] = {name: {} for name in into}
    for _ in range(_MOST_SWEEPS):
        change = 0.0
        for name, callers in into.items():
            found = _divided(callers, functions, owners)
            before = owners[name]
            change = max([change, *(abs(share - before.get(owner, 0.0)) for owner, share in found.items())])
            owners[name] = found
        if change < _LEAST_CHANGE:
            break
    return owners


def _callers_first(functions: Mapping[str, ProfiledFunction]) -> list[str]:
    """Return the library functions with the callers before the called ones, so that one sweep is enough as a rule."""
    left: list[str] = []
    begun: set[str] = set()
    for first in (OUTSIDE, *functions):
        if first in begun:
            continue
        begun.add(first)
        path = {first: iter(functions[first].callees)}
        while path:
            name, callees = next(reversed(path.items()))
            callee = next(callees, None)
            if callee is None:
                left.append(name)
                del path[name]
            elif callee not in begun:
                begun.add(callee)
                path[callee] = iter(functions[callee].callees)
    return [name for name in reversed(left) if functions[name].is_library]


def _divided(
    callers: Sequence[tuple[str, float]],
    functions: Mapping[str, ProfiledFunction],
    owners: Mapping[str, Mapping[str, float]],
) -> Mapping[str, float]:
    """Return the shares of the owners of a library function, by the owners of its callers."""
    found: dict[str, float] = {}
    for caller, weight in callers:
        if not functions[caller].is_library:
            found[caller] = found.get(caller, 0.0) + weight
            continue
        for owner, share in owners[caller].items():
            found[owner] = found.get(owner, 0.0) + weight * share
    total = sum(found.values())
    if not total:
        return {OUTSIDE: 1.0}
    kept = {owner: weight for owner, weight in found.items() if weight >= _LEAST_OWNED * total} or found
    total = sum(kept.values())
    return {owner: weight / total for owner, weight in kept.items()}


def _library_share(functions: Mapping[str, ProfiledFunction], name: str) -> float:
    """Return the share of the time below a library function that is spent in libraries."""
    below = functions[name].callees
    total = sum(one.total_ns for callee, one in below.items() if callee != name)
    libraries = sum(one.total_ns for callee, one in below.items() if callee != name and functions[callee].is_library)
    return libraries / total if total else 1.0
