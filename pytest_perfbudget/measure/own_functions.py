"""A profile without the functions of this plugin: they are written into the functions that call them.

A measured call runs some of them, such as the decorator that makes a span. Their names tell an author nothing. A method
that stands in for a library's, such as `execute` of a connection whose statements are spans, has the library's name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

PLUGIN: Final = str(Path(__file__).parent.parent) + os.sep
"""The folder of this plugin."""

_STAND_INS: Final = "pytest_perfbudget.tracing.sqlite"
"""The module whose classes extend a library's: most tests never import it, and then no profile has its functions."""

_LEAST_CALLS: Final = 0.5
Function = CodeType | str


@dataclass(slots=True)
class OwnedCall:
    """The calls of a function by another, with the attributes of cProfile's entries."""

    code: Function
    callcount: float
    inlinetime: float
    totaltime: float

    def add(self, other: OwnedCall, share: float) -> None:
        """Add a share of other calls of the function, which is negative to take them off."""
        self.callcount += share * other.callcount
        self.inlinetime += share * other.inlinetime
        self.totaltime += share * other.totaltime


@dataclass(slots=True)
class OwnedEntry(OwnedCall):
    """A function of a profile, with the attributes of cProfile's entries.

    Attributes:
        callees: the calls of other functions.
        hidden: the profiled calls of this plugin that are part of the function's own time.
    """

    callees: dict[Function, OwnedCall] = field(default_factory=dict)
    hidden: float = 0.0

    @property
    def calls(self) -> Sequence[OwnedCall]:
        """The calls of other functions, as cProfile has them."""
        return list(self.callees.values())

    def call(self, callee: Function, more: OwnedCall, share: float) -> None:
        """Add a share of calls of a function."""
        self.callees.setdefault(callee, OwnedCall(callee, 0, 0.0, 0.0)).add(more, share)


def without_own_functions(entries: Sequence[Any]) -> Sequence[Any]:
    """Return the entries of a profile without the functions of this plugin.

    Args:
        entries: the entries of cProfile.
    """
    if not any(_is_own(entry.code) for entry in entries):
        return entries
    functions = _by_code(entries)
    names = {code: name for code, name in _stand_ins().items() if code in functions}
    for code in _hidden(functions, names):
        _write_into_callers(functions, code)
    for code in names:
        _close(functions, code, names)
    for code, name in names.items():
        _rename(functions, code, name)
    return list(_whole(functions))


def summed(entries: Sequence[Any]) -> Sequence[OwnedEntry]:
    """Return one entry for each function, with the sum of the entries of several profiles."""
    return list(_by_code(entries).values())


def _is_own(code: Function) -> bool:
    return isinstance(code, CodeType) and code.co_filename.startswith(PLUGIN)


def _stand_ins() -> dict[Function, str]:
    """Return the names by which cProfile knows the library's methods, by the code of the methods in their place."""
    found: dict[Function, str] = {}
    for kind in vars(sys.modules.get(_STAND_INS, object)).values():
        if isinstance(kind, type) and kind.__module__ == _STAND_INS:
            above = next(one for one in kind.__mro__ if one.__module__ != _STAND_INS)
            for name, method in vars(kind).items():
                if isinstance(method, FunctionType) and hasattr(above, name) and not name.startswith("_"):
                    found[method.__code__] = f"<method '{name}' of '{above.__module__}.{above.__qualname__}' objects>"
    return found


def _by_code(entries: Sequence[Any]) -> dict[Function, OwnedEntry]:
    functions: dict[Function, OwnedEntry] = {}
    for entry in entries:
        one = functions.setdefault(entry.code, OwnedEntry(entry.code, 0, 0.0, 0.0))
        one.add(entry, 1)
        for called in entry.calls or ():
            one.call(called.code, called, 1)
    return functions


