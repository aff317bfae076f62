"""Statements of SQLite as spans."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from gathered_spans import gathered

from pytest_perfbudget.tracing import Span
from pytest_perfbudget.tracing.sqlite import TrackedConnection


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    with gathered() as found:
        yield found


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", factory=TrackedConnection)
    made.execute("CREATE TABLE t (a)")
    yield made
    made.close()


def test_each_statement_is_a_span_with_its_text(connection: sqlite3.Connection, spans: list[Span]) -> None:
    connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
    assert connection.execute("SELECT a FROM t WHERE a = ?", (2,)).fetchall() == [(2,)]
    connection.cursor().execute("SELECT 1")
    connection.executescript("SELECT 2; SELECT 3")
    assert [(span.name, span.attributes["statement"]) for span in spans] == [
        ("sqlite3", "INSERT INTO t VALUES (?)"),
        ("sqlite3", "SELECT a FROM t WHERE a = ?"),
        ("sqlite3", "SELECT 1"),
        ("sqlite3", "SELECT 2; SELECT 3"),
    ]


def test_a_statement_that_fails_is_a_span_with_its_error(connection: sqlite3.Connection, spans: list[Span]) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT absent FROM t")
    assert spans[0].error == "OperationalError: no such column: absent"


def test_without_a_sink_a_connection_works_as_usual(connection: sqlite3.Connection) -> None:
    assert connection.execute("SELECT 1").fetchone() == (1,)
