"""The distribution of a load's latencies in ms, as HdrHistogram and wrk2 write it and its plotters read it (.hgrm)."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.report.printable import printable


def render(result: RunResult) -> str:
    """Return the distributions of all loads of a session; if there are several, each below its name.

    A plotter takes a file with one load.
    """
    loads = [(one.id, one.load) for one in result.measurements if one.load is not None]
    parts = ["\n".join(_lines(load)) for _, load in loads]
    if len(parts) > 1:
        parts = [
            f"#[Load = {printable(name, unicode=True)}]\n{part}" for (name, _), part in zip(loads, parts, strict=True)
        ]
    return "\n".join([*parts, ""])


def _lines(load: LoadFacts) -> Iterator[str]:
    yield f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}"
    yield ""
    for row in load.quantiles:
        start = f"{_ms(row.value_ns):12.3f} {row.share:2.12f} {row.up_to:10d}"
        yield start if row.share == 1 else f"{start} {1 / (1 - row.share):14.2f}"
    most = load.quantiles[-1] if load.quantiles else None
    yield f"#[Mean    = {_ms(load.mean_ns):12.3f}, StdDeviation   = {_ms(load.deviation_ns):12.3f}]"
    yield f"#[Max     = {_ms(most.value_ns if most else 0):12.3f}, Total count    = {most.up_to if most else 0:12d}]"
    yield f"#[Buckets = {27:12d}, SubBuckets     = {2048:12d}]"


def _ms(value_ns: float) -> float:
    return value_ns / NS_PER["ms"]