def _hidden(functions: Mapping[Function, OwnedEntry], names: Mapping[Function, str]) -> list[Function]:
    """Return the functions of this plugin, and the built-in functions that nothing else calls."""
    own = {code for code in functions if _is_own(code)}
    outer = {callee for code, one in functions.items() if code not in own for callee in one.callees}
    called = {callee for code in own for callee in functions[code].callees}
    built_in = [code for code in functions if isinstance(code, str) and code in called - outer]
    return [*(code for code in own if code not in names), *built_in]


def _write_into_callers(functions: dict[Function, OwnedEntry], code: Function) -> None:
    """Remove a function: its callers have its time, and make its calls of functions of Python."""
    gone = functions.pop(code)
    gone.callees.pop(code, None)
    _drop_built_in(functions, gone)
    for caller in functions.values():
        call = caller.callees.pop(code, None)
        if call is None:
            continue
        share = call.callcount / max(gone.callcount, 1)
        below = share * sum(one.totaltime for one in gone.callees.values())
        _add_own_time(functions, caller, max(call.totaltime - below, 0.0))
        caller.hidden += call.callcount + share * gone.hidden
        for callee, one in gone.callees.items():
            caller.call(callee, one, share)


def _add_own_time(functions: Mapping[Function, OwnedEntry], function: OwnedEntry, time_s: float) -> None:
    function.inlinetime += time_s
    for caller in functions.values():
        if (call := caller.callees.get(function.code)) is not None:
            call.inlinetime += time_s * call.callcount / max(function.callcount, 1)


def _drop_built_in(functions: Mapping[Function, OwnedEntry], caller: OwnedEntry) -> None:
    """Drop the calls of built-in functions, such as a clock's: they are work of this plugin."""
    for callee in [code for code in caller.callees if isinstance(code, str)]:
        call = caller.callees[callee]
        if callee in functions and functions[callee].callees and functions[callee].callcount <= call.callcount:
            continue  # all of its calls are the plugin's, so its own turn comes, with the calls that it makes
        caller.hidden += call.callcount
        if callee in functions:
            functions[callee].add(call, -1)
        del caller.callees[callee]


def _close(functions: Mapping[Function, OwnedEntry], code: Function, names: Mapping[Function, str]) -> None:
    """Let a method that stands in for a library's be without calls of other such methods and of built-in functions."""
    one = functions[code]
    _drop_built_in(functions, one)
    for callee in [inner for inner in one.callees if inner in names]:
        call, inner = one.callees.pop(callee), functions[callee]
        share = call.callcount / max(inner.callcount, 1)
        one.hidden += call.callcount + share * inner.hidden
        inner.hidden *= 1 - share
        for below, more in inner.callees.items():
            if below not in names and not isinstance(below, str):
                one.call(below, more, share)
                more.add(more, -share)
        inner.add(call, -1)


def _rename(functions: dict[Function, OwnedEntry], code: Function, name: str) -> None:
    """Give a method the name of the library's, whose time is its own but for the functions that it calls back."""
    gone = functions.pop(code)
    if gone.callcount >= _LEAST_CALLS:
        gone.inlinetime = max(gone.totaltime - sum(one.totaltime for one in gone.callees.values()), 0.0)
        one = functions.setdefault(name, OwnedEntry(name, 0, 0.0, 0.0))
        one.add(gone, 1)
        one.hidden += gone.hidden
        for callee, call in gone.callees.items():
            one.call(callee, call, 1)
    for caller in functions.values():
        if (renamed := caller.callees.pop(code, None)) is not None:
            renamed.inlinetime = renamed.totaltime * gone.inlinetime / gone.totaltime if gone.totaltime else 0.0
            caller.call(name, renamed, 1)


def _whole(functions: Mapping[Function, OwnedEntry]) -> Iterator[OwnedEntry]:
    """Yield the functions with whole numbers of calls, without those that are left without a call."""
    for one in functions.values():
        one.callcount = round(one.callcount)
        for callee, call in list(one.callees.items()):
            call.callcount = round(call.callcount)
            if not call.callcount:
                del one.callees[callee]
        if one.callcount:
            yield one
