"""The own costs of functions on both sides, which a flame graph compares."""

from __future__ import annotations

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost
from pytest_perfbudget.core.own_costs import OwnCosts

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


def test_only_the_function_that_became_slower_differs() -> None:
    found = OwnCosts.of(costs(30), costs(10), CALLED)
    assert {name: found.head[name] - found.base[name] for name in found.head} == {
        "shop:total": 0, "shop:price": 2_000, "shop:rate": 0,
    }  # fmt: skip


def test_a_function_that_the_base_leaves_out_is_part_of_its_caller_on_both_sides() -> None:
    found = OwnCosts.of(costs(10), costs(10, with_rate=False), CALLED)
    assert found.head == found.base
    assert "shop:rate" not in found.head


def test_a_new_function_stays_a_function() -> None:
    found = OwnCosts.of(costs(10, new_ns=900), costs(10), CALLED)
    assert found.head["shop:new"] == 900
    assert "shop:new" not in found.base
