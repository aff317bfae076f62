"""Measurements with the results of their comparison, and with the parts of both sides' recordings that reports show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_perfbudget.compare.evidence import Evidence, Sides
from pytest_perfbudget.compare.load_errors import with_load_errors
from pytest_perfbudget.core.base_policy import loosened_at_run_time
from pytest_perfbudget.core.call_graph import CallGraphs
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.side_times import SideTimes


def compared(measurement: Measurement, evidence: Evidence | None, alpha: float) -> Measurement:
    """Return a measurement with its results and without its recording.

    Args:
        measurement: the measurement.
        evidence: of its comparison; None if it is not compared.
        alpha: the probability of a false `exceeded` of a limit on the errors of a load.
    """
    if evidence is None:
        return replace(measurement, changes=[], recording=None)
    measurement = with_load_errors(measurement, evidence, alpha)
    results = evidence.results()
    graphs = measurement.call_graphs
    if any(one.verdict is RegressionVerdict.REGRESSED for one in results):
        graphs = call_graphs(evidence.attempts) or graphs
        if graphs is not None and graphs.base is None:
            graphs = replace(graphs, own_costs=evidence.own_costs())
    sides = evidence.attempts[:1]
    late = [
        limit for one in sides for limit in loosened_at_run_time(one.head.limits, one.base.limits, measurement.loosened)
    ]
    return replace(
        measurement,
        loosened=[*measurement.loosened, *late],
        changes=results,
        recording=None,
        call_graphs=graphs,
        side_times=_side_times(evidence.attempts),
    )


def call_graphs(attempts: Sequence[Sides]) -> CallGraphs | None:
    """Return the call graphs of an attempt whose slowdown is typical; without a graph of the base, a graph of the head.

    Args:
        attempts: the first attempt and those in fresh processes.
    """
    both = [CallGraphs.of(one.head.graph, one.base.graph) for one in attempts if one.head.graph and one.base.graph]
    both.sort(key=lambda one: one.head.total_ns - (one.base.total_ns if one.base is not None else 0.0))
    if both:
        return both[len(both) // 2]
    heads = [CallGraphs.of(one.head.graph) for one in attempts if one.head.graph]
    return heads[-1] if heads else None


def _side_times(attempts: Sequence[Sides]) -> SideTimes | None:
    """Return the times of both sides, from the attempts in which both were timed."""
    both = [(one.head.rounds, one.base.rounds) for one in attempts]
    kept = [(head, base) for head, base in both if head is not None and base is not None]
    return SideTimes.of((head for head, _ in kept), (base for _, base in kept))
