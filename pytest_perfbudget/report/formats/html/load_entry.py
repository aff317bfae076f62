"""The part of an entry about a load: its numbers, its steps, and its errors over time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.report.formats.html.load_charts import load_charts
from pytest_perfbudget.report.numbers import counted, quantity

_STEP_COLUMNS: Final = ("median", "p95", "p99", "max")


def load_entry(measurement: Measurement) -> dict[str, Any] | None:
    """Return the part about a load; None for other measurements."""
    load = measurement.load
    if load is None:
        return None
    length_ns = max([load.elapsed_ns, *(one.last_ns for one in measurement.errors), 1])
    return {
        "facts": list(_facts(load)),
        "over_time": load_charts(measurement),
        "errors": [_error(one, length_ns) for one in measurement.errors],
        "length": quantity(length_ns, "ns"),
        "columns": [*_STEP_COLUMNS],
        "steps": [
            [name, *(quantity(found[one], "ns") if one in found else "" for one in _STEP_COLUMNS)]
            for name, found in load.steps.items()
        ],
    }


def _facts(load: LoadFacts) -> Iterator[tuple[str, str]]:
    yield "load", load.parameters
    if load.users:
        yield "users", f"{load.users:,}"
    yield "requests", f"{load.requests:,} in {quantity(load.elapsed_ns, 'ns')}"
    yield "rate", f"{quantity(load.rps, 'rps')} successful"
    share = 100 * load.failures / load.requests if load.requests else 0.0
    yield "errors", f"{load.failures:,} ({quantity(share, '%')})" if load.failures else "none"
    yield "latency", f"mean {quantity(load.mean_ns, 'ns')}, standard deviation {quantity(load.deviation_ns, 'ns')}"
    late = quantity(load.lateness_p99_ns, "ns")
    yield "generator", f"late by more than {late} for 1 % of the requests; used {load.generator_cpu:.0%} of a CPU"
    if load.ended_early:
        yield "ended early", load.ended_early


def _error(group: ErrorGroup, length_ns: int) -> dict[str, Any]:
    first, last = (quantity(at_ns, "ns") for at_ns in (group.first_ns, group.last_ns))
    return {
        "title": f"{group.kind}: {group.message}" if group.message else group.kind,
        "count": counted(group.count, "error"),
        "when": f"at {first}" if group.count == 1 else f"{first} .. {last}",
        "from": round(group.first_ns / length_ns, 4),
        "to": round(group.last_ns / length_ns, 4),
        "traceback": group.traceback,
    }
