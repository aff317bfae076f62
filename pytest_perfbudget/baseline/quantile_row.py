"""The distribution in a line of the baseline: `{"rounds": 4000, "ns": [...]}`.

The list has the time of a call in calm weather for each share of `core.calm_quantiles.SHARES`, in ascending order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_perfbudget.core.calm_quantiles import FEWEST_ROUNDS, SHARES, CalmQuantiles

WANTED: Final = f"an object with rounds, and with ns: {len(SHARES)} numbers in ascending order"

_DIGITS: Final = 4
_MOST: Final = 10**18


def to_row(quantiles: CalmQuantiles) -> dict[str, Any]:
    """Return quantiles as builtins, with so few digits that a line stays short."""
    return {"rounds": quantiles.rounds, "ns": [_short(one) for one in quantiles.times_ns]}


def from_row(row: Mapping[str, Any]) -> CalmQuantiles:
    """Rebuild the quantiles from a row for which `is_row` holds."""
    return CalmQuantiles(row["rounds"], tuple(map(float, row["ns"])))


def is_row(value: object) -> bool:
    """Return whether a value is the row of some quantiles."""
    if not isinstance(value, dict) or value.keys() != {"rounds", "ns"}:
        return False
    rounds, times_ns = value["rounds"], value["ns"]
    if type(rounds) is not int or not FEWEST_ROUNDS <= rounds <= _MOST:
        return False
    if not isinstance(times_ns, list) or len(times_ns) != len(SHARES):
        return False
    return all(type(one) in (int, float) and 0 <= one <= _MOST for one in times_ns) and times_ns == sorted(times_ns)


def _short(value: float) -> float:
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() else short
