"""Statements of SQLite as spans."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from gathered_spans import gathered
from span_clocks import Clocks, scripted

from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.tracing import Span, current
from pytest_perfbudget.tracing.sqlite import TrackedConnection, TrackedCursor

MS = 1_000_000
ROWS = [(1,), (2,), (3,)]
QUICK = "VALUES (1), (2), (3)"
SLOW = "WITH n(a) AS (VALUES (1), (2), (3)) SELECT slow(a) FROM n"
"""A query, each row of which takes 1 ms."""

Fetch = Callable[[sqlite3.Cursor, Callable[[], None]], list[tuple[int]]]
"""A function that fetches all rows of a cursor, and calls a function of the application after each fetch."""


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    with gathered() as found:
        yield found


Connect = Callable[[], sqlite3.Connection]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that opens a tracked connection, which is closed after the test."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(sqlite3.connect(":memory:", factory=TrackedConnection)))


@pytest.fixture
def connection(connect: Connect) -> sqlite3.Connection:
    made = connect()
    made.execute("CREATE TABLE t (a)")
    return made


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


def test_a_fetch_during_which_another_thread_ends_the_statement_is_no_error(
    connection: sqlite3.Connection, spans: list[Span]
) -> None:
    """Two threads that share a cursor without a lock: the class of the cursor is back when the fetch returns."""
    cursor = connection.cursor().execute("SELECT 1 UNION SELECT 2")

    def ends(_: sqlite3.Cursor, row: tuple[int]) -> tuple[int]:
        getattr(cursor, "_finished")()  # noqa: B009 - the type of the connection does not show it
        return row

    cursor.row_factory = ends
    assert cursor.fetchone() == (1,)
    assert [span.name for span in spans] == ["sqlite3"]
    assert current() is None


def one_by_one(cursor: sqlite3.Cursor, between: Callable[[], None]) -> list[tuple[int]]:
    rows = []
    while row := cursor.fetchone():
        rows.append(row)
        between()
    return rows


def some_at_once(cursor: sqlite3.Cursor, between: Callable[[], None]) -> list[tuple[int]]:
    rows = []
    while some := cursor.fetchmany(2):
        rows += some
        between()
    return rows


def all_at_once(cursor: sqlite3.Cursor, between: Callable[[], None]) -> list[tuple[int]]:
    rows = cursor.fetchall()
    between()
    return rows


def in_a_loop(cursor: sqlite3.Cursor, between: Callable[[], None]) -> list[tuple[int]]:
    rows = []
    for row in cursor:
        rows.append(row)
        between()
    return rows


def slow_connection(connect: Connect, clocks: Clocks) -> sqlite3.Connection:
    """Return a connection whose function `slow` computes for 1 ms."""

    def slow(number: int) -> int:
        clocks.advance(MS)
        return number

    made = connect()
    made.create_function("slow", 1, slow)
    return made


class TestFetches:
    """Rows, which SQLite computes while they are fetched."""

    @pytest.mark.parametrize("fetch", [one_by_one, some_at_once, all_at_once, in_a_loop])
    def test_the_span_of_a_statement_has_the_time_of_its_fetches_and_not_the_time_between_them(
        self, connect: Connect, fetch: Fetch
    ) -> None:
        with scripted() as (clocks, spans):
            connection = slow_connection(connect, clocks)
            assert fetch(connection.execute(SLOW), lambda: clocks.advance(70 * MS)) == ROWS
            connection.close()
        (span,) = spans
        assert (span.duration_ns, span.cpu_ns, span.attributes["statement"]) == (3 * MS, 3 * MS, SLOW)

    @pytest.mark.parametrize(("between_ns", "readings"), [(100, 1), (6_000, 4)])
    def test_fetches_that_follow_each_other_closely_share_a_reading_of_the_cpu_clock(
        self, connect: Connect, between_ns: int, readings: int
    ) -> None:
        """The reading takes longer than a fetch. A later fetch needs a reading, because the thread may have waited."""
        with scripted() as (clocks, spans):
            connection = connect()
            assert one_by_one(connection.execute(QUICK), lambda: clocks.advance(0, between_ns)) == ROWS
            assert clocks.readings == readings
        assert (spans[0].duration_ns, spans[0].cpu_ns) == (0, 0)

    def test_a_fetch_without_a_size_has_as_many_rows_as_the_cursor_says(self, connect: Connect) -> None:
        with scripted() as (clocks, _):
            cursor = slow_connection(connect, clocks).execute(SLOW)
            cursor.arraysize = 2
            assert (cursor.fetchmany(), cursor.fetchmany(size=0)) == (ROWS[:2], ROWS[2:])

    @pytest.mark.parametrize(
        "end", [lambda cursor: cursor.close(), lambda cursor: cursor.execute("CREATE TABLE u (a)"), id]
    )
    def test_a_statement_whose_last_rows_nobody_fetches_ends_with_its_cursor_or_the_next_statement(
        self, connect: Connect, end: Callable[[sqlite3.Cursor], object]
    ) -> None:
        with scripted() as (clocks, spans):
            cursor = slow_connection(connect, clocks).execute(SLOW)
            assert cursor.fetchone() == (1,)
            clocks.advance(70 * MS)
            end(cursor)
            del cursor
        assert spans[0].attributes["statement"] == SLOW
        assert spans[0].duration_ns in {1 * MS, 2 * MS}  # CPython up to 3.10 computes a row ahead

    def test_a_fetch_that_fails_ends_the_span_with_its_error(
        self, connection: sqlite3.Connection, spans: list[Span]
    ) -> None:
        connection.create_function("inverse", 1, lambda number: 1 // number)
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("WITH n(a) AS (VALUES (1), (1), (0)) SELECT inverse(a) FROM n").fetchall()
        assert [span.error for span in spans] == ["OperationalError: user-defined function raised exception"]

    def test_a_statement_that_is_repeated_counts_once_each_time_with_the_line_that_executes_it(
        self, connect: Connect
    ) -> None:
        def executed() -> list[sqlite3.Cursor]:
            return [queried.execute("SELECT 1 UNION SELECT 2") for _ in range(3)]

        queried = connect()
        gatherer = SpanGatherer(Path(__file__).parent, ["sqlite3"])
        with gatherer.listening():
            with gatherer.execution():
                for cursor in executed():
                    cursor.fetchone()
                    cursor.fetchall()
            gatherer.keep()
        series = gatherer.store.series("sqlite3")
        assert series is not None
        assert list(series.counts) == [3]
        line = executed.__code__.co_firstlineno + 1
        ((text, site),) = series.statements
        assert (text, site.partition(",")[0]) == ("SELECT 1 UNION SELECT 2", f"test_sqlite.py:{line}")

    def test_a_statement_whose_rows_are_fetched_later_belongs_to_the_execution_in_which_it_began(
        self, connect: Connect
    ) -> None:
        connection = connect()
        gatherer = SpanGatherer(Path(__file__).parent, ["sqlite3"])
        cursors = []
        with gatherer.listening():
            for _ in range(2):
                with gatherer.execution():
                    cursors.append(connection.execute("SELECT 1 UNION SELECT 2"))
            gatherer.keep()
            assert [cursor.fetchall() for cursor in cursors] == [[(1,), (2,)]] * 2
        series = gatherer.store.series("sqlite3")
        assert series is not None
        assert list(series.counts) == [1, 1]
        assert gatherer.store.lost == 0

    def test_a_cursor_of_a_subclass_keeps_its_methods(self, connection: sqlite3.Connection, spans: list[Span]) -> None:
        class Named(TrackedCursor):
            def fetchone(self) -> object:
                return "row", super().fetchone()

        cursor = connection.cursor(Named).execute("SELECT 1")
        assert isinstance(cursor, Named)
        assert [cursor.fetchone(), cursor.fetchone()] == [("row", (1,)), ("row", None)]
        assert type(cursor) is Named
        assert len(spans) == 1

    def test_without_a_sink_rows_are_fetched_by_the_methods_of_sqlite3(self, connection: sqlite3.Connection) -> None:
        cursor = connection.execute("SELECT 1")
        assert type(cursor) is TrackedCursor
        assert not {"fetchone", "fetchmany", "fetchall", "__next__"} & {*vars(TrackedCursor)}
