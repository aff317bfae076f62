"""The costs of functions in the baseline's file of call profiles: a few hundred characters for each measurement.

A function is named once: by its place among the functions whose calls are counted, or by its name. Times are in us. The
cheapest functions are written into their callers until the text is short enough.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost

MOST_BYTES: Final = 2000
"""The size of the costs of a measurement in the file."""

_LEAST_OF_OWN: Final = 0.05
"""The smallest share of a function's own time with which a library function is kept."""

_Reference = int | str


def to_row(costs: CostGraph, counted: Sequence[str]) -> list[list[Any]]:
    """Return the costs as a list of functions, each a list: function, calls, time, calls of others, libraries, code.

    Args:
        costs: the costs of one execution.
        counted: the names of the functions whose calls are counted, in their order.
    """
    places = {name: place for place, name in enumerate(counted)}
    while True:
        row = [_function(name, one, places) for name, one in costs.functions.items()]
        names = [name for name in costs.functions if name != OUTSIDE]
        if len(json.dumps(row, ensure_ascii=False).encode()) <= MOST_BYTES or not names:
            return row
        # An eighth at a time: each text costs as much as the functions that are left.
        for name in sorted(names, key=lambda one: costs.functions[one].own_ns)[: 1 + len(names) // 8]:
            costs = costs.without(name)


def from_row(row: Sequence[Sequence[Any]], counted: Sequence[str]) -> CostGraph:
    """Rebuild costs from the result of `to_row`.

    Raises:
        ValueError: the row is something else; so do TypeError and IndexError.
    """

    def named(reference: object) -> str:
        return counted[reference] if isinstance(reference, int) else str(reference)

    functions = {}
    for reference, calls, own_us, callees, library, *code in row:
        functions[named(reference)] = FunctionCost(
            float(calls),
            1e3 * float(own_us),
            {named(callee): float(number) for callee, number in callees},
            {named(one): LibraryCost(float(number), 1e3 * float(time_us)) for one, number, time_us in library},
            str(code[0]) if code else "",
        )
        if not calls > 0:
            message = f"{reference} has no calls"
            raise ValueError(message)
    return CostGraph(functions)


def _function(name: str, one: FunctionCost, places: Mapping[str, int]) -> list[Any]:
    def reference(function: str) -> _Reference:
        return places.get(function, function)

    library = [
        [reference(callee), _short(cost.calls), _short(cost.time_ns / 1e3)]
        for callee, cost in one.library.items()
        if cost.time_ns >= _LEAST_OF_OWN * one.own_ns > 0
    ]
    callees = [[reference(callee), _short(calls)] for callee, calls in one.callees.items()]
    code = [one.code] if one.code else []
    return [reference(name), _short(one.calls), _short(one.own_ns / 1e3), callees, library, *code]


def _short(number: float) -> float:
    """Return a number of at most four digits, or a whole number as it is."""
    return int(number) if number == int(number) else float(f"{number:.4g}")
