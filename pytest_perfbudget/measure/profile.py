"""The functions in a profile: their share of a call's time, and their calls of each other."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

from pytest_perfbudget.core.call_graph import OUTSIDE, CallEdge, CallGraph
from pytest_perfbudget.core.measurement import ProfileRow
from pytest_perfbudget.core.profiled_functions import (
    NO_OVERHEAD,
    ProfiledCall,
    ProfiledFunction,
    ProfilerOverhead,
)
from pytest_perfbudget.core.profiled_threads import with_threads
from pytest_perfbudget.measure.clock import SYSTEM, Clock
from pytest_perfbudget.measure.code_digest import COMPREHENSIONS, code_digest, joined
from pytest_perfbudget.measure.function_names import is_library, name_of, without_comprehension
from pytest_perfbudget.measure.probes import FunctionCalls, ProbeBusyError, is_comprehension, profiled
from pytest_perfbudget.measure.profiler_overhead import profiler_overhead
from pytest_perfbudget.measure.subject import Subject
from pytest_perfbudget.measure.thread_calls import ThreadCalls

_MOST_FUNCTIONS = 5
_is_unqualified: Final = sys.version_info < (3, 11)
_IDLE: Final = re.compile(r"'(acquire|get|wait)' of")
_LEAST_SHARE = 0.03
_MOST_CALLS: Final = 20
_PROFILED_NS: Final = 100_000_000
"""The time for which a call is profiled again; a longer call is profiled once."""


@dataclass(frozen=True, slots=True)
class CallProfile:
    """The profile of one call.

    Attributes:
        rows: the costliest functions, by the time without the functions that each calls.
        graph: the calls of the functions by each other; None if there is no profile.
    """

    rows: Sequence[ProfileRow] = ()
    graph: CallGraph | None = None


async def profile_call(subject: Subject, clock: Clock = SYSTEM) -> CallProfile:
    """Run some profiled calls, and return the profile of the quickest; an empty one if another profiler is active.

    A call that lost the CPU to another process has the lost time in an innocent function.

    Args:
        subject: the subject that is run.
        clock: the clock that limits the time of further calls.
    """
    __tracebackhide__ = True
    start_ns = clock.wall_ns()
    probes: list[FunctionCalls] = []
    try:
        while not probes or (len(probes) < _MOST_CALLS and clock.wall_ns() - start_ns < _PROFILED_NS):
            probes.append(await profiled(subject))
    except ProbeBusyError:
        return CallProfile()
    # Whatever disturbs a profiled call only adds time.
    probe = min((one for one in probes if one.count == probes[-1].count), key=time_ns)
    total = sum(entry.inlinetime for entry in probe.entries) or 1.0
    rows = [ProfileRow(name, calls, time_s / total) for name, calls, time_s in _costs(probe.entries)]
    rows.sort(key=lambda row: row.share, reverse=True)
    kept = [row for row in rows[:_MOST_FUNCTIONS] if row.share >= _LEAST_SHARE]
    return CallProfile(kept, call_graph(probe, profiler_overhead(is_kept_to_thread=probe.is_kept_to_thread)))


def time_ns(probe: FunctionCalls) -> float:
    """Return the profiled time of one of a probe's executions, in ns."""
    return 1e9 * sum(float(entry.inlinetime) for entry in probe.entries) / probe.executions


