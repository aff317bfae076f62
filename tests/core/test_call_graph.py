"""The call graph of a profiled call, and the tree that a flame graph shows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.call_graph import LEAST_SHARE, MOST_EDGES, OUTSIDE, CallEdge, CallGraph, CallGraphs
from pytest_perfbudget.core.call_tree import CallNode, own_times, tree_of

NAMES = st.sampled_from("abcdefg")
TIMES = st.integers(0, 10**9).map(float)
EDGES = st.dictionaries(st.tuples(NAMES, NAMES), TIMES, max_size=20)


def graph(*edges: tuple[str, str, float]) -> CallGraph:
    return CallGraph.of(CallEdge(caller, callee, 1, time_ns) for caller, callee, time_ns in edges)


def shape(nodes: list[CallNode]) -> list[object]:
    return [(one.function, one.time_ns, one.own_ns, shape(list(one.children))) for one in nodes]


class TestGraph:
    def test_only_the_costliest_edges_are_kept(self) -> None:
        edges = [CallEdge("a", f"f{number}", 1, float(number)) for number in range(2 * MOST_EDGES)]
        found = CallGraphs.of(CallGraph.of([CallEdge(OUTSIDE, "a", 1, 100_000.0), *edges])).head
        least_ns = LEAST_SHARE * 100_000
        assert len(found.edges) == MOST_EDGES
        assert all(one.time_ns >= least_ns for one in found.edges)
        assert all(one.time_ns >= other.time_ns for one, other in pairwise(found.edges))

    def test_an_edge_that_is_costly_on_the_one_side_is_kept_on_both(self) -> None:
        """Or a call that was cheap on the other side would seem to be new."""
        head = graph((OUTSIDE, "a", 1e6), ("a", "b", 9e5), ("a", "c", 1.0))
        both = CallGraphs.of(head, graph((OUTSIDE, "a", 1e6), ("a", "b", 10.0), ("a", "c", 1.0)))
        assert both.base is not None
        assert [one.callee for one in both.head.edges] == [one.callee for one in both.base.edges] == ["a", "b"]

    def test_a_report_gives_it_back(self) -> None:
        both = CallGraphs(graph((OUTSIDE, "a", 9.0), ("a", "b", 5.0)), graph((OUTSIDE, "a", 4.0)))
        assert CallGraphs.from_dict(both.to_dict()) == both
        assert CallGraphs.from_dict(CallGraphs(both.head).to_dict()) == CallGraphs(both.head)
        profiled = CallGraphs.of(CallGraph.of([CallEdge(OUTSIDE, "a", 1, 9.0)], 3.0))
        assert CallGraphs.from_dict(profiled.to_dict()).head.overhead_ns == 3.0
        placed = replace(both.head, files={"a": "one.py", "b": "one.py"})
        assert CallGraph.from_dict(placed.to_dict()) == placed
        assert placed.to_dict()["files"] == {"one.py": [1, 2]}


class TestTree:
    def test_a_call_has_its_time_and_the_rest_of_the_callers_is_their_own(self) -> None:
        nodes = tree_of(graph((OUTSIDE, "a", 100.0), ("a", "b", 60.0), ("a", "c", 30.0), ("b", "d", 20.0)))
        inner: list[object] = [("b", 60.0, 40.0, [("d", 20.0, 20.0, [])]), ("c", 30.0, 30.0, [])]
        assert shape(nodes) == [("a", 100.0, 10.0, inner)]

    def test_the_work_of_a_function_is_divided_among_its_callers(self) -> None:
        nodes = tree_of(
            graph((OUTSIDE, "a", 100.0), ("a", "b", 60.0), ("a", "c", 40.0), ("b", "f", 45.0), ("c", "f", 15.0), ("f", "g", 40.0))
        )  # fmt: skip
        (a,) = nodes
        under_b, under_c = a.children[0].children[0], a.children[1].children[0]
        assert (under_b.time_ns, under_b.children[0].time_ns) == (45.0, 30.0)
        assert (under_c.time_ns, under_c.children[0].time_ns) == (15.0, 10.0)

    def test_a_recursion_belongs_to_its_outermost_call(self) -> None:
        nodes = tree_of(graph((OUTSIDE, "a", 100.0), ("a", "a", 90.0), ("a", "b", 70.0), ("b", "a", 50.0)))
        assert shape(nodes) == [("a", 100.0, 30.0, [("b", 70.0, 70.0, [])])]

    def test_without_edges_there_is_nothing(self) -> None:
        assert tree_of(CallGraph()) == []

    @given(EDGES, TIMES)
    def test_the_own_times_add_up_to_the_whole(self, edges: dict[tuple[str, str], float], whole_ns: float) -> None:
        found = tree_of(graph((OUTSIDE, "a", whole_ns), *((*key, time_ns) for key, time_ns in edges.items())))
        waiting = list(found)
        while waiting:
            one = waiting.pop()
            assert one.own_ns >= 0
            assert sum(child.time_ns for child in one.children) <= one.time_ns * (1 + 1e-9)
            waiting += one.children
        whole = whole_ns if found else 0.0
        assert sum(own_times(found).values()) == pytest.approx(whole)
