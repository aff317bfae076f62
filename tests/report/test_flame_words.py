"""The words of a flame graph, and a graph that must not be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from results import change, measurement

from pytest_perfbudget.core.call_graph import CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.own_costs import OwnCosts
from pytest_perfbudget.report.formats.html.flame import flame
from pytest_perfbudget.report.profiles import interrupted_text


def graph(total_ns: float, own_ns: float, overhead_ns: float | None = 0.0) -> CallGraph:
    """Return a graph of an innocent function within another."""
    edges = [CallEdge("", "shop:basket", 1, total_ns), CallEdge("shop:basket", "shop:innocent", 1, own_ns)]
    return CallGraph(edges, overhead_ns)


def slower(head: CallGraph, base: CallGraph) -> Measurement:
    """Return a measurement that takes 1 ms, on the other side 0.8 ms."""
    time = change(before=0.8e6, after=1e6)
    return measurement(time, call_graphs=CallGraphs(head, base), statistics={"median": 1e6})


def shades(found: Measurement) -> list[int]:
    drawn: dict[str, Any] | None = flame(found, None)
    assert drawn is not None
    return [step for _, _, step in drawn["functions"]]


CALM = graph(0.9e6, 0.1e6)


def test_the_function_that_became_slower_has_a_colour() -> None:
    found = slower(graph(1.2e6, 0.9e6), CALM)
    assert interrupted_text(found) == ""
    assert max(shades(found)) == 3


def lambdas(*own_ns: float) -> CallGraph:
    """Return a graph of functions of one name, from the first line to the last."""
    names = ["shop:<lambda>", *(f"shop:<lambda>#{number}" for number in range(2, len(own_ns) + 1))]
    return CallGraph([CallEdge("", name, 1, each) for name, each in zip(names, own_ns, strict=True)], 0.0)


def test_a_further_function_of_a_name_colours_no_other_of_that_name() -> None:
    """The function above the others has the number that another function has on the other side."""
    above = slower(lambdas(0.005e6, 0.6e6, 0.2e6), lambdas(0.6e6, 0.2e6))
    assert shades(above) == [0, 0, 0]
    same = slower(lambdas(0.6e6, 0.4e6), lambdas(0.6e6, 0.2e6))
    assert shades(same) == [0, 3]


def test_the_sides_are_compared_by_own_costs_if_the_base_keeps_only_these() -> None:
    """Costs do not say in which of its callers a function takes its time, so the frames are those of the head's call.

    An interruption of this call is none of the costs, which are of the calmest of several calls.
    """
    costs = OwnCosts({"shop:basket": 0.3e6, "shop:innocent": 0.7e6}, {"shop:basket": 0.3e6, "shop:innocent": 0.5e6})
    for head, remark in ((CALM, "a profile inflates times"), (graph(4.9e6, 4.5e6), "something else probably")):
        found = replace(slower(head, CALM), call_graphs=CallGraphs(head, None, costs))
        drawn = flame(found, "report.html")
        assert drawn is not None
        assert drawn["is_compared"]
        assert remark in drawn["caption"]
        assert drawn["caption"].endswith(
            "; own times are without the profiler's, with the libraries that a function calls"
        )
        assert shades(found) == [0, 3]
        assert [text for _, text, _ in drawn["functions"]] == [
            "300 us of its own, as before",
            "700 us of its own, 200 us more than on the other side",
        ]
        assert [row[2] for row in drawn["rows"]] == [10_000, round(10_000 * head.edges[1].time_ns / head.total_ns)]
        assert [one.rpartition(".speedscope")[0][-5:] for one in drawn["files"]] == [".head"]
        alone = flame(replace(found, call_graphs=CallGraphs(head)), "report.html")
        assert alone is not None
        assert not alone["is_compared"]


def test_a_function_whose_costs_nobody_keeps_is_not_compared() -> None:
    costs = OwnCosts({"shop:basket": 0.3e6}, {"shop:basket": 0.1e6})
    drawn = flame(replace(slower(CALM, CALM), call_graphs=CallGraphs(CALM, None, costs)), None)
    assert drawn is not None
    assert drawn["functions"][1] == ("shop:innocent", "100 us of its own", 0)


@pytest.mark.parametrize(
    ("head", "base", "side"),
    [
        (graph(4.9e6, 4.5e6), CALM, "the call took far longer than the measured 1 ms"),
        (
            graph(1.2e6, 0.9e6),
            graph(4.9e6, 4.5e6),
            "the call of the other side took far longer than the measured 800 us",
        ),
    ],
)
def test_an_interrupted_call_says_so_and_has_no_colours(head: CallGraph, base: CallGraph, side: str) -> None:
    found = slower(head, base)
    drawn = flame(found, None)
    assert drawn is not None
    assert drawn["caption"].endswith(
        f"; {side}: something else probably interrupted it, so the functions are not compared"
    )
    assert not drawn["is_compared"]
    assert set(shades(found)) == {0}


@pytest.mark.parametrize(("total_ns", "is_told"), [(66.5e3, False), (80e3, True)])
def test_the_slowdown_of_pure_python_under_the_profiler_is_no_interruption(total_ns: float, is_told: bool) -> None:
    """CPython runs a loop of pure Python more slowly under a profiler; the mean, which has stalls, does not matter."""
    head = graph(total_ns, 0.9 * total_ns, overhead_ns=223)
    time = change(before=21.8e3, after=27.7e3)
    found = measurement(time, call_graphs=CallGraphs(head), statistics={"median": 28.6e3, "mean": 43.6e3})
    assert bool(interrupted_text(found)) is is_told
    assert "compared" not in interrupted_text(found)  # the other side has no profile


@pytest.mark.parametrize("overhead_ns", [2e6, None])
def test_the_time_of_the_profiler_is_no_interruption(overhead_ns: float | None) -> None:
    """In a report without this time nobody knows."""
    assert interrupted_text(slower(graph(4.9e6, 4.5e6, overhead_ns), CALM)) == ""
