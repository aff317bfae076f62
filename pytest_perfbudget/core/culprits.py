"""The functions behind a regression: those that are called more often, or take longer, than on the other side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.blame import Blame, Cause, blame, inclusive_costs
from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost
from pytest_perfbudget.core.results import Growth

_SHOWN_FUNCTIONS: Final = 5
_LEAST_CALLS: Final = 0.1
"""The smallest part of the growth that is told if it is calls, which are counted."""

_LEAST_TIMES: Final = 0.25
"""The same for a part that is a time: the growth of a large function spreads its errors over the others."""

_LEAST_EXPLAINED: Final = 0.3
"""The smallest part of the measured slowdown that the profiles have to show."""

_MOST_EXPLAINED: Final = 1.5
"""The largest part of the growth that a function can have, where others became faster."""

_LEAST_OF_CALLER: Final = 0.5
"""The smallest part of the further calls of a function by which its caller is named: profiles leave out cheap calls."""

_ERROR_OF_TIMES: Final = 0.03
"""The share of a time by which profiles of unchanged code differ."""

_MOST_OF_TIMES: Final = 3.0
"""The factor above the measured slowdown from which a part that is a time is an error of the profiles."""

_MOST_OF_CALLS: Final = 20.0
"""The same factor for a part that is calls: these are counted, and only their time may be wrong."""

_LEAST_OF_CALLS: Final = 0.5
"""The smallest part of the measured slowdown that more calls have to take to explain it, and the smallest part of their
time by the cost of a call on the other side that they have to take now."""

_MOST_INFLATION: Final = 4.0
"""The most by which a profiled call is taken to be slower than a measured one: that of a short body is the slowest."""


def grown_functions(
    before: Mapping[str, int],
    after: Mapping[str, int],
    unknown: int,
    own: Container[str] = (),
    costs: tuple[CostGraph | None, CostGraph | None] = (None, None),
) -> list[Growth]:
    """Return the functions that are called more often, the project's own functions before those that they call.

    Args:
        before: the calls by function on the other side.
        after: the calls by function now, the costliest function first; this order is kept.
        unknown: the most calls that a function without an entry in `before` may have had, if `before` was cut short;
            0 if `before` is complete.
        own: the names of the project's modules.
        costs: the costs on the other side and now, which know the callers; None on a side where they are not known.
    """
    old = old_names(before, after)
    grown = [
        Growth(function, before.get(old[function], None if unknown else 0), calls)
        for function, calls in after.items()
        if calls > before.get(old[function], unknown)
    ]
    grown.sort(key=lambda one: one.function.partition(":")[0] not in own)
    shown = grown[:_SHOWN_FUNCTIONS]
    was, now = costs
    return shown if was is None or now is None else [replace(one, caller=_caller(one, was, now)) for one in shown]


def _caller(growth: Growth, before: CostGraph, after: CostGraph) -> str:
    """Return the function that alone calls a function more often; empty if several or none of the project's do."""
    gained = {
        name: _calls(one, growth.function) - _calls(before.functions.get(name), growth.function)
        for name, one in after.functions.items()
    }
    callers = [name for name, calls in gained.items() if calls > 0]
    least = _LEAST_OF_CALLER * (growth.after - (growth.before or 0))
    return callers[0] if len(callers) == 1 and gained[callers[0]] >= least else OUTSIDE


def _calls(caller: FunctionCost | None, function: str) -> float:
    if caller is None:
        return 0.0
    return caller.library[function].calls if function in caller.library else caller.callees.get(function, 0.0)


_LEAST_RATE = 0.003
_LEAST_GROWTH = 0.02
"""The growth of the calls in each call of a function, and its share, below which it is an error of the profiles. A
generator that a library function resumes counts as called by whoever calls that function: 2 calls in 1,000 of them."""


def blamed_functions(
    before: CostGraph, after: CostGraph, slower_ns: float, before_ns: float | None = None
) -> list[Blame]:
    """Return the functions whose code has caused a slowdown, the largest part first; none if the profiles do not say.

    A wrong name costs more trust than none. So a part is told only if it is a large one, if it is beyond the errors of
    a profile, and if it is not several times the slowdown that was measured without a profiler. The profile of a body
    of a microsecond takes several times as long as the body, and so does each part of it. Calls are counted, so calls
    that explain the slowdown come before parts that are times, and are told also where the times contradict the
    slowdown. A function whose code is the same takes longer by what others changed, or by an error of the profiles, so
    it is told only if no other function is.

    Args:
        before: the costs on the other side.
        after: the costs now.
        slower_ns: the measured slowdown in ns.
        before_ns: the measured time on the other side; None if it is not known.
    """
    moved = {old: new for new, old in old_names(before.functions, after.functions).items() if old != new}
    found = [one for one in blame(before.renamed(moved), after) if one.function != OUTSIDE]
    # Code that is the same on both sides seems faster by chance, and would hide how much slower the other code is.
    of_ns = max(after.total_ns - before.total_ns, sum(one.gained_ns for one in found if not one.is_unchanged))
    found = [replace(one, of_ns=of_ns) for one in found]
    inflation = min(before.total_ns / before_ns, _MOST_INFLATION) if before_ns else 1.0
    most_ns = max(_MOST_OF_TIMES, _MOST_EXPLAINED * inflation) * slower_ns
    told = [one for one in found if _is_certain(one, slower_ns, most_ns)]
    counted = [one for one in _counted(found, after) if _explains(one, slower_ns)]
    if of_ns < _LEAST_EXPLAINED * slower_ns or any(one.gained_ns > _MOST_EXPLAINED * of_ns for one in told):
        of_ns = sum(one.gained_ns for one in counted)
        told = [replace(one, of_ns=of_ns) for one in counted]
    told = [one for one in told if not (one.is_unchanged and one.is_time)] or told
    explaining = {one.function for one in counted}
    told.sort(key=lambda one: one.function not in explaining)
    if all(one.is_unchanged for one in told):
        told = [*_with_other_code(found), *told]
    return told[:_SHOWN_FUNCTIONS]


