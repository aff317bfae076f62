"""What a call allocates and which calls it makes, in passes that are not timed."""

from __future__ import annotations

import cProfile
import os
import re
import sys
import sysconfig
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, Final, Protocol, TypeVar

from pytest_perfbudget.core.budgets import Budget, Resource
from pytest_perfbudget.core.gate import is_timed, judge_count, unmeasured
from pytest_perfbudget.core.results import BudgetResult, Recording
from pytest_perfbudget.measure.isolation import uncollected
from pytest_perfbudget.measure.subject import Probe, Subject

_PASSES = 2
"""A count above its limit is taken again and the lower one holds: what a call fills once, a cache
say, is not what every call costs."""

_MOST_FUNCTIONS = 5
_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_ADDRESS = re.compile(r" (of type object )?at 0x[0-9a-f]+", re.IGNORECASE)
_COMPREHENSION = re.compile(r"\.<(listcomp|setcomp|dictcomp|genexpr)>")
_LEAST_SHARE = 0.03


class ProbeBusyError(Exception):
    """Another tool, or the measured code itself, is in the way of a count."""


class CountingProbe(Probe, Protocol):
    """A probe that ends with a number."""

    count: float


class PeakBytes:
    """The most bytes held at once through Python's allocators, above what was held at the start."""

    def __init__(self) -> None:
        self.count = 0.0
        self._ours = False
        self._before = 0

    def start(self) -> None:
        """See `Probe.start`."""
        self._ours = not tracemalloc.is_tracing()
        if self._ours:
            tracemalloc.start()
        tracemalloc.reset_peak()
        self._before = tracemalloc.get_traced_memory()[0]

    def stop(self) -> None:
        """See `Probe.stop`."""
        if not tracemalloc.is_tracing():
            message = "the measured code stopped tracemalloc itself"
            raise ProbeBusyError(message)
        self.count = float(max(0, tracemalloc.get_traced_memory()[1] - self._before))
        if self._ours:
            tracemalloc.stop()


class FunctionCalls:
    """Calls of Python and built-in functions, the measured one and recursive ones included."""

    def __init__(self) -> None:
        self.count = 0.0
        self.entries: list[Any] = []
        self._profile = cProfile.Profile()

    def start(self) -> None:
        """See `Probe.start`."""
        message = "another profiler is active: run without it to count calls"
        if sys.getprofile() is not None:  # before 3.12 ours would replace it
            raise ProbeBusyError(message)
        try:
            self._profile.enable()
        except ValueError as error:
            raise ProbeBusyError(message) from error

    def stop(self) -> None:
        """See `Probe.stop`."""
        self._profile.disable()
        # The profiler also saw this method and its own `disable`.
        ours = (FunctionCalls.stop.__code__, "<method 'disable' of '_lsprof.Profiler' objects>")
        self.entries = [entry for entry in self._profile.getstats() if entry.code not in ours]
        self.count = float(sum(entry.callcount for entry in self.entries))


_PROBES: Final[dict[Resource, type[CountingProbe]]] = {Resource.PEAK: PeakBytes, Resource.CALLS: FunctionCalls}


async def profile_call(subject: Subject) -> list[tuple[str, int, float]]:
    """Run one profiled call and return its costliest functions: name, calls, share of the time.

    The time is a function's own, without what it calls. Empty if another profiler is active.
    """
    __tracebackhide__ = True
    probe = FunctionCalls()
    try:
        await subject.once(probe)
    except ProbeBusyError:
        return []
    total = sum(entry.inlinetime for entry in probe.entries) or 1.0
    rows = [(name, calls, time_s / total) for name, calls, time_s in _costs(probe.entries)]
    rows.sort(key=lambda row: row[2], reverse=True)
    return [row for row in rows[:_MOST_FUNCTIONS] if row[2] >= _LEAST_SHARE]


def _costs(entries: Sequence[Any]) -> Iterator[tuple[str, int, float]]:
    """Yield functions with their calls and their own seconds; a built-in one for each function that calls it.

    It is there that something can be done about it.
    """
    known: dict[str, list[float]] = {}
    for entry in entries:
        for called in entry.calls or ():
            if isinstance(called.code, str) and not isinstance(entry.code, str):
                yield (
                    f"{_function_name(called.code)}, from {_portable_name(entry.code)}",
                    called.callcount,
                    called.inlinetime,
                )
                sums = known.setdefault(called.code, [0, 0.0])
                sums[0] += called.callcount
                sums[1] += called.inlinetime
    for entry in entries:
        calls, time_s = known.get(entry.code, (0, 0.0))
        if entry.callcount > calls:
            yield _function_name(entry.code), entry.callcount - int(calls), max(entry.inlinetime - time_s, 0.0)


