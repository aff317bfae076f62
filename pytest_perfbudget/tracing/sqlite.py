"""Queries to SQLite as spans: a connection whose statements are spans of the name `sqlite3`.

SQLite does the work of a SELECT while its rows are fetched, so the span of a statement rests after `execute` and goes
on in each fetch: the time of the application between two fetches is not the span's. The span ends with the last row,
with the next statement of the cursor, with the cursor itself, or with the execution of a test that it began in.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.resting_span import RestingSpan
from pytest_perfbudget.tracing.tracked import track

NAME = "sqlite3"
_Rows = TypeVar("_Rows")


class TrackedCursor(sqlite3.Cursor):
    """A cursor, each statement of which is a span, with the fetches of its rows.

    Between a statement with rows and the last of them, a recorded cursor is of a class of its own, so that fetches take
    no more time while nothing listens.
    """

    _span: RestingSpan
    _kind: type[TrackedCursor]

    def execute(self, sql: str, *parameters: Any) -> TrackedCursor:  # noqa: ANN401 - as the class it extends
        """Execute a statement, see `sqlite3.Cursor.execute`."""
        if not spans.sinks:
            super().execute(sql, *parameters)
            return self
        span = RestingSpan(track(NAME, statement=sql))
        try:
            super().execute(sql, *parameters)
        except BaseException as error:
            span.end(error)
            raise
        if self.description is None:
            span.end()
            return self
        span.leave()
        self._span, self._kind = span, type(self)
        self.__class__ = _fetching(type(self))
        return self

    def executemany(self, sql: str, *parameters: Any) -> TrackedCursor:  # noqa: ANN401 - as above
        """Execute a statement for many rows, see `sqlite3.Cursor.executemany`."""
        with track(NAME, statement=sql):
            super().executemany(sql, *parameters)
        return self

    def executescript(self, sql_script: str) -> TrackedCursor:
        """Execute several statements, see `sqlite3.Cursor.executescript`."""
        with track(NAME, statement=sql_script):
            super().executescript(sql_script)
        return self

    def _has_no_more_rows(self) -> None:
        """End the span after the last row, unless another thread that shares the cursor has ended the statement."""
        if isinstance(self, _FetchingCursor):
            self._finished()


class _FetchingCursor(TrackedCursor):
    """A cursor whose rows are not fetched to the last, and whose statement is a span at rest."""

    def fetchone(self) -> Any:  # noqa: ANN401 - as the class it extends
        """Fetch the next row, see `sqlite3.Cursor.fetchone`."""
        row = self._fetched(super().fetchone)
        if row is None:
            self._has_no_more_rows()
        return row

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Fetch some rows, see `sqlite3.Cursor.fetchmany`."""
        most = self.arraysize if size is None else size
        rows = self._fetched(lambda: super(_FetchingCursor, self).fetchmany(most))
        if len(rows) != most:
            self._has_no_more_rows()
        return rows

    def fetchall(self) -> list[Any]:
        """Fetch all rows that are left, see `sqlite3.Cursor.fetchall`."""
        rows = self._fetched(super().fetchall)
        self._has_no_more_rows()
        return rows

    def __next__(self) -> Any:  # noqa: ANN401 - as the class it extends
        """Fetch the next row."""
        return self._fetched(super().__next__)

    def execute(self, sql: str, *parameters: Any) -> Any:  # noqa: ANN401 - as the class it extends
        """Execute another statement."""
        return TrackedCursor.execute(self._finished(), sql, *parameters)

    def executemany(self, sql: str, *parameters: Any) -> Any:  # noqa: ANN401 - as above
        """Execute another statement for many rows."""
        return TrackedCursor.executemany(self._finished(), sql, *parameters)

    def executescript(self, sql_script: str) -> Any:  # noqa: ANN401 - as above
        """Execute several other statements."""
        return TrackedCursor.executescript(self._finished(), sql_script)

    def close(self) -> None:
        """Close the cursor, see `sqlite3.Cursor.close`."""
        sqlite3.Cursor.close(self._finished())

    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        """End the span of a cursor whose last rows nobody wants."""
        if not _is_finalizing():  # modules may have lost their functions
            self._span.finish()

    def _fetched(self, fetch: Callable[[], _Rows]) -> _Rows:
        """Return the result of a fetch as part of the span, which ends if the fetch fails."""
        span = self._span
        span.enter()
        try:
            rows = fetch()
        except BaseException as error:
            span.end(error)
            self.__class__ = self._kind  # type: ignore[assignment]
            raise
        span.leave()
        return rows

    def _finished(self) -> TrackedCursor:
        """End the span, and return this cursor as it was before its statement."""
        self._span.finish()
        self.__class__ = self._kind  # type: ignore[assignment]
        return self


@cache
def _fetching(kind: type[TrackedCursor]) -> type[TrackedCursor]:
    """Return the class of cursors of a kind whose rows are being fetched."""
    bases = (_FetchingCursor,) if kind is TrackedCursor else (kind, _FetchingCursor)
    return type(kind.__name__, bases, {"__module__": kind.__module__, "__qualname__": kind.__qualname__})


class TrackedConnection(sqlite3.Connection):
    """A connection whose statements are spans: `sqlite3.connect(path, factory=TrackedConnection)`.

    Without a sink a statement costs a few hundred nanoseconds more.
    """

    def cursor(self, factory: Any = TrackedCursor) -> Any:  # noqa: ANN401 - as the class it extends
        """Return a cursor, which is tracked unless it has a factory of its own."""
        return super().cursor(factory)

    # The methods of the extended class make a cursor of their own.
    def execute(self, sql: str, *parameters: Any) -> Any:  # noqa: ANN401 - as above
        """Execute a statement, see `sqlite3.Connection.execute`."""
        return self.cursor().execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: Any) -> Any:  # noqa: ANN401 - as above
        """Execute a statement for many rows, see `sqlite3.Connection.executemany`."""
        return self.cursor().executemany(sql, *parameters)

    def executescript(self, sql_script: str) -> Any:  # noqa: ANN401 - as above
        """Execute several statements, see `sqlite3.Connection.executescript`."""
        return self.cursor().executescript(sql_script)