def _with_other_code(found: Sequence[Blame]) -> Iterator[Blame]:
    """Yield the functions whose code was changed, if they are few: what they do costs time elsewhere, or little time.

    A list that has more items lets other functions, whose code is the same, make more calls.
    """
    changed = [one for one in found if one.is_changed]
    if len(changed) <= _SHOWN_FUNCTIONS:
        yield from (replace(one, cause=Cause.OTHER_CODE, callee="", also=()) for one in changed)


def with_other_code(
    blamed: Sequence[Blame], changed: Callable[[], Sequence[str]], profiled: Collection[str] = ()
) -> Sequence[Blame]:
    """Return the functions behind a slowdown, with those whose code was changed if the profiles name no such function.

    The threads that a fixture started, and child processes, are in no profile. What a profile shows comes first: data,
    constants and settings may be the cause as well.

    Args:
        blamed: the functions that the profiles name.
        changed: returns the functions whose code was changed, whether or not a profile has them.
        profiled: the functions in the profiles; those of the same modules come first.
    """
    if any(not one.is_unchanged and one.cause is not Cause.OTHER_CODE for one in blamed):
        return blamed
    known = {one.function for one in blamed}
    names = [name for name in changed() if name not in known]
    if len(names) + len(blamed) > _SHOWN_FUNCTIONS:
        return blamed
    near = {name.partition(":")[0] for name in profiled}
    names.sort(key=lambda name: name.partition(":")[0] not in near)
    return [*blamed, *(Blame(name, Cause.OTHER_CODE, 0.0, 0.0, is_changed=True) for name in names)]


def _counted(found: Sequence[Blame], after: CostGraph) -> Iterator[Blame]:
    """Yield the parts that are more calls, without calls that became cheaper by as much.

    Their time on the other side is that of a call which did more, such as one call for a whole list.
    """
    costs = inclusive_costs(after)
    for one in found:
        more = (one.after - one.before) * after.functions[one.function].calls
        taken_ns = more * costs[one.callee] if one.callee in costs else one.gained_ns
        if _is_counted(one) and taken_ns > _LEAST_OF_CALLS * one.gained_ns:
            yield one


def _is_counted(one: Blame) -> bool:
    """Return whether a part is more calls, by so many that no error of the profiles explains them."""
    return one.cause is Cause.MORE_CALLS and one.after - one.before >= max(_LEAST_RATE, _LEAST_GROWTH * one.before)


def _explains(one: Blame, slower_ns: float) -> bool:
    """Return whether more calls, which are counted, take long enough to explain the measured slowdown."""
    return _LEAST_OF_CALLS * slower_ns < one.gained_ns < _MOST_OF_CALLS * slower_ns


def _is_certain(one: Blame, slower_ns: float, most_ns: float) -> bool:
    """Return whether a part of a slowdown is beyond the errors of a profile.

    Calls are counted, and times are not: a profile errs by a few per cent.
    """
    if one.cause is Cause.MORE_CALLS:
        return _is_counted(one) and _LEAST_CALLS * one.of_ns < one.gained_ns < _MOST_OF_CALLS * slower_ns
    least_ns = max(_ERROR_OF_TIMES * one.compared_ns, _LEAST_TIMES * one.of_ns)
    return least_ns < one.gained_ns < most_ns


def old_names(before: Collection[str], after: Collection[str]) -> dict[str, str]:
    """Return the name that each function had before.

    A function whose name is not in `before` counts as moved if exactly one function of the same name is gone from
    another module.
    """
    gone: dict[str, list[str]] = {}
    for name in before:
        if name not in after:
            gone.setdefault(name.rpartition(":")[2], []).append(name)
    found = {}
    for name in after:
        were = gone.get(name.rpartition(":")[2], []) if name not in before else []
        found[name] = were[0] if len(were) == 1 else name
    return found
