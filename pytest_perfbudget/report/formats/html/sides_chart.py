"""The chart of both sides of a comparison: the quantiles of the head over those of the base."""

from __future__ import annotations

from typing import Any

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.side_times import SideTimes
from pytest_perfbudget.report.formats.html.charts import Point, quantile_curve, vertical
from pytest_perfbudget.report.modes import modes_text
from pytest_perfbudget.report.numbers import quantity, tolerance_text
from pytest_perfbudget.report.regressions import side_name

_FEWEST = 5


def sides_chart(measurement: Measurement) -> dict[str, Any] | None:
    """Return the quantiles of both sides, with the limit of the change; None if a side has too few rounds."""
    sides = measurement.side_times
    if sides is None:
        return None
    head, base = _curve(sides.head), _base_curve(sides)
    if not (head and base):
        return None
    noun = measurement.kind.sample
    timed = [one for one in measurement.changes if one.metric == TIME.name]
    other = next(map(side_name, [*timed, *measurement.changes]), "baseline" if sides.is_calm else "the other side")
    modes = {"head": sides.head} if sides.is_calm else {"head": sides.head, other: sides.base}
    how = "both in calm weather" if sides.is_calm else "measured alike"
    return {
        "source": f"{sides.head_rounds:,} {noun}s of head, {sides.base_rounds:,} of {other}, {how}",
        "shares": [round(share, 5) for share, _ in head],
        "other_shares": [round(share, 5) for share, _ in base],
        "names": ["head", other],
        **vertical([value for _, value in head], _lines(measurement), [value for _, value in base]),
        "modes": [_named(name, modes_text(one, noun)) for name, one in modes.items()],
        "note": f"median {_median(head)}, of {other} {_median(base)}",
    }


def _curve(times: RoundTimes) -> list[Point]:
    ordered = [max(one, 1.0) for one in times.times_ns()]
    return quantile_curve(ordered) if len(ordered) >= _FEWEST else []


def _base_curve(sides: SideTimes) -> list[Point]:
    """Return the curve of the base, of which the baseline has the times at certain shares only."""
    if not sides.is_calm:
        return _curve(sides.base)
    return [(share, max(one, 1.0)) for share, one in zip(sides.base_shares, sides.base.times_ns(), strict=True)]


def _lines(measurement: Measurement) -> list[dict[str, Any]]:
    """Return the line of the time from which on a typical call is slower than the limit allows."""
    found = []
    for change in measurement.changes:
        if change.metric == TIME.name and change.before and change.limit > 0:
            at_ns = change.before * (1 + change.limit)
            label = f"typical call + {tolerance_text(change.limit)}: {quantity(at_ns, 'ns')}"
            found.append({"kind": "limit", "at": at_ns, "share": None, "label": label, "source": change.source})
    return found


def _median(curve: list[Point]) -> str:
    return quantity(next(value for share, value in curve if share >= 0.5), "ns")


def _named(name: str, text: str) -> str:
    return f"{name} has {text}" if text else ""
