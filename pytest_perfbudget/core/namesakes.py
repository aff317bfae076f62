"""The assignment of a test's measurements to the other side's by their names, where the names come from functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

ARGUMENT: Final = "="
"""The first character of the digest of an argument."""


def ambiguous(here: Collection[str], there: Collection[str]) -> Mapping[str, tuple[int, int]]:
    """Return the names of calls of which nobody knows which belongs to which.

    A test that measures a function several times numbers the calls: `work`, `work#2`. If the other side's test measures
    the function another number of times, equal numbers need not be the same call.

    Args:
        here: the names that this side took from functions.
        there: the names of the other side.

    Returns:
        By name, how often each side measures the function: this side and the other.
    """
    numbers_here, numbers_there = (Counter(map(_function, names)) for names in (here, there))
    return {
        name: (numbers_here[function], numbers_there[function])
        for name in {*here, *there}
        if (function := _function(name)) in numbers_here
        and numbers_there[function]
        and numbers_here[function] != numbers_there[function]
    }


def reordered(here: Mapping[str, Sequence[str]], there: Mapping[str, Sequence[str]]) -> Collection[str]:
    """Return the names of calls that have changed places: `work` is now the call that was `work#2`.

    Args:
        here: by name that this side took from a function, what tells the calls apart: the qualified name of the
            function, and then digests of its code, of the values that belong to it, and of arguments (`ARGUMENT`).
        there: likewise of the other side.
    """
    return {
        name
        for _, own, other in _columns(here, there)
        for name in own
        if own[name] != other[name] and _is_elsewhere(name, own, other)
    }


def unclear(here: Mapping[str, Sequence[str]], there: Mapping[str, Sequence[str]]) -> Collection[str]:
    """Return the names of calls that only values tell apart that differ on the other side for several of the calls.

    A single call that differs is the call that is left over. Arguments may be random, so they do not count here.

    Args:
        here: see `reordered`.
        there: see `reordered`.
    """
    found: dict[str, None] = {}
    clear: set[str] = set()
    for is_value, own, other in _columns(here, there):
        differing = [name for name in own if own[name] != other[name]]
        if not differing and len(set(own.values())) == len(own):
            clear |= set(own)
        unknown = [name for name in differing if not _is_elsewhere(name, own, other)]
        if is_value and len(unknown) > 1:
            found |= dict.fromkeys(unknown)
    return [name for name in found if name not in clear]


def _columns(
    here: Mapping[str, Sequence[str]], there: Mapping[str, Sequence[str]]
) -> Iterator[tuple[bool, Mapping[str, str], Mapping[str, str]]]:
    """Yield what may tell apart calls of one name, each with whether it is a value other than arguments.

    Calls of functions with different qualified names are told apart by these, and their values do not matter.
    """
    calls: dict[str, list[str]] = {}
    for name in here:
        if name in there:
            calls.setdefault(_function(name), []).append(name)
    for names in calls.values():
        yield False, _column(here, names, 0), _column(there, names, 0)
        alike: dict[str, list[str]] = {}
        for name in names:
            if here[name][0] == there[name][0]:
                alike.setdefault(here[name][0], []).append(name)
        for group in alike.values():
            for at in range(1, max(len(one[name]) for one in (here, there) for name in group)):
                own, other = _column(here, group, at), _column(there, group, at)
                if len({*own.values()}) > 1 or len({*other.values()}) > 1:
                    is_value = not any(one.startswith(ARGUMENT) for one in (*own.values(), *other.values()))
                    yield is_value, own, other


def _is_elsewhere(name: str, own: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether the call of a side stands under another name on the other side."""
    return own[name] in other.values() or other[name] in own.values()


def _column(calls: Mapping[str, Sequence[str]], names: Sequence[str], at: int) -> Mapping[str, str]:
    return {name: calls[name][at] if at < len(calls[name]) else "" for name in names}


def _function(name: str) -> str:
    return re.sub(r"#\d+$", "", name)
