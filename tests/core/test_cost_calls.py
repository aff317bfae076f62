"""Call graphs from the costs of both sides, which a flame graph compares."""

from __future__ import annotations

from pytest_perfbudget.core.call_graph import CallEdge, CallGraphs
from pytest_perfbudget.core.call_tree import own_times, tree_of
from pytest_perfbudget.core.cost_calls import graphs_of_costs
from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost

CALLED = {"shop:total": 1, "shop:price": 100, "shop:rate": 100}


def costs(price_ns: float, *, with_rate: bool = True, new_ns: float = 0.0) -> CostGraph:
    """Return the costs of a total of 100 prices, each with a rate of 2 ns; a sum is a part of the own time."""
    more = {"shop:new": FunctionCost(100, new_ns)} if new_ns else {}
    rate = {"shop:rate": FunctionCost(100, 200)} if with_rate else {}
    own_ns = 100 * price_ns + (0 if with_rate else 200)
    return CostGraph(
        {
            OUTSIDE: FunctionCost(1, 50, {"shop:total": 1}),
            "shop:total": FunctionCost(1, 1_000, {"shop:price": 100, **dict.fromkeys(more, 100.0)}, {"sum": LibraryCost(1, 4_000)}),
            "shop:price": FunctionCost(100, own_ns, dict.fromkeys(rate, 100.0)),
            **rate,
            **more,
        }
    )  # fmt: skip


def compared(head: CostGraph, base: CostGraph) -> CallGraphs:
    found = graphs_of_costs(head, base, CALLED)
    assert found is not None
    return found


def own(head: CostGraph, base: CostGraph) -> list[dict[str, float]]:
    """Return the own times of functions in the trees of head and base."""
    found = compared(head, base)
    assert found.base is not None
    return [dict(own_times(tree_of(one))) for one in (found.head, found.base)]


def test_an_edge_has_the_calls_and_their_time_with_all_that_they_call() -> None:
    found = compared(costs(30), costs(10))
    assert [*found.head.edges] == [
        CallEdge(OUTSIDE, "shop:total", 1, 4_200),
        CallEdge("shop:total", "shop:price", 100, 3_200),
        CallEdge("shop:price", "shop:rate", 100, 200),
    ]
    assert found.base is not None
    assert found.base.total_ns == 2_200


def test_only_the_function_that_became_slower_differs() -> None:
    head, base = own(costs(30), costs(10))
    assert {name: head[name] - base[name] for name in head} == {
        "shop:total": 0, "shop:price": 2_000, "shop:rate": 0,
    }  # fmt: skip


def test_a_function_that_the_base_leaves_out_is_part_of_its_caller_on_both_sides() -> None:
    head, base = own(costs(10), costs(10, with_rate=False))
    assert head == base
    assert "shop:rate" not in head


def test_a_new_function_stays_a_function() -> None:
    head, base = own(costs(10, new_ns=900), costs(10))
    assert head["shop:new"] == 900
    assert "shop:new" not in base


def test_a_recursion_counts_once() -> None:
    walk = FunctionCost(8, 80, {"tree:walk": 7})
    recursive = CostGraph({OUTSIDE: FunctionCost(1, 0, {"tree:walk": 1}), "tree:walk": walk})
    found = compared(recursive, recursive)
    assert [(one.caller, one.callee, one.calls) for one in found.head.edges] == [(OUTSIDE, "tree:walk", 1)]
    assert round(found.head.total_ns) == 80


def test_costs_that_do_not_say_what_is_called_first_have_no_graph() -> None:
    assert graphs_of_costs(costs(10), CostGraph({"shop:total": FunctionCost(1, 10)}), CALLED) is None
