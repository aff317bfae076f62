"""The schema `perfbudget-baseline/1`: the content of the baseline file, and its conversion to text.

    {
    "schema": "perfbudget-baseline/1",
    "machines": {
    "5f2c91ab": {"cpu": "...", "architecture": "x86_64", "system": "Linux", "python": "CPython 3.11"}
    },
    "measurements": [
    {"test": "tests/test_api.py::test_login", "name": "", "machine": "5f2c91ab", ...}
    ]
    }

The file has one line per measurement and machine, sorted, so that git can merge the file and show what changed. A line
holds `calls` and `peak` (bytes) of one execution, `time` (see below), and its origin: `commit`, `code`, `date` and, for
an accepted slowdown, `reason`. `parameters` is a digest of the test's parameters, `load` has the
parameters of a load, `kind` the kind of a measurement without a name of its own, `spans` the self times of the
measurement's components, in calm weather (`baseline.span_row`), `quantiles` the distribution of the rounds, in calm
weather (`baseline.quantile_row`), `one_cpu` whether the time was taken on one CPU, because the threads of the code take
turns (`measure.one_cpu`). `time` has the fields of `core.reference.Reference`. A `time` with `time_ns` and
`spread` only comes from elsewhere and is not corrected for weather. `code`, `spans`, `quantiles` and `one_cpu` may be
absent.

The history of the schema: version 1 has the canaries parse, allocate, write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pytest_perfbudget.baseline import quantile_row, span_row
from pytest_perfbudget.baseline.machine import Machine
from pytest_perfbudget.core.calm_quantiles import CalmQuantiles
from pytest_perfbudget.core.metrics import counts
from pytest_perfbudget.core.reference import Reference
from pytest_perfbudget.core.spans.reference import SpanReference

NAME: Final = "perfbudget-baseline"
VERSION: Final = 1
CANARIES: Final = 3

_DIGITS = 5


class Key(NamedTuple):
    """The key of a line: a test, the name of a measurement, and the key of a machine."""

    test: str
    name: str
    machine: str


@dataclass(frozen=True, slots=True)
class Line:
    """The baseline's numbers for one measurement on one machine.

    Attributes:
        key: the measurement and the machine.
        time: the time; None if the measurement was not timed.
        counts: the worst count of one execution in any run, by metric: `calls`, `peak` (bytes).
        commit: the abbreviated commit at which the numbers were measured; empty outside git.
        code: the digest of the code (`baseline.code_digest`); empty outside git, or if an older version made the line.
        date: the day of the measurement, such as `2026-11-20`.
        reason: the reason why a slowdown was accepted; empty if no slowdown was accepted.
        parameters: a digest of the parameters of the test; empty if the test has none or the digest is not known.
        load: the parameters of a load; empty for other measurements.
        kind: the name of the measurement's kind; empty if it is not known.
        spans: the spans of an execution in calm weather; None if there are none, or an older version made the line.
        quantiles: the quantiles of the rounds in calm weather; None if there are none, or an older version made the
            line.
        one_cpu: whether the time was taken on one CPU, because the threads take turns.
    """

    key: Key
    time: Reference | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    commit: str = ""
    code: str = field(default="", kw_only=True)
    date: str = ""
    reason: str = ""
    parameters: str = ""
    load: str = ""
    kind: str = ""
    spans: SpanReference | None = None
    quantiles: CalmQuantiles | None = None
    one_cpu: bool = False

    @property
    def is_corrected(self) -> bool:
        """Whether the time is corrected for the weather, as measured times are and imported times are not."""
        return self.time is not None and bool(self.time.weights)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The content of the file."""

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
    data |= {**_in_order(line.counts), "commit": line.commit, "code": line.code, "date": line.date}
    data |= {"reason": line.reason, "parameters": line.parameters, "load": line.load, "kind": line.kind}
    if line.spans is not None:
        data["spans"] = span_row.to_row(line.spans)
    if line.quantiles is not None:
        data["quantiles"] = quantile_row.to_row(line.quantiles)
    if line.one_cpu:
        data["one_cpu"] = True
    return {key: value for key, value in data.items() if value not in (None, "")}


def _in_order(counted: Mapping[str, int]) -> dict[str, int]:
    return {metric.name: counted[metric.name] for metric in counts() if metric.name in counted}


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
    """Return a number rounded to `_DIGITS` significant digits: a measurement is worth no more."""
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() else short
