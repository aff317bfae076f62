"""The single rounds of a session as CSV: a row for each round that the report keeps, for statistics of one's own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.formats.csv_text import cell_text

COLUMNS: Final = ("test", "name", "side", "round", "calls [per round]", "time [s per round]")
"""The columns. `round` counts all rounds from 1, so a gap shows rounds that the report does not keep."""

_SIDE: Final = "head"
"""The side of every row: a report keeps the rounds of its own session, and only results of the other side."""


def render(result: RunResult) -> str:
    """Return the table.

    Raises:
        ValueError: the rounds of a measurement are damaged.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in result.measurements:
        writer.writerows(_rows(one))
    return text.getvalue()


def _rows(measurement: Measurement) -> Iterator[tuple[object, ...]]:
    times = measurement.times
    if times is None:
        return
    start = cell_text(measurement.nodeid), cell_text(measurement.name), _SIDE
    for at, round_ns in enumerate(times.rounds_ns()):
        # Whole nanoseconds, written without the error of a division.
        seconds, ns = divmod(round_ns, 10**9)
        yield *start, 1 + at * times.every, times.iterations, f"{seconds}.{ns:09d}"
