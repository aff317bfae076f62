"""Canaries: fixed work that feels the same weather as the measured code.

Weather is the effect of other tenants on the machine: on a shared core all work that is bound to the interpreter, to
allocation or to the caches takes up to half as long again, for milliseconds to minutes. Readings of the canaries just
before and just after a block of rounds show the weather in which the rounds ran.
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


# Bound at import: a test may replace json.loads, and the canaries are read while the test runs.
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
"""The canaries, in the order of every reading; each takes some 25 to 40 us.

They were chosen on 40 recorded runs of 31 workloads: these three canaries reduce the error of five runs against ten
from 13 % to 1.4 % (median over workloads). A loop of the interpreter, sorting, a walk through memory or a system call
as a further canary gained nothing, and a single canary did worse. A change to the canaries needs a new number of the
baseline's schema, because the stored weights belong to these canaries.
"""


def read_canaries(clock: Clock) -> Canaries:
    """Return the median time of each canary, in ns.

    The first call of each canary is not counted, because its time depends on what the rounds left in the caches.
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
