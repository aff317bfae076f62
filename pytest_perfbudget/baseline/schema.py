"""The lines of the baseline file, schema `perfbudget-baseline/1`: what they hold, and values to text.

    {
    "schema": "perfbudget-baseline/1",
    "machines": {
    "5f2c91ab": {"cpu": "...", "architecture": "x86_64", "system": "Linux", "python": "CPython 3.11"}
    },
    "measurements": [
    {"test": "tests/test_api.py::test_login", "name": "", "machine": "5f2c91ab", ...}
    ]
    }

One line per measurement and machine, sorted, so that git merges and shows what changed. A line holds
`calls` and `peak` (bytes) of one execution, `time` (below), and from where it is: `commit`, `date`
and, for an accepted slowdown, `reason`. `time` has the fields of `core.regression.Reference`; with
`time_ns` and `spread` only, it comes from elsewhere and is not corrected for weather.

History of the format: 1, canaries parse, allocate, write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pytest_perfbudget.baseline.machine import Machine
from pytest_perfbudget.core.reference import Reference

NAME: Final = "perfbudget-baseline"
VERSION: Final = 1
CANARIES: Final = 3

_DIGITS = 5


class Key(NamedTuple):
    """Which measurement of which test, on which machine."""

    test: str
    name: str
    machine: str


@dataclass(frozen=True, slots=True)
class Line:
    """What the baseline knows of one measurement on one machine.

    Attributes:
        key: which it is.
        time: its time; None if it was not timed.
        calls: the most function calls of one execution that a run saw; None if not counted.
        peak: the same of bytes held at once.
        commit: the commit it was measured at, shortened; empty outside git.
        date: the day, `2026-11-20`.
        reason: why it was allowed to get slower.
    """

    key: Key
    time: Reference | None = None
    calls: int | None = None
    peak: int | None = None
    commit: str = ""
    date: str = ""
    reason: str = ""

    @property
    def is_corrected(self) -> bool:
        """Whether the time was freed from the weather, as ours are and imported ones are not."""
        return self.time is not None and bool(self.time.weights)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The file's content."""

    machines: Mapping[str, Machine] = field(default_factory=dict)
    lines: Mapping[Key, Line] = field(default_factory=dict)


def render(baseline: Baseline) -> str:
    """Return the text of the file; the same content gives the same text."""
    used = {key.machine for key in baseline.lines}
    machines = [
        f"{json.dumps(key)}: {json.dumps(machine.to_dict(), ensure_ascii=False)}"
        for key, machine in sorted(baseline.machines.items())
        if key in used
    ]
    lines = [json.dumps(_to_dict(line), ensure_ascii=False) for _, line in sorted(baseline.lines.items())]
    return "\n".join(
        [
            "{",
            f'"schema": "{NAME}/{VERSION}",',
            *_block('"machines": {', machines, "},"),
            *_block('"measurements": [', lines, "]"),
            "}",
            "",
        ]
    )


def _block(opening: str, rows: list[str], closing: str) -> Iterable[str]:
    yield opening
    for at, row in enumerate(rows, start=1):
        yield row + ("," if at < len(rows) else "")
    yield closing


def _to_dict(line: Line) -> dict[str, Any]:
    data: dict[str, Any] = line.key._asdict()
    if line.time is not None:
        data["time"] = _time_to_dict(line.time)
    data |= {"calls": line.calls, "peak": line.peak, "commit": line.commit, "date": line.date, "reason": line.reason}
    return {key: value for key, value in data.items() if value not in (None, "")}


def _time_to_dict(time: Reference) -> dict[str, Any]:
    if not time.weights:
        return {"time_ns": _short(time.time_ns), "spread": _short(time.spread)}
    return {
        "time_ns": _short(time.time_ns),
        "spread": round(time.spread, 5),
        "runs": time.runs,
        "blocks": time.blocks,
        "precision": round(time.precision, 2),
        "weather": round(time.weather, 4),
        "slope_error": round(time.slope_error, 4),
        "weights": [round(part, 3) for part in time.weights],
        "calm_ns": [round(part) for part in time.calm_ns],
    }


def _short(value: float) -> float:
    """Return a number with as many digits as it can be worth."""
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() else short
