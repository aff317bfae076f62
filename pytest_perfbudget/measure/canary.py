"""Canaries: fixed work that feels the same weather as the measured code.

Weather is what other tenants of the machine do to it: on a shared core everything that is bound to
the interpreter, to allocation or to the caches takes up to half as long again, for milliseconds to
minutes. A reading of the canaries just before a block of rounds tells in which of it they ran.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from pytest_perfbudget.core.weather import Canaries
from pytest_perfbudget.measure.clock import Clock

_READINGS = 5


_DOCUMENT: Final = json.dumps(
    [{"id": at, "name": f"user{at}", "tags": [at / 7, at / 11, at / 13, at / 17]} for at in range(25)]
)


# Bound now: a test may put something else in the place of json.loads, and canaries are read while it runs.
_decode = json.JSONDecoder().decode


def _parse() -> object:
    return _decode(_DOCUMENT)


class _Node:
    __slots__ = ("left", "right")

    def __init__(self, depth: int) -> None:
        self.left = _Node(depth - 1) if depth else None
        self.right = _Node(depth - 1) if depth else None


def _allocate() -> object:
    return _Node(6)


def _write() -> object:
    return "".join([str(number) for number in range(500)])


CANARIES: Final[dict[str, Callable[[], object]]] = {"parse": _parse, "allocate": _allocate, "write": _write}
"""Each some 25 to 40 us; their order is that of every reading.

Chosen on 40 recorded runs of 31 workloads: these three bring the error of five runs against ten from
13 % to 1.4 % (median over workloads). A loop of the interpreter, sorting, a walk through memory or a
system call beside them gained nothing, and one alone did worse. A change to them is a new number of
the baseline's schema, for stored weights are theirs.
"""


def read_canaries(clock: Clock) -> Canaries:
    """Return the median time of each canary, in ns.

    The first call of each is not counted: it pays for what the rounds left in the caches.
    """
    found = []
    wall = clock.wall_ns
    for canary in CANARIES.values():
        canary()
        times = []
        for _ in range(_READINGS):
            start = wall()
            canary()
            times.append(wall() - start)
        times.sort()
        found.append(float(max(times[_READINGS // 2], 1)))
    return tuple(found)
