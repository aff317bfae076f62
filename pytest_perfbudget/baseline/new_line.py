"""The line of the baseline for fresh runs of a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_perfbudget.baseline.schema import Key, Line
from pytest_perfbudget.core.calm_spans import calm_batch
from pytest_perfbudget.core.calm_times import quantiles_of
from pytest_perfbudget.core.metrics import counts
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import FEWEST_RUNS, fit
from pytest_perfbudget.core.spans.reference import reference_of
from pytest_perfbudget.core.weather import BlockTime, Canaries


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of new numbers."""

    commit: str
    date: str
    reason: str = ""
    code: str = ""


def measured(key: Key, runs: Sequence[Recording], calm_ns: Canaries, provenance: Provenance) -> Line:
    """Return the line for fresh runs of one measurement.

    The counts of the line are the worst in any run: counts depend on the hash seed, and the higher cost of one seed is
    not a growth over another seed.
    """
    one_cpu = _is_on_one_cpu(runs)
    timed = timed_blocks(runs, one_cpu=one_cpu)
    time = fit(timed, calm_ns) if len(timed) >= FEWEST_RUNS else None
    worst: dict[str, int] = {}
    for metric in counts():
        found = [run.counts[metric.name] for run in runs if metric.name in run.counts]
        if found:
            count = min(found) if metric.is_worse(0, 1) else max(found)
            if count <= metric.most_compared:
                worst[metric.name] = count
    # A digest that differs from run to run is of random parameters, and tells nothing.
    digests = {run.parameters for run in runs}
    parameters = digests.pop() if len(digests) == 1 else ""
    kind = runs[0].kind if runs and not key.name else ""
    batches = [batch for run in runs if time is not None and (batch := calm_batch(run, time)) is not None]
    return Line(
        key,
        time,
        worst,
        provenance.commit,
        provenance.date,
        code=provenance.code,
        parameters=parameters,
        load=runs[0].load if runs else "",
        kind=kind,
        spans=reference_of(batches),
        quantiles=quantiles_of(runs, time) if time is not None else None,
        one_cpu=one_cpu and time is not None,
    )


def _is_on_one_cpu(runs: Sequence[Recording]) -> bool:
    """Return whether most runs were timed on one CPU."""
    timed = [run.one_cpu for run in runs if run.blocks]
    return 2 * sum(timed) > len(timed)


def timed_blocks(runs: Sequence[Recording], *, one_cpu: bool) -> list[Sequence[BlockTime]]:
    """Return the blocks of the runs on one CPU, or of the other runs.

    On a busy machine the threads of a run may be taken for the other kind; such a run is not like the others.
    """
    return [run.blocks for run in runs if run.blocks and run.one_cpu == one_cpu]