def _costs(entries: Sequence[Any]) -> Iterator[tuple[str, int, float]]:
    """Yield functions with their calls and their own time in s; a built-in function for each function that calls it.

    The time of a built-in function can only be reduced in the functions that call it.
    """
    known: dict[str, list[float]] = {}
    for entry in entries:
        for called in entry.calls or ():
            if isinstance(called.code, str) and not isinstance(entry.code, str):
                yield (
                    f"{_function_name(called.code)}, from {name_of(entry.code)}",
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
        return name_of(code)
    return f"{name_of(code)}, line {code.co_firstlineno}"


def called_functions(probe: FunctionCalls) -> dict[str, int]:
    """Return the calls by function, `package.module:name`: names that do not depend on the machine or the line number.

    The functions are in the order of the time that they took together with all functions that they call, the costliest
    first.
    """
    calls: dict[str, int] = {}
    for entry in sorted(probe.entries, key=lambda entry: entry.totaltime, reverse=True):
        if not is_comprehension(entry.code):
            name = name_of(entry.code)
            calls[name] = calls.get(name, 0) + entry.callcount
    return calls


def call_graph(probe: FunctionCalls, overhead: ProfilerOverhead = NO_OVERHEAD) -> CallGraph:
    """Return which function calls which in one of a probe's executions, and the time of these calls.

    Functions of the same name in several files, or on several lines, are numbered: `shop:work`, `shop:work#2`.
    """
    numbers = _numbers(probe)
    times: dict[tuple[str, str], float] = {}
    calls: dict[tuple[str, str], int] = {}
    called: dict[str, int] = {}  # by others
    called_ns: dict[str, float] = {}

    def add(caller: str, callee: str, number: int, time_ns: float) -> None:
        key = (caller, callee)
        times[key] = times.get(key, 0.0) + time_ns
        calls[key] = calls.get(key, 0) + number

    for entry in probe.entries:
        for one in entry.calls or ():
            callee, time_ns = _numbered(one.code, numbers), 1e9 * one.totaltime
            add(_numbered(entry.code, numbers), callee, one.callcount, time_ns)
            called[callee] = called.get(callee, 0) + one.callcount
            called_ns[callee] = called_ns.get(callee, 0.0) + (time_ns if one.code != entry.code else 0.0)
    first = [one for one in probe.entries if one.callcount > called.get(_numbered(one.code, numbers), 0)]
    for one in first:
        name, time_ns = _numbered(one.code, numbers), 1e9 * one.totaltime
        if len(first) == 1:  # its time in other functions, which call it back, is known to be part of the whole
            time_ns = 1e9 * sum(entry.inlinetime for entry in probe.entries)
        elif name in called:
            time_ns = max(time_ns - called_ns[name], 0.0)
        add(OUTSIDE, name, one.callcount - called.get(name, 0), time_ns)
    each = {key: round(number / probe.executions) for key, number in calls.items()}
    edges = [CallEdge(*key, each[key], time_ns / probe.executions) for key, time_ns in times.items() if each[key]]
    profiled_calls = sum(entry.callcount + getattr(entry, "hidden", 0) for entry in probe.entries)
    added_ns = profiled_calls * sum(overhead)
    files = {
        _numbered(entry.code, numbers): entry.code.co_filename for entry in probe.entries if not is_library(entry.code)
    }
    return CallGraph.of(edges, added_ns / probe.executions, files)


def _numbers(probe: FunctionCalls) -> dict[tuple[str, str, int], int]:
    """Return the number of each function of Python among those of its name, by its name, file and line.

    Comprehensions are parts of their functions and have no numbers.
    """
    codes = {id(one.code): one.code for entry in probe.entries for one in (entry, *(entry.calls or ()))}
    named = (one for one in codes.values() if isinstance(one, CodeType) and not is_comprehension(one))
    numbers: dict[tuple[str, str, int], int] = {}
    known: dict[str, int] = {}
    for name, file, line in sorted({(name_of(one), one.co_filename, one.co_firstlineno) for one in named}):
        numbers[name, file, line] = known[name] = known.get(name, 0) + 1
    return numbers


def _numbered(code: CodeType | str, numbers: Mapping[tuple[str, str, int], int]) -> str:
    name = name_of(code)
    if isinstance(code, str):
        return name
    number = numbers.get((name, code.co_filename, code.co_firstlineno), 1)
    return name if number == 1 else f"{name}#{number}"


def profiled_functions(probe: FunctionCalls, overhead: ProfilerOverhead = NO_OVERHEAD) -> dict[str, ProfiledFunction]:
    """Return the functions of a profile with their calls of each other, and with times without the profiler's own.

    A comprehension is part of its function, as it is in Python itself since 3.12.
    """
    names = {name_of(entry.code) for entry in probe.entries}
    left = _left(probe, overhead)
    found: dict[str, ProfiledFunction] = {}
    for entry in probe.entries:
        name, is_part = _function_around(entry.code, names)
        one = found.setdefault(name, ProfiledFunction(_belongs_to_caller(entry.code)))
        if isinstance(entry.code, CodeType) and not is_part and not one.is_library:
            one.code = joined(one.code, code_digest(entry.code))
        one.own_ns += 1e9 * entry.inlinetime * left[entry.code]
        if not is_part:
            one.calls += entry.callcount
            one.total_ns += 1e9 * entry.totaltime
        for called in entry.calls or ():
            callee, is_part = _function_around(called.code, names)
            if not is_part and callee in names:  # the probe's own end is not
                own_ns = 1e9 * called.inlinetime * left.get(called.code, 1.0)
                one.add_call(callee, ProfiledCall(called.callcount, own_ns, 1e9 * called.totaltime))
    threads, roots = _threads(probe.threads)
    return with_threads(found, threads, roots)


def _left(probe: FunctionCalls, overhead: ProfilerOverhead) -> dict[CodeType | str, float]:
    """Return the share of each function's own time that is left without the profiler's."""
    sums: dict[CodeType | str, tuple[float, int, int]] = {}
    for entry in probe.entries:
        own_ns, calls, made = sums.get(entry.code, (0.0, 0, 0))
        made += sum(called.callcount for called in entry.calls or ())
        hidden = getattr(entry, "hidden", 0)  # calls that were profiled within the function's own time
        sums[entry.code] = (own_ns + 1e9 * entry.inlinetime, calls + entry.callcount + hidden, made + hidden)
    return {code: overhead.left(*one) for code, one in sums.items()}


def _function_around(code: CodeType | str, names: Collection[str]) -> tuple[str, bool]:
    """Return the name of a function, of a comprehension that of its function; and whether it is a comprehension."""
    name = name_of(code)
    within = without_comprehension(name)
    return (within, True) if within != name and within in names else (name, False)


def _threads(found: ThreadCalls) -> tuple[dict[str, ProfiledFunction], dict[str, ProfiledCall]]:
    """Return the functions of the threads that began within a profiled call, and the calls at the top of the threads.

    The thread of a pool waits for work within libraries: that is no time of the call.
    """
    names = {name_of(callee) for _, callee in found.calls}
    functions: dict[str, ProfiledFunction] = {}
    roots = ProfiledFunction(is_library=True)
    for (caller, callee), (calls, own_ns, total_ns) in found.calls.items():
        is_idle = isinstance(callee, str) and caller is not None and is_library(caller) and _IDLE.search(callee)
        call = ProfiledCall(calls, 0.0, 0.0) if is_idle else ProfiledCall(calls, own_ns, total_ns)
        name, is_part = _function_around(callee, names)
        one = functions.setdefault(name, ProfiledFunction(_belongs_to_caller(callee)))
        one.own_ns += call.own_ns
        if is_part:
            continue
        one.calls += calls
        one.total_ns += call.total_ns
        above = roots
        if caller is not None:
            around, _ = _function_around(caller, names)
            above = functions.setdefault(around, ProfiledFunction(_belongs_to_caller(caller)))
        above.add_call(name, call)
    return functions, roots.callees


def _belongs_to_caller(code: CodeType | str) -> bool:
    """Return whether the time of a function is its caller's: of a library, or a comprehension without its function."""
    return is_library(code) or (isinstance(code, CodeType) and code.co_name in COMPREHENSIONS and _is_unqualified)


def source_files(probe: FunctionCalls) -> list[str]:
    """Return the source files of the functions that are not from a library."""
    return sorted({entry.code.co_filename for entry in probe.entries if not is_library(entry.code)})
