"""The schema of the history's file, and the opening of a file, which leaves every file of others as it is."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import HistoryError

APPLICATION_ID: Final = 0x70657266
"""The number by which SQLite's header names this application: `perf` in ASCII."""

VERSION: Final = 1
_WAIT_S: Final = 10.0
"""The time for which a process waits for another that writes."""

_TABLES: Final = (
    """CREATE TABLE session (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at_s REAL NOT NULL, "commit" TEXT NOT NULL,
        branch TEXT NOT NULL, is_dirty INTEGER NOT NULL, folder TEXT NOT NULL, machine_key TEXT NOT NULL,
        machine TEXT NOT NULL, python TEXT NOT NULL, lock TEXT NOT NULL
    )""",
    "CREATE INDEX session_at ON session (at_s)",
    """CREATE TABLE series (
        number INTEGER PRIMARY KEY, test TEXT NOT NULL, name TEXT NOT NULL, metric TEXT NOT NULL,
        component TEXT NOT NULL, unit TEXT NOT NULL, direction TEXT NOT NULL, UNIQUE (test, name, metric)
    )""",
    """CREATE TABLE point (
        series INTEGER NOT NULL, session INTEGER NOT NULL, value REAL NOT NULL, std_error REAL, lower REAL,
        upper REAL, verdict TEXT NOT NULL, "limit" REAL, PRIMARY KEY (series, session)
    ) WITHOUT ROWID""",
    "CREATE INDEX point_session ON point (session)",
)


@contextlib.contextmanager
def opened(path: Path, *, creates: bool) -> Iterator[sqlite3.Connection]:
    """Open the history, and close it after the block.

    Args:
        path: the file.
        creates: whether a missing file is created; its new folder is ignored by git.

    Raises:
        HistoryError: the file is missing, cannot be read or written, is of another program, or of a later version.
    """
    try:
        if creates:
            _make_folder(path.parent)
        elif not path.is_file():
            message = f"history {path}: there is no such file; pytest --perf-history={path} writes it"
            raise HistoryError(message)
        with contextlib.closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as connection:
            _check(connection, path, creates=creates)
            yield connection
    except sqlite3.DatabaseError as error:
        raise HistoryError(_problem(path, error)) from error
    except UnicodeEncodeError as error:
        message = f"history {path}: the name {error.object!a} is no text: nothing of this session was written"
        raise HistoryError(message) from error
    except OSError as error:
        message = f"history {path}: {error.strerror or error}"
        raise HistoryError(message) from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all that the block writes, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk has ended the transaction already
            connection.execute("ROLLBACK")
        raise


def _check(connection: sqlite3.Connection, path: Path, *, creates: bool) -> None:
    """Check that a file is a history of this version, and write the schema into an empty file."""
    if creates and _is_empty(connection):
        with transaction(connection):
            if _is_empty(connection):  # another process may have been quicker
                for table in _TABLES:
                    connection.execute(table)
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    if _pragma(connection, "application_id") != APPLICATION_ID:
        message = f"history {path}: this file is of another program: name another file"
        raise HistoryError(message)
    if (version := _pragma(connection, "user_version")) > VERSION:
        message = f"history {path}: its schema {version} is of a later pytest-perfbudget: upgrade, or name another file"
        raise HistoryError(message)
    if creates:
        # SQLite does not wait for others with this switch. Without it, writers wait for readers, and nothing is lost;
        # the next session tries again.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")


def _is_empty(connection: sqlite3.Connection) -> bool:
    if _pragma(connection, "application_id") or _pragma(connection, "user_version"):
        return False
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return int(tables) == 0


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _make_folder(folder: Path) -> None:
    """Create the folder of a history; git ignores a new folder, as it does pytest's cache."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)  # another process may make the folder at the same time
    (folder / ".gitignore").write_text("*\n", "utf-8")


_REMEDIES: Final = {
    "file is not a database": "this file is of another program: name another file",
    "database disk image is malformed": "the file is damaged: remove it, and the next session begins a new history",
    "database or disk is full": "the disk is full: nothing of this session was written",
    "disk I/O error": "the disk cannot be written, or is full: nothing of this session was written",
    "database is locked": f"another process has been writing for {_WAIT_S:.0f} s",
    "attempt to write a readonly database": "the file cannot be written",
    "unable to open database file": "the file cannot be opened or created",
}
"""The remedy for each problem of SQLite's."""


def _problem(path: Path, error: sqlite3.Error) -> str:
    return f"history {path}: {_REMEDIES.get(str(error), str(error))}"
