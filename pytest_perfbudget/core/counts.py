"""Counts, which the weather does not touch: function calls of one execution and bytes held at once.

No statistics: what has grown beyond what is allowed, and repeats, has grown.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from statistics import median
from typing import Final

from pytest_perfbudget.core.results import Growth, Recording, RegressionResult, RegressionVerdict

_SHOWN_FUNCTIONS = 5
_LEAST_GAIN = 0.1
_LEAST_EXPLAINED = 0.3
_MOST_EXPLAINED = 1.1

FLOORS: Final[Mapping[str, int]] = {"calls": 10, "peak": 16_384}
"""A count may grow by so much whatever it was: it is less than a microsecond, or what caches hold more or less."""

COUNTS: Final[Mapping[str, str]] = {"calls": "function calls", "peak": "memory"}
"""What is counted, in words."""

UNITS: Final[Mapping[str, str]] = {"time": "ns", "calls": "calls", "peak": "bytes"}


def most_allowed(metric: str, before: int, share: float) -> float:
    """Return the count up to which a metric, `calls` or `peak`, has not grown."""
    return before + max(before * share, FLOORS[metric])


def judge_growth(metric: str, before: int, after: int, share: float, grown: Sequence[Growth] = ()) -> RegressionResult:
    """Return how a count stands: no statistics, the lower of two passes is what an execution costs."""
    verdict = RegressionVerdict.UNCHANGED
    if after > most_allowed(metric, before, share):
        verdict = RegressionVerdict.REGRESSED
    elif after < before / (1 + share) and before - after > FLOORS[metric]:
        verdict = RegressionVerdict.IMPROVED
    return RegressionResult(
        metric=metric,
        verdict=verdict,
        unit=UNITS[metric],
        before=before,
        after=after,
        ratio=after / before if before else None,
        limit=share,
        grown=grown if verdict is RegressionVerdict.REGRESSED else (),
    )


def grown_functions(
    before: Mapping[str, int], after: Mapping[str, int], unknown: int, own: Container[str] = ()
) -> list[Growth]:
    """Return functions that are called more often, the project's own before those that they call.

    Args:
        before: calls by function in the baseline.
        after: the same now, the costliest first; that order is kept.
        unknown: how many calls a function may have had that `before` does not name, if it was cut short;
            0 if it is whole.
        own: the modules of the project.
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
    """Return the functions that a slowdown is in, by one profiled call of each process: medians over them.

    Args:
        before: of what is compared with.
        after: of what is slower, as many.
        slower_ns: how much slower it is. A profile that shows but little of that explains nothing.
    """
    earlier, later = _typical_times(before), _typical_times(after)
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
    """Return what functions were called before: one that was moved has the name it had, in another module."""
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
