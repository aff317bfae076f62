"""The own costs of functions on both sides, where the other side keeps costs and no profiled call, as a baseline does.

Costs say how long a function takes by itself, and not in which of its callers, so they make no tree of calls.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph


@dataclass(frozen=True, slots=True)
class OwnCosts:
    """The time of each function of the project in one execution, without the functions of the project that it calls.

    The profiler's own time is taken off, and the libraries that a function calls are part of the function.

    Attributes:
        head: the times now, in ns, by the name of the function.
        base: the times on the other side.
    """

    head: Mapping[str, float]
    base: Mapping[str, float]

    @classmethod
    def of(cls, head: CostGraph, base: CostGraph, counted: Container[str]) -> OwnCosts:
        """Return the own costs of two graphs.

        The base's costs may have been cut: its cheapest functions are written into their callers. So are these
        functions of the head, or else they would seem to be new, and their callers to be faster.

        Args:
            head: the costs of one execution now.
            base: the costs of one execution on the other side.
            counted: the functions that the other side calls, also those that its costs do not have.
        """
        for name in [one for one in head.functions if one not in base.functions and one != OUTSIDE and one in counted]:
            head = head.without(name)
        return cls(_own_ns(head), _own_ns(base))

    def to_dict(self) -> dict[str, Any]:
        """Return the costs as builtins."""
        return {"head": dict(self.head), "base": dict(self.base)}


def _own_ns(costs: CostGraph) -> dict[str, float]:
    return {name: one.own_ns for name, one in costs.functions.items() if name != OUTSIDE}