def _function_name(code: Any) -> str:  # noqa: ANN401 - a code object, or a text for built-in functions
    if isinstance(code, str):
        return _ADDRESS.sub("", code.strip("<>"))
    return f"{_portable_name(code)}, line {code.co_firstlineno}"


def called_functions(probe: FunctionCalls) -> dict[str, int]:
    """Return the calls by function, `package.module:name`, the same on every machine and line.

    They are in the order of the time they took with all they call, the costliest first.
    """
    calls: dict[str, int] = {}
    for entry in sorted(probe.entries, key=lambda entry: entry.totaltime, reverse=True):
        name = _ADDRESS.sub("", entry.code.strip("<>")) if isinstance(entry.code, str) else _portable_name(entry.code)
        calls[name] = calls.get(name, 0) + entry.callcount
    return calls


def function_times(probe: FunctionCalls) -> dict[str, float]:
    """Return the time of one profiled call by function of the project, in ns, the whole under the empty name.

    A function has what the libraries take that it calls: where its author can do something about it. What they
    call back has its own time as well. A comprehension is part of its function, as it is for Python since 3.12:
    what a query takes is now in the one, now in the other.
    """
    times: dict[str, float] = {"": 1e9 * sum(entry.inlinetime for entry in probe.entries)}
    for entry in probe.entries:
        if _is_library(entry.code):
            continue
        called = sum(one.totaltime for one in entry.calls or () if _is_library(one.code))
        name = _COMPREHENSION.sub("", _portable_name(entry.code))
        times[name] = times.get(name, 0.0) + 1e9 * (entry.inlinetime + called)
    return times


def _is_library(code: CodeType | str) -> bool:
    return isinstance(code, str) or _is_library_file(code.co_filename)


@lru_cache(maxsize=1024)
def _is_library_file(file: str) -> bool:
    """Return whether a source file is Python's, an installed package's, or none at all."""
    return file.startswith(("<", _STDLIB)) or "site-packages" in file


def _portable_name(code: CodeType) -> str:
    qualified: str = getattr(code, "co_qualname", code.co_name)
    return f"{_module(code.co_filename)}:{qualified.replace('.<locals>', '')}"


@lru_cache(maxsize=1024)
def _module(file: str) -> str:
    """Return the dotted module of a source file, from the folder on `sys.path` that it is nearest to."""
    roots = [root for root in sys.path if root and file.startswith(root.rstrip(os.sep) + os.sep)]
    path = file[len(max(roots, key=len)) :] if roots else Path(file).name
    return path.strip(os.sep).removesuffix(".py").removesuffix(f"{os.sep}__init__").replace(os.sep, ".")


async def record_counts(subject: Subject, most_calls: float | None, most_peak: float | None) -> Recording:
    """Count what one execution calls and holds at most; a count above what is given is taken again.

    Returns:
        A recording without blocks. A count is None if it was not asked for, or if something was in its way.
    """
    __tracebackhide__ = True
    recording = Recording()
    if most_calls is not None:
        try:
            calls, _ = await _count(subject, FunctionCalls, most_calls)
            recording = Recording(
                calls=int(calls.count), functions=called_functions(calls), times=function_times(calls)
            )
        except ProbeBusyError as error:
            recording = Recording(uncounted=str(error))
    if most_peak is not None:
        try:
            peak, _ = await _count(subject, PeakBytes, most_peak)
            recording = replace(recording, peak=int(peak.count))
        except ProbeBusyError as error:
            recording = replace(recording, uncounted=str(error))
    return recording


_Counting = TypeVar("_Counting", bound=CountingProbe)


async def _count(subject: Subject, kind: type[_Counting], most: float) -> tuple[_Counting, int]:
    """Return the probe that counted the least, the last of such, and the number of passes.

    The first pass finds the caches of the CPU and the interpreter cold: its times are up to twice the others'.
    """
    __tracebackhide__ = True
    lowest: _Counting | None = None
    passes = 0
    while lowest is None or (passes < _PASSES and lowest.count > most):
        probe = kind()
        with uncollected():  # the collector's callbacks are no calls of the code
            await subject.once(probe)
        lowest = probe if lowest is None or probe.count <= lowest.count else lowest
        passes += 1
    return lowest, passes


async def judge_counts(subject: Subject, budgets: Sequence[Budget]) -> list[BudgetResult]:
    """Run a pass for each budget on memory or calls, and return the judgements."""
    __tracebackhide__ = True
    return [await _judge_count(subject, budget) for budget in budgets if not is_timed(budget)]


async def _judge_count(subject: Subject, budget: Budget) -> BudgetResult:
    __tracebackhide__ = True
    try:
        probe, passes = await _count(subject, _PROBES[budget.metric.resource], budget.limit)
    except ProbeBusyError as error:
        return unmeasured(budget, str(error))
    return judge_count(budget, probe.count, passes)
