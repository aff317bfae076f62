"""The spans of a line of the baseline: `{"runs": 10, "total": [...], "names": {"db.query": [...], "": [...]}}`.

A list has the self time in ns, its standard deviation between runs, the number of spans, and the CPU time in ns. A CPU
time that is not known is null. A part that waits also has a list of the times of its waiting by cause, in the order of
`core.spans.causes`, if the causes are known. The empty name stands for the time without any span.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.reference import LITTLE_WAITING, MOST_STORED, SpanMean, SpanReference

WANTED: Final = "an object with runs, total, and names"

_NUMBERS: Final = 4
_WAITS: Final = len(tuple(Causes())) - 1
_DIGITS: Final = 4
_MOST: Final = 10**18
_MOST_RUNS: Final = 1000
_MOST_NAMES: Final = MOST_STORED + 2  # the others together, and the time without any span


def to_row(spans: SpanReference) -> dict[str, Any]:
    """Return the spans of a line as builtins, with few digits: a component is worth no more."""
    names = {name: _to_list(part) for name, part in spans.parts.items()}
    return {"runs": spans.runs, "total": _to_list(spans.total), "names": names}


def from_row(row: Mapping[str, Any]) -> SpanReference:
    """Rebuild the spans from a row for which `is_row` holds."""
    names = {name: _from_list(part) for name, part in row["names"].items()}
    return SpanReference(row["runs"], _from_list(row["total"]), names)


def is_row(value: object) -> bool:
    """Return whether a value is the row of some spans."""
    if not isinstance(value, dict) or value.keys() != {"runs", "total", "names"}:
        return False
    names = value["names"]
    if not isinstance(names, dict) or not 0 < len(names) <= _MOST_NAMES:
        return False
    has_runs = type(value["runs"]) is int and 2 <= value["runs"] <= _MOST_RUNS
    return has_runs and all(map(_is_list, (value["total"], *names.values())))


def _is_list(value: object) -> bool:
    if not isinstance(value, list) or len(value) not in (_NUMBERS, _NUMBERS + 1):
        return False
    if not all(_is_number(one) for one in value[:3]) or not (value[3] is None or _is_number(value[3])):
        return False
    return len(value) == _NUMBERS or (value[3] is not None and _are_waits(value[_NUMBERS]))


def _are_waits(value: object) -> bool:
    return isinstance(value, list) and len(value) == _WAITS and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= _MOST  # type: ignore[operator]


def _to_list(part: SpanMean) -> list[Any]:
    numbers = (part.self_ns, part.spread_ns, part.count, part.cpu_ns)
    found: list[Any] = [None if one is None else _short(max(one, 0.0)) for one in numbers]
    if part.cpu_ns is not None and part.causes is not None:
        _, *waits = part.causes
        if sum(waits) > LITTLE_WAITING * part.self_ns:
            found.append([_short(max(one, 0.0)) for one in waits])
    return found


def _from_list(part: Sequence[Any]) -> SpanMean:
    self_ns, spread_ns, count, cpu_ns, *waits = part
    causes = Causes(cpu_ns, *waits[0]) if waits else None
    return SpanMean(self_ns, spread_ns, count, cpu_ns, causes)


def _short(value: float) -> float:
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() else short
