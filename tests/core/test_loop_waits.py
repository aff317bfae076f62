"""The waiting of an event loop belongs to the coroutines that wait."""

from __future__ import annotations

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost
from pytest_perfbudget.core.loop_waits import waited_ns, with_loop_waits
from pytest_perfbudget.core.profiled_functions import ProfiledFunction


def loop(**coroutines: dict[str, float]) -> CostGraph:
    """Return the costs of coroutines of 10 ns, by the calls of library functions, in a loop of 1000 ns."""
    outside = FunctionCost(1.0, 1000.0, dict.fromkeys(coroutines, 1.0))
    found = {
        name: FunctionCost(1.0, 10.0, {}, {callee: LibraryCost(calls, 1.0) for callee, calls in called.items()})
        for name, called in coroutines.items()
    }
    return CostGraph({OUTSIDE: outside, **found})


def test_the_coroutines_that_wait_have_the_time_by_their_calls() -> None:
    graph = loop(reads={"asyncio.streams:StreamReader.readline": 2}, sleeps={"asyncio.tasks:sleep": 1}, works={})
    found = with_loop_waits(graph, 900.0).functions
    assert {name: one.own_ns for name, one in found.items()} == {OUTSIDE: 100, "reads": 610, "sleeps": 310, "works": 10}
    assert found["sleeps"].library["asyncio.tasks:sleep"] == LibraryCost(1, 301.0)
    assert with_loop_waits(graph, 900.0).total_ns == graph.total_ns


def test_where_no_coroutine_is_known_to_wait_the_time_is_the_loops() -> None:
    graph = loop(gathers={"asyncio.tasks:gather": 1})
    assert with_loop_waits(graph, 900.0) == graph


def test_the_wait_of_a_loop_is_the_time_of_its_selector() -> None:
    poll = ProfiledFunction(is_library=True, calls=2, own_ns=900.0, total_ns=900.0)
    assert waited_ns({"method 'poll' of 'select.epoll' objects": poll, "web:poll": poll}) == 900.0


def test_a_call_without_a_loop_is_as_it_was() -> None:
    graph = CostGraph({"web:menu": FunctionCost(1, 5)})
    assert with_loop_waits(graph, 900.0) == graph
