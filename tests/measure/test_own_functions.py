"""Profiles are about the author's code: the functions of this plugin that a call runs are not in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from gathered_spans import gathered

from pytest_perfbudget.core.call_graph import CallGraph
from pytest_perfbudget.measure.function_names import name_of
from pytest_perfbudget.measure.own_functions import without_own_functions
from pytest_perfbudget.measure.probes import FunctionCalls
from pytest_perfbudget.measure.profile import call_graph, called_functions, profiled_functions
from pytest_perfbudget.tracing import track
from pytest_perfbudget.tracing.sqlite import TrackedConnection

Use = Callable[[sqlite3.Connection], object]


def doubled(number: int) -> int:
    return 2 * number


@track("price")
def price() -> int:
    return doubled(3)


def basket() -> int:
    return price() + price()


def bill() -> int:
    with track("bill"):
        return doubled(4)


def asks_in_a_loop(connection: sqlite3.Connection) -> None:
    for number in range(3):
        connection.execute("SELECT ?", (number,)).fetchone()


def asks_a_cursor(connection: sqlite3.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])


def runs_scripts(connection: sqlite3.Connection) -> None:
    connection.executescript("SELECT 1; SELECT 2")
    connection.executemany("INSERT INTO t VALUES (?)", [(1,)])
    connection.cursor().executescript("SELECT 3")


def is_called_back(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT doubled(1)").fetchone()
    connection.execute("SELECT doubled(2)").fetchone()


def profiled(function: Callable[[], object]) -> FunctionCalls:
    probe = FunctionCalls()
    with gathered():
        probe.start()
        function()
        probe.stop()
    return probe


def used(use: Use, factory: type[sqlite3.Connection]) -> FunctionCalls:
    connection = sqlite3.connect(":memory:", factory=factory)
    connection.create_function("doubled", 1, doubled)
    connection.execute("CREATE TABLE t (a)")
    probe = FunctionCalls()
    probe.start()
    use(connection)
    probe.stop()
    connection.close()
    return probe


def edges(graph: CallGraph) -> set[tuple[str, str, int]]:
    return {(one.caller.rpartition(":")[2], one.callee.rpartition(":")[2], one.calls) for one in graph.edges}


@pytest.mark.parametrize("use", [asks_in_a_loop, asks_a_cursor, runs_scripts, is_called_back])
def test_a_tracked_connection_is_profiled_as_a_connection_of_sqlite3(use: Use) -> None:
    tracked, plain = used(use, TrackedConnection), used(use, sqlite3.Connection)
    assert called_functions(tracked) == called_functions(plain)
    assert {*profiled_functions(tracked)} == {*profiled_functions(plain)}
    assert tracked.count > plain.count  # the calls are there, without a name


def test_queries_have_the_place_in_the_code_of_the_author() -> None:
    execute = "method 'execute' of 'sqlite3.Connection' objects"
    assert ("asks_in_a_loop", execute, 3) in edges(call_graph(used(asks_in_a_loop, TrackedConnection)))


def test_fetches_of_a_recorded_statement_have_the_name_of_the_library() -> None:
    with closing(sqlite3.connect(":memory:", factory=TrackedConnection)) as connection:
        found = called_functions(profiled(lambda: connection.execute("SELECT 1").fetchall()))
    assert not [name for name in found if "pytest_perfbudget" in name or "<method '_" in name]
    assert [name for name in found if "fetchall" in name]


def test_a_function_that_a_query_calls_back_is_below_the_query() -> None:
    execute = "method 'execute' of 'sqlite3.Connection' objects"
    assert (execute, "doubled", 2) in edges(call_graph(used(is_called_back, TrackedConnection)))


def test_a_span_is_no_function_between_a_function_and_its_caller() -> None:
    found = edges(call_graph(profiled(basket)))
    assert {("", "basket", 1), ("basket", "price", 2), ("price", "doubled", 2)} <= found
    assert ("bill", "doubled", 1) in edges(call_graph(profiled(bill)))
    for function in (basket, bill):
        assert not [name for name in called_functions(profiled(function)) if "pytest_perfbudget" in name]


@pytest.mark.parametrize("function", [basket, bill])
def test_the_time_of_the_whole_call_is_kept(function: Callable[[], object]) -> None:
    probe = profiled(function)
    within = next(entry for entry in probe.entries if name_of(entry.code).endswith(f":{function.__name__}"))
    assert sum(entry.inlinetime for entry in probe.entries) <= within.totaltime * (1 + 1e-6)
    assert call_graph(probe).total_ns > 0.5e9 * within.totaltime


def test_a_profile_without_this_plugin_is_left_alone() -> None:
    probe = FunctionCalls()
    probe.start()
    doubled(1)
    probe.stop()
    assert without_own_functions(probe.entries) is probe.entries
