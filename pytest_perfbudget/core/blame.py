"""Blame for a slowdown by the cost graphs of both sides: how much of it the code of each function has caused.

The slowdown of the whole is the sum of what each function's own code changed:

    n'_f x [(own'_f - own_f) + sum over g of (rate'_fg - rate_fg) x cost_g]

f and g are functions, n calls, own the time of a call without the functions of the project that it calls, rate_fg the
calls of g in each call of f, cost_g the time of a call of g with all that it calls on the other side; a dash marks the
present side. A function that is called more often is a consequence: its caller has the share. A new function costs its
caller what it takes itself, and the functions below it what they took before.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost, solved

_MOST_OF_SHARE: Final = 0.5
"""The part of a function's own time above which a library function explains it."""

_COUNTED: Final = 1 / 3
"""The part of all additional time of a function above which additional calls, which are counted, explain it.

Each call costs its caller time of its own, too. Calls that are made up for, by fewer calls of other functions or by
less time of the function's own, are a change of form: a function that was renamed or split off.
"""

_OF_LARGEST: Final = 0.25
"""The part of the largest growth of a library function from which another one is named beside it."""

_MORE: Final = 1.001
"""The factor by which a number of calls differs from another, beyond errors of rounding."""


class Cause(enum.Enum):
    """The way in which a function's code became slower."""

    MORE_CALLS = "more_calls"
    SLOWER_LIBRARY = "slower_library"
    OWN_CODE = "own_code"
    OTHER_CALLS = "other_calls"
    NEW_AROUND = "new_around"
    OTHER_CODE = "other_code"


