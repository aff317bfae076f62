"""The assignment of a test's measurements to the other side's by their names, where the names come from functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping


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


def reordered(here: Mapping[str, str], there: Mapping[str, str]) -> Collection[str]:
    """Return the names of calls that have changed places: `work` is now the function that was `work#2`.

    Args:
        here: by name that this side took from a function, the qualified name of the function.
        there: likewise of the other side.
    """
    return {
        name
        for name, function in here.items()
        if there.get(name, function) != function
        and any(other == function and _function(one) == _function(name) for one, other in there.items())
    }


def _function(name: str) -> str:
    return re.sub(r"#\d+$", "", name)
