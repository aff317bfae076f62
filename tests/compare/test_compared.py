"""The parts of both sides' recordings that a measurement keeps for reports."""

from __future__ import annotations

from dataclasses import replace

import pytest
from comparing import measurement, recording

from pytest_perfbudget.compare.compared import compared
from pytest_perfbudget.compare.evidence import CalledFunctions, Evidence, Sides
from pytest_perfbudget.core.call_graph import CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.cost_graph import CostGraph, FunctionCost
from pytest_perfbudget.core.limits import RegressionTolerance
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.own_costs import OwnCosts
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.round_times import RoundTimes

ALPHA = 0.01
REGRESSED, UNCHANGED = RegressionVerdict.REGRESSED, RegressionVerdict.UNCHANGED


def graph(time_ns: float) -> CallGraph:
    return CallGraph.of([CallEdge("", "shop:work", 1, time_ns)])


def recorded(time_ns: float | None) -> Recording:
    found = recording()
    return found if time_ns is None else replace(found, graph=graph(time_ns), rounds=RoundTimes.of([time_ns]))


def settled(
    verdict: RegressionVerdict, *attempts: tuple[float | None, float | None], own: CallGraphs | None = None
) -> Measurement:
    """Return a measurement after its comparison, of whose attempts the times of head and base are given."""
    first, *fresh = [Sides(recorded(head), recorded(base)) for head, base in attempts]
    time = RegressionResult("time", verdict, before=1e6, after=2e6, ratio=2.0)
    return compared(
        replace(measurement(recorded(1.0)), call_graphs=own),
        Evidence(time, RegressionTolerance(0.05, "here"), first, fresh),
        ALPHA,
    )


def test_a_regression_keeps_the_graphs_of_a_typical_attempt() -> None:
    found = settled(REGRESSED, (20, 10), (90, 10), (31, 11))
    assert found.call_graphs == CallGraphs(graph(31), graph(11))
    assert found.recording is None


def test_without_a_graph_of_the_base_a_regression_keeps_that_of_the_head() -> None:
    assert settled(REGRESSED, (20, None), (30, None)).call_graphs == CallGraphs(graph(30))
    own = CallGraphs(graph(7))
    assert settled(REGRESSED, (None, None), own=own).call_graphs == own


def test_a_base_that_keeps_costs_has_the_own_costs_of_both_sides() -> None:
    """A baseline file has the costs of functions and no profiled call."""
    costs = CostGraph({"": FunctionCost(1, 0, {"shop:work": 1}), "shop:work": FunctionCost(1, 10)})
    slower = costs.times(3)
    sides = Sides(replace(recorded(30), costs=slower), recorded(None))
    time = RegressionResult("time", REGRESSED, before=1e6, after=2e6, ratio=2.0, weather=1.5)

    def settled_with(kept: CostGraph | None) -> CallGraphs | None:
        calls = CalledFunctions({"shop:work": 1}, costs=kept)
        evidence = Evidence(time, RegressionTolerance(0.05, "here"), sides, base_functions=lambda: calls)
        return compared(measurement(recorded(1.0)), evidence, ALPHA).call_graphs

    found = settled_with(costs)
    assert found is not None
    assert (found.head, found.base) == (graph(30), None)
    assert found.own_costs == OwnCosts({"shop:work": 30}, {"shop:work": 15})  # the base in the weather of now
    assert CallGraphs.from_dict(found.to_dict()) == found
    assert settled_with(None) == CallGraphs(graph(30))


def test_unchanged_code_keeps_the_profile_of_an_exceeded_budget_only() -> None:
    assert settled(UNCHANGED, (20, 10)).call_graphs is None
    own = CallGraphs(graph(7))
    assert settled(UNCHANGED, (20, 10), own=own).call_graphs == own


def test_the_times_of_both_sides_are_kept_whatever_the_verdict() -> None:
    found = settled(UNCHANGED, (20, 10), (22, None), (24, 12)).side_times
    assert found is not None
    assert (found.head.times_ns(), found.base.times_ns()) == ([20, 24], [10, 12])


def test_a_measurement_that_is_not_compared_keeps_nothing() -> None:
    found = compared(measurement(recorded(5.0)), None, ALPHA)
    assert (found.changes, found.recording, found.side_times) == ([], None, None)


@pytest.mark.parametrize("time_ns", [None, 5.0])
def test_a_recording_crosses_a_process_boundary(time_ns: float | None) -> None:
    found = Recording.from_dict(recorded(time_ns).to_dict())
    assert (found.graph, found.rounds) == (recorded(time_ns).graph, recorded(time_ns).rounds)
