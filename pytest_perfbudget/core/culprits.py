"""The functions behind a regression: those that are called more often, or take longer, than on the other side."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from statistics import median
from typing import Final

from pytest_perfbudget.core.measurement import Recording
from pytest_perfbudget.core.results import Growth

_SHOWN_FUNCTIONS: Final = 5
_LEAST_GAIN: Final = 0.1
_LEAST_EXPLAINED: Final = 0.3
_MOST_EXPLAINED: Final = 1.1


def grown_functions(
    before: Mapping[str, int], after: Mapping[str, int], unknown: int, own: Container[str] = ()
) -> list[Growth]:
    """Return the functions that are called more often, the project's own functions before those that they call.

    Args:
        before: the calls by function on the other side.
        after: the calls by function now, the costliest function first; this order is kept.
        unknown: the most calls that a function without an entry in `before` may have had, if `before` was cut short;
            0 if `before` is complete.
        own: the names of the project's modules.
    """
    old = _old_names(before, after)
    grown = [
        Growth(function, before.get(old[function], None if unknown else 0), calls)
        for function, calls in after.items()
        if calls > before.get(old[function], unknown)
    ]
    grown.sort(key=lambda one: one.function.partition(":")[0] not in own)
    return grown[:_SHOWN_FUNCTIONS]


def gained_functions(before: Sequence[Recording], after: Sequence[Recording], slower_ns: float) -> list[Growth]:
    """Return the functions in which a slowdown lies, by medians over processes with one profiled call each.

    Args:
        before: the recordings of the other side.
        after: the recordings of the slower side, as many as in `before`; those without a profile do not count.
        slower_ns: the slowdown in ns. A profile that shows only a small part of the slowdown explains nothing.
    """
    profiled = [(one, other) for one, other in zip(before, after, strict=True) if one.times and other.times]
    before, after = [one for one, _ in profiled], [one for _, one in profiled]
    earlier, later = _typical_times(before), _typical_times(after)
    if not earlier:
        return []
    total_ns = later.get("", 0.0) - earlier.get("", 0.0)
    old = _old_names(earlier, later)
    gained = {name: time_ns - earlier.get(old[name], 0.0) for name, time_ns in later.items() if name}
    slower = [name for name, gain_ns in gained.items() if gain_ns > max(_LEAST_GAIN * total_ns, 0.0)]
    if total_ns < _LEAST_EXPLAINED * slower_ns or any(gained[name] > _MOST_EXPLAINED * total_ns for name in slower):
        return []
    slower.sort(key=lambda name: gained[name], reverse=True)
    return [
        Growth(
            name,
            _typical_calls(before, old[name]),
            _typical_calls(after, name),
            gained_ns=gained[name],
            of_ns=total_ns,
        )
        for name in slower[:_SHOWN_FUNCTIONS]
    ]


def _old_names(before: Collection[str], after: Collection[str]) -> dict[str, str]:
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


def _typical_times(recordings: Sequence[Recording]) -> dict[str, float]:
    names = dict.fromkeys(name for one in recordings for name in one.times)
    return {name: median(one.times.get(name, 0.0) for one in recordings) for name in names}


def _typical_calls(recordings: Sequence[Recording], name: str) -> int:
    return int(median(one.functions.get(name, 0) for one in recordings))