@dataclass(frozen=True, slots=True)
class Blame:
    """A function whose code has caused a part of a slowdown.

    Attributes:
        function: the name of the function, `package.module:name`; `OUTSIDE` for the measured call itself.
        cause: the way in which it became slower.
        gained_ns: its part of the additional time of a call, in ns; in a result, of the measured slowdown.
        of_ns: the additional time of the whole call, in ns.
        callee: the function that is called more often or takes longer; the function that a new function is around;
            empty if the function's own lines take longer.
        before: the calls of the callee in each call of the function, on the other side.
        after: those calls now.
        instead: the function in whose place the callee is called; empty if there is none.
        compared_ns: the time whose profiles on both sides were compared, in ns: the errors of the part grow with it.
        also: further library functions that are called more often or take longer, each with its calls before and after.
        is_unchanged: whether the function has the same code on both sides.
        is_changed: whether the function has other code on either side; if neither holds, that is not known.
    """

    function: str
    cause: Cause
    gained_ns: float
    of_ns: float
    callee: str = ""
    before: float = 0.0
    after: float = 0.0
    instead: str = ""
    compared_ns: float = 0.0
    also: Sequence[tuple[str, float, float]] = ()
    is_unchanged: bool = False
    is_changed: bool = False

    @property
    def share(self) -> float:
        """The part of the slowdown, as a share; a part beyond the whole, because other code is faster, counts as 1."""
        return min(self.gained_ns / self.of_ns, 1.0) if self.of_ns > 0 else 1.0

    def of_slowdown(self, slower_ns: float) -> Blame:
        """Return the blame with its share of a measured slowdown; a profile inflates times, and so the differences.

        Args:
            slower_ns: the slowdown, in ns.
        """
        if not (self.of_ns > 0 and slower_ns > 0):
            return self
        factor = slower_ns / self.of_ns
        times = (self.gained_ns, self.of_ns, self.compared_ns)
        gained_ns, of_ns, compared_ns = (factor * one for one in times)
        return replace(self, gained_ns=gained_ns, of_ns=of_ns, compared_ns=compared_ns)

    @property
    def is_time(self) -> bool:
        """Whether the part is a time, which a profile may err about, and no calls, which are counted."""
        return self.cause in (Cause.OWN_CODE, Cause.SLOWER_LIBRARY)

    @property
    def callees(self) -> Iterator[str]:
        """The functions whose calls explain the part."""
        return filter(None, (self.callee, *(name for name, _, _ in self.also)))

    def to_dict(self) -> dict[str, Any]:
        """Return the blame as builtins."""
        return {**asdict(self), "cause": self.cause.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Blame:
        """Rebuild a blame from the result of `to_dict`."""
        also = [(name, before, after) for name, before, after in data.get("also", ())]
        return cls(**{**data, "cause": Cause(data["cause"]), "also": tuple(also)})


def blame(before: CostGraph, after: CostGraph) -> list[Blame]:
    """Return each function with its part of the slowdown, the largest part first; the parts add up to the slowdown.

    Args:
        before: the costs on the other side.
        after: the costs now, with the names of the other side for functions that were moved.
    """
    around = dict(_wrappers(before, after))
    for new, inner in around.items():
        before = _with_wrapper(before, after, new, inner)
    costs = _costs(before, after)
    of_ns = after.total_ns - before.total_ns
    found = [
        _blamed(name, before.functions.get(name), one, costs, around.get(name, ""))
        for name, one in after.functions.items()
    ]
    found = [replace(one, of_ns=of_ns) for one in _with_serial_waits(found, before, after)]
    return sorted(found, key=lambda one: one.gained_ns, reverse=True)


def _with_serial_waits(found: Sequence[Blame], before: CostGraph, after: CostGraph) -> list[Blame]:
    """Return the parts, those of coroutines that ran at once moved to a function that now awaits them in turn.

    Their waits overlapped, so that each seems to wait longer now. The event loop calls them less often.
    """
    outside = [graph.functions.get(OUTSIDE, FunctionCost(1.0, 0.0)).callees for graph in (before, after)]
    fewer = {name for name, calls in outside[0].items() if outside[1].get(name, 0.0) * _MORE < calls}
    parts = {one.function: one for one in found}
    for name, one in after.functions.items():
        old = before.functions.get(name)
        if old is None or name == OUTSIDE:
            continue
        for callee in fewer & set(one.callees) - {name}:
            waiting = parts.get(callee)
            if waiting is None or waiting.gained_ns <= 0:
                continue
            rates = [_rates(side).get(callee, 0.0) for side in (old, one)]
            if rates[1] > _MORE * rates[0]:
                gained_ns = parts[name].gained_ns + waiting.gained_ns
                parts[name] = Blame(name, Cause.MORE_CALLS, gained_ns, 0.0, callee, rates[0], rates[1])
                parts[callee] = replace(waiting, gained_ns=0.0)
    return list(parts.values())


def _costs(before: CostGraph, after: CostGraph) -> dict[str, float]:
    """Return the inclusive cost of a call of each function: the other side's where it knows the function."""
    rows = {**_rows(after), **_rows(before)}
    return solved(rows)


def inclusive_costs(graph: CostGraph) -> dict[str, float]:
    """Return the cost of a call of each function on one side, with all that it calls, in ns."""
    return solved(_rows(graph))


def _rows(graph: CostGraph) -> dict[str, tuple[float, Mapping[str, float]]]:
    return {name: (one.own_ns / one.calls, _rates(one)) for name, one in graph.functions.items()}


def _rates(one: FunctionCost) -> dict[str, float]:
    """Return the calls of other functions in each call of a function."""
    return {callee: calls / one.calls for callee, calls in one.callees.items()}


def _blamed(
    name: str, before: FunctionCost | None, after: FunctionCost, costs: Mapping[str, float], around: str
) -> Blame:
    if before is None:  # its caller is to blame
        return Blame(name, Cause.OWN_CODE, 0.0, 0.0)
    old, new = _rates(before), _rates(after)
    more_ns = {
        callee: after.calls * (new.get(callee, 0.0) - old.get(callee, 0.0)) * costs.get(callee, 0.0)
        for callee in {**new, **old}
    }
    kept_ns = after.calls * before.own_ns / before.calls
    own_ns = after.own_ns - kept_ns
    share_ns = own_ns + sum(more_ns.values())
    added_ns = sum(one for one in more_ns.values() if one > 0)
    lost_ns = added_ns - sum(more_ns.values())
    compared_ns = max(after.own_ns, kept_ns) + min(added_ns, lost_ns)
    one = Blame(
        name,
        Cause.OWN_CODE,
        share_ns,
        0.0,
        compared_ns=compared_ns,
        is_unchanged=_is_same_code(before, after),
        is_changed=_is_other_code(before, after),
    )
    if around:
        return replace(one, cause=Cause.NEW_AROUND, callee=around, before=old[around], after=new.get(around, 0.0))
    callee = max(more_ns, key=lambda name: more_ns[name], default="")
    if added_ns - lost_ns < _COUNTED * share_ns or not added_ns:
        return _by_library(one, before, after, own_ns)
    more = replace(one, callee=callee, before=old.get(callee, 0.0), after=new.get(callee, 0.0))
    if lost_ns >= _COUNTED * added_ns:
        return replace(more, cause=Cause.OTHER_CALLS, instead=min(more_ns, key=lambda name: more_ns[name]))
    if share_ns - max(own_ns, 0.0) >= _COUNTED * (added_ns + max(own_ns, 0.0)):
        return replace(more, cause=Cause.MORE_CALLS)
    return _by_library(one, before, after, own_ns)


def _is_same_code(before: FunctionCost, after: FunctionCost) -> bool:
    return bool(before.code) and before.code == after.code


def _by_library(one: Blame, before: FunctionCost, after: FunctionCost, own_ns: float) -> Blame:
    """Return the blame of a function whose own time has grown, with the library function that most of it lies in."""
    none = LibraryCost(0.0, 0.0)
    gained = {
        callee: cost.time_ns - before.library.get(callee, none).time_ns * after.calls / before.calls
        for callee, cost in after.library.items()
    }
    callee = max(gained, key=lambda name: gained[name], default="")
    if not callee or gained[callee] <= 0:
        return one
    rates = {
        name: (before.library.get(name, none).calls / before.calls, cost.calls / after.calls)
        for name, cost in after.library.items()
        if gained[name] >= _OF_LARGEST * gained[callee]
    }
    largest = sorted(rates, key=lambda name: gained[name], reverse=True)
    more = [name for name in largest if rates[name][1] > _MORE * rates[name][0]]
    if more and sum(gained[name] for name in more) >= _COUNTED * own_ns:
        return _with_callees(one, Cause.MORE_CALLS, more, rates)
    slower = [name for name in largest if name not in more]
    if callee in more or sum(gained[name] for name in slower) < _MOST_OF_SHARE * own_ns:
        return one
    return _with_callees(one, Cause.SLOWER_LIBRARY, slower, rates)


def _with_callees(one: Blame, cause: Cause, callees: Sequence[str], rates: Mapping[str, tuple[float, float]]) -> Blame:
    """Return the blame of a function with library functions, the one with the largest growth first."""
    callee, *others = callees
    also = tuple((name, *rates[name]) for name in others)
    return replace(one, cause=cause, callee=callee, before=rates[callee][0], after=rates[callee][1], also=also)


def _wrappers(before: CostGraph, after: CostGraph) -> Iterator[tuple[str, str]]:
    """Yield each new function that took its place around another one, such as a decorator, with that other function.

    Each caller of the new function now calls the other one less often, by as many calls as the new function has.
    """
    callers: dict[str, list[str]] = {}
    for name, one in after.functions.items():
        for callee in one.callees:
            callers.setdefault(callee, []).append(name)
    for name, one in after.functions.items():
        if name in before.functions or not callers.get(name):
            continue
        around = [
            inner for inner in one.callees if all(_is_replaced(at, inner, name, before, after) for at in callers[name])
        ]
        if len(around) == 1:
            yield name, around[0]


def _is_replaced(caller: str, inner: str, new: str, before: CostGraph, after: CostGraph) -> bool:
    """Return whether a caller calls a new function where it called another one on the other side.

    The code of the caller is the same where a decorator is new; otherwise a part of the caller was split off.
    """
    old = before.functions.get(caller)
    if old is None or inner == new or _is_other_code(old, after.functions[caller]):
        return False
    now = _rates(after.functions[caller])
    lost = _rates(old).get(inner, 0.0) - now.get(inner, 0.0)
    return lost > 0 and now[new] / _MORE <= lost <= now[new] * _MORE


def _is_other_code(before: FunctionCost, after: FunctionCost) -> bool:
    return bool(before.code and after.code) and before.code != after.code


def _with_wrapper(before: CostGraph, after: CostGraph, new: str, inner: str) -> CostGraph:
    """Return the other side's graph with a function between another one and its callers, which costs nothing there."""
    functions = dict(before.functions)
    moved = 0.0
    for name, one in after.functions.items():
        old = functions.get(name)
        if new not in one.callees or old is None:
            continue
        calls = min(one.callees[new] / one.calls * old.calls, old.callees[inner])
        callees = {**old.callees, inner: old.callees[inner] - calls, new: calls}
        functions[name] = replace(old, callees=callees)
        moved += calls
    functions[new] = FunctionCost(moved, 0.0, {inner: moved})
    return CostGraph(functions)
