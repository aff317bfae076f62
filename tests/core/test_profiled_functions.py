"""The cost graph of a profile: libraries become part of the functions that call them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, LibraryCost
from pytest_perfbudget.core.profiled_functions import (
    ProfiledCall,
    ProfiledFunction,
    ProfilerOverhead,
    cost_graph_of,
)

Called = dict[str, tuple[int, float, float]]


def profile(**functions: tuple[int, float, float, Called]) -> dict[str, ProfiledFunction]:
    """Return a profile: calls, own and whole time in ns, and the calls of others; `lib...` is a library's function."""
    return {
        name: ProfiledFunction(
            name.startswith("lib"), calls, own_ns, total_ns, {key: ProfiledCall(*one) for key, one in called.items()}
        )
        for name, (calls, own_ns, total_ns, called) in functions.items()
    }


def test_the_time_of_a_library_belongs_to_the_function_that_calls_it() -> None:
    graph = cost_graph_of(
        profile(
            a=(1, 10, 160, {"lib": (5, 50, 150)}), lib=(5, 50, 150, {"lib2": (9, 100, 100)}), lib2=(9, 100, 100, {})
        )
    )
    assert set(graph.functions) == {OUTSIDE, "a"}
    assert graph.functions["a"].own_ns == pytest.approx(160)
    assert graph.functions["a"].library == {"lib": LibraryCost(5, 150)}
    assert graph.functions[OUTSIDE].callees == {"a": 1.0}


def test_a_library_that_two_functions_call_is_divided_by_their_times() -> None:
    graph = cost_graph_of(
        profile(
            a=(1, 10, 400, {"b": (1, 10, 100), "lib": (1, 20, 290)}),
            b=(1, 10, 100, {"lib": (1, 0, 90)}),
            lib=(2, 20, 380, {"lib2": (2, 360, 360)}),
            lib2=(2, 360, 360, {}),
        )
    )
    assert graph.functions["a"].own_ns == pytest.approx(10 + 20 + 270, rel=1e-4)
    assert graph.functions["b"].own_ns == pytest.approx(10 + 90, rel=1e-4)


def test_a_function_that_a_library_calls_back_is_called_by_the_function_that_calls_the_library() -> None:
    graph = cost_graph_of(
        profile(
            a=(1, 10, 500, {"lib": (1, 100, 490)}),
            lib=(1, 100, 490, {"key": (30, 390, 390)}),
            key=(30, 390, 390, {}),
        )
    )
    assert graph.functions["a"].callees == {"key": 30.0}
    assert (graph.functions["a"].own_ns, graph.functions["key"].own_ns) == (110, 390)
    assert graph.functions["a"].library == {"lib": LibraryCost(1, 100)}


def test_a_function_within_another_is_called_for_that_function() -> None:
    """The key of a sort is not called for another function that sorts without a key."""
    shared = profile(
        a=(1, 10, 100, {"lib": (1, 40, 90)}), b=(1, 10, 990, {"lib": (9, 900, 980)}),
        lib=(10, 940, 1070, {"a.key": (3, 130, 130)}),
    )  # fmt: skip
    shared["a.key"] = ProfiledFunction(is_library=False, calls=3, own_ns=130, total_ns=130)
    graph = cost_graph_of(shared)
    assert (graph.functions["a"].callees, graph.functions["b"].callees) == ({"a.key": 3.0}, {})


def test_of_several_executions_the_graph_has_one() -> None:
    graph = cost_graph_of(profile(a=(8, 80, 160, {"lib": (40, 80, 80)}), lib=(40, 80, 80, {})), 8)
    assert (graph.functions["a"].calls, graph.functions["a"].own_ns) == (1, 20)
    assert graph.functions["a"].library == {"lib": LibraryCost(5, 10)}
    assert graph.functions[OUTSIDE].calls == 1


def test_a_library_function_that_nothing_calls_belongs_to_the_measured_call() -> None:
    graph = cost_graph_of(profile(lib=(1, 30, 50, {"a": (1, 20, 20)}), a=(1, 20, 20, {})))
    assert graph.functions[OUTSIDE].own_ns == 30
    assert graph.functions[OUTSIDE].callees == {"a": 1.0}


def test_the_profiler_adds_to_a_function_and_to_its_callers() -> None:
    assert ProfilerOverhead(20.0, 50.0).left(1000, calls=1, made=10) == pytest.approx(1 - (20 + 500) / 1000)
    assert ProfilerOverhead(20.0, 50.0).left(0, calls=1, made=0) == 1


def test_an_overhead_larger_than_the_time_leaves_a_little() -> None:
    assert 0 < ProfilerOverhead(20.0, 50.0).left(100, calls=10, made=0) < 0.1


NAMES = ["a", "b", "lib1", "lib2"]


@given(
    st.fixed_dictionaries({name: st.integers(0, 1000) for name in NAMES}),
    st.dictionaries(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), st.integers(1, 20), max_size=8),
)
def test_no_time_and_no_call_is_lost(own: dict[str, int], edges: dict[tuple[str, str], int]) -> None:
    calls = {name: 1 + sum(number for (_, callee), number in edges.items() if callee == name) for name in NAMES}
    functions = {name: (calls[name], float(own[name]), 9e3, _called(name, own, calls, edges)) for name in NAMES}
    graph: CostGraph = cost_graph_of(profile(**functions))
    assert graph.total_ns == pytest.approx(sum(own.values()))
    for name in ("a", "b"):
        assert sum(one.callees.get(name, 0.0) for one in graph.functions.values()) == pytest.approx(
            calls[name], rel=1e-3
        )


def _called(name: str, own: dict[str, int], calls: dict[str, int], edges: dict[tuple[str, str], int]) -> Called:
    """Return the calls of a function, to which each call of the callee contributes the same time."""
    return {
        callee: (number, own[callee] * number / calls[callee], 2 * own[callee] * number / calls[callee])
        for (caller, callee), number in edges.items()
        if caller == name
    }
