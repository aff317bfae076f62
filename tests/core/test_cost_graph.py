"""The costs of the project's functions in one execution."""

from __future__ import annotations

import pytest
from cost_graphs import MOST_DEEP, costs, executed
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost, calmest, solved

PARTS = st.floats(0, 1e9).map(lambda number: round(number, 3))
COSTS = st.builds(
    FunctionCost,
    PARTS,
    PARTS,
    st.dictionaries(st.text(max_size=5), PARTS, max_size=3),
    st.dictionaries(st.text(max_size=5), st.builds(LibraryCost, PARTS, PARTS), max_size=3),
)


@given(st.dictionaries(st.text(max_size=5), COSTS, max_size=4))
def test_a_graph_is_the_same_after_a_process_boundary(functions: dict[str, FunctionCost]) -> None:
    graph = CostGraph(functions)
    assert CostGraph.from_dict(graph.to_dict()) == graph


class TestSolved:
    """The inclusive cost of a call of each function."""

    def test_a_call_costs_its_own_time_and_that_of_the_calls_below(self) -> None:
        found = solved({"a": (1.0, {"b": 2.0, "c": 1.0}), "b": (10.0, {"c": 3.0}), "c": (100.0, {})})
        assert found == {"c": 100.0, "b": 310.0, "a": 721.0}

    def test_a_recursion_costs_what_all_its_calls_cost(self) -> None:
        """A function that calls itself four times in five calls makes five calls for each one from outside."""
        assert solved({"a": (1.0, {"a": 0.8})}) == pytest.approx({"a": 5.0})

    def test_functions_that_call_each_other(self) -> None:
        found = solved({"a": (1.0, {"b": 1.0}), "b": (2.0, {"a": 0.5})})
        assert found == pytest.approx({"a": 6.0, "b": 5.0})

    def test_a_call_of_an_unknown_function_costs_nothing(self) -> None:
        assert solved({"a": (1.0, {"unknown": 9.0})}) == {"a": 1.0}

    def test_the_cost_from_outside_is_that_of_the_whole_execution(self) -> None:
        graph = executed({"a": (3.0, ["b", "a"]), "b": (5.0, ["a", "b"])}, "a")
        rows = {
            name: (one.own_ns / one.calls, {callee: calls / one.calls for callee, calls in one.callees.items()})
            for name, one in graph.functions.items()
        }
        assert graph.functions["a"].calls > MOST_DEEP
        assert solved(rows)[OUTSIDE] == pytest.approx(graph.total_ns)


class TestCalmest:
    """Of several profiles, a disturbance of one does not matter."""

    def test_of_each_function_the_smallest_time_holds(self) -> None:
        one, other = costs(menu=(1, 9, {}), price=(10, 90, {})), costs(menu=(1, 4, {}), price=(10, 900, {}))
        found = calmest([one, other]).functions
        assert (found["web:menu"].own_ns, found["web:price"].own_ns) == (4e3, 90e3)

    def test_of_calls_that_vary_the_mean_holds(self) -> None:
        once, thrice = (
            costs(menu=(1, 4, {"price": 1}), price=(1, 2, {})),
            costs(menu=(1, 4, {"price": 3}), price=(3, 9, {})),
        )
        found = calmest([once, thrice]).functions
        assert found["web:menu"].callees == {"web:price": 2.0}
        assert (found["web:price"].calls, found["web:price"].own_ns) == (2.0, 4e3)

    def test_a_function_that_differs_between_the_profiles_has_no_digest(self) -> None:
        first, second = (CostGraph({"web:menu": FunctionCost(1, 9.0, code=code)}) for code in ("a", "b"))
        assert calmest([first, first]).functions["web:menu"].code == "a"
        assert calmest([first, second]).functions["web:menu"].code == ""

    def test_a_call_that_waits_now_here_and_now_there_keeps_its_wait_in_the_library(self) -> None:
        """The smallest time of each library function would leave the wait to the function's own lines."""
        sends, receives = (
            CostGraph(
                {"web:ask": FunctionCost(1, own, {}, {"send": LibraryCost(1, here), "recv": LibraryCost(1, there)})}
            )
            for own, here, there in ((90.0, 80.0, 3.0), (92.0, 4.0, 81.0))
        )
        found = calmest([receives, sends]).functions["web:ask"]
        assert (found.own_ns, found.library) == (90.0, {"send": LibraryCost(1, 80.0), "recv": LibraryCost(1, 3.0)})

    def test_a_function_of_one_profile_only_counts_half(self) -> None:
        found = calmest([costs(menu=(1, 4, {})), costs(menu=(1, 4, {"price": 1}), price=(1, 2, {}))]).functions
        assert (found["web:price"].calls, found["web:menu"].callees["web:price"]) == (0.5, 0.5)

    def test_a_library_function_keeps_its_calls_and_its_smallest_time(self) -> None:
        one, other = costs(menu=(1, 9, {"re.compile": 2})), costs(menu=(1, 9, {"re.compile": 4}))
        assert calmest([one, other]).functions["web:menu"].library["re.compile"] == LibraryCost(3.0, 2e3)


class TestWithout:
    """A function that is written into its callers."""

    def test_the_callers_have_its_time_and_make_its_calls(self) -> None:
        graph = costs(menu=(1, 4, {"price": 10}), price=(10, 50, {"tax": 20}), tax=(20, 20, {}))
        assert graph.without("web:price") == costs(menu=(1, 54, {"tax": 20}), tax=(20, 20, {}))

    def test_two_callers_have_it_in_proportion_to_their_calls(self) -> None:
        graph = costs(menu=(1, 4, {"cart": 1, "price": 30}), cart=(1, 1, {"price": 10}), price=(40, 40, {}))
        assert graph.without("web:price") == costs(menu=(1, 34, {"cart": 1}), cart=(1, 11, {}))

    @given(st.integers(0, 3))
    def test_no_time_is_lost_with_a_recursion(self, at: int) -> None:
        graph = executed({"a": (3.0, ["b", "c"]), "b": (5.0, ["c", "b"]), "c": (7.0, ["d"]), "d": (9.0, ["b"])}, "a")
        name = list(graph.functions)[1 + at]
        if name != "a":
            assert graph.without(name).total_ns == pytest.approx(graph.total_ns)
