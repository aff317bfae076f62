"""The schema of the history's file, and the opening of a file, which leaves every file of others as it is."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import HistoryError

APPLICATION_ID: Final = 0x70657266
"""The number by which SQLite's header names this application: `perf` in ASCII."""

VERSION: Final = 4
WAIT_S: Final = 10.0
"""The time for which a process waits for another that writes."""

_LOCKED: Final = "database is locked"

_POINT_2: Final = """CREATE TABLE point (
    session INTEGER NOT NULL, series INTEGER NOT NULL, value REAL NOT NULL, std_error REAL, lower REAL,
    upper REAL, verdict TEXT NOT NULL, "limit" REAL, PRIMARY KEY (session, series)
) WITHOUT ROWID"""
"""The points of a session lie side by side, so that an append writes a few pages of the file, however large it is."""
_POINT: Final = _POINT_2.replace('"limit" REAL', '"limit" REAL, canaries INTEGER')

_FOLDERS: Final = """CREATE TABLE folder_component (
    series INTEGER NOT NULL, folder TEXT NOT NULL, component TEXT NOT NULL, PRIMARY KEY (series, folder)
) WITHOUT ROWID"""
"""The component of a test in the last session of a folder: projects of one repository may have equal tests."""

_CANARIES: Final = """CASE (SELECT unit FROM series WHERE number = point.series) WHEN 'ns' THEN EXISTS (
    SELECT 1 FROM series AS own
    JOIN series AS compared ON compared.test = own.test AND compared.name = own.name AND compared.metric = 'time'
    JOIN main.point AS beside ON beside.series = compared.number AND beside.session = point.session
    WHERE own.number = point.series
) END"""
"""What is likely of the rounds of a point before schema 4: a time against a baseline needs the canaries."""

_SERVICE: Final = (
    "CREATE TABLE component (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    """CREATE TABLE service_window (
        start_s INTEGER NOT NULL, component INTEGER NOT NULL, writer TEXT NOT NULL, seconds INTEGER NOT NULL,
        count INTEGER NOT NULL, errors INTEGER NOT NULL, total_ns INTEGER NOT NULL, most_ns INTEGER NOT NULL,
        histogram BLOB NOT NULL, PRIMARY KEY (component, start_s, writer)
    ) WITHOUT ROWID""",
    "CREATE INDEX service_minute ON service_window (start_s) WHERE seconds < 3600",
    """CREATE TABLE service_process (
        writer TEXT PRIMARY KEY, start_s REAL NOT NULL, at_s REAL NOT NULL, state TEXT NOT NULL
    ) WITHOUT ROWID""",
)
"""The tables of running services: a row for each component, process and minute; later for each component and hour."""

_APPENDS: Final = (
    """CREATE TABLE service_append (
        writer TEXT PRIMARY KEY, number INTEGER NOT NULL, before INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX service_append_number ON service_append (number)",
)
"""The numbers of the last two appends of each process: they show which processes live, whatever the clocks say."""

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
    _POINT,
    _FOLDERS,
    *_SERVICE,
    *_APPENDS,
)
_MIGRATIONS: Final = {
    1: (
        "ALTER TABLE point RENAME TO old_point",
        _POINT_2,
        """INSERT INTO point SELECT session, series, value, std_error, lower, upper, verdict, "limit" FROM old_point
            ORDER BY session, series""",
        "DROP TABLE old_point",
        *_SERVICE,
    ),
    2: _APPENDS,
    3: (
        "ALTER TABLE point ADD COLUMN canaries INTEGER",
        f"UPDATE point SET canaries = {_CANARIES}",  # noqa: S608 - a constant
        _FOLDERS,
    ),
}
"""The statements that turn a schema into the next."""
_VIEWS: Final = (
    "PRAGMA temp_store = MEMORY",
    f"CREATE TEMP VIEW point AS SELECT *, {_CANARIES} AS canaries FROM main.point",  # noqa: S608 - a constant
    "CREATE TEMP VIEW folder_component AS SELECT 0 AS series, '' AS folder, '' AS component WHERE 0",
)
"""The statements by which a reader sees a file before schema 4 as one of schema 4, and leaves it as it is."""


@contextlib.contextmanager
def opened(path: Path, *, creates: bool, wait_s: float = WAIT_S) -> Iterator[sqlite3.Connection]:
    """Open the history, and close it after the block.

    Args:
        path: the file.
        creates: whether a missing file is created, and a file of an earlier schema migrated; a new folder is ignored
            by git.
        wait_s: the longest time to wait for another process that writes.

    Raises:
        HistoryError: the file is missing or empty, cannot be read or written, is of another program, or of a later
            version.
    """
    try:
        if creates:
            _make_folder(path.parent)
        elif not is_there(path):
            message = f"history {path}: there is no such file; pytest --perf-history={path} writes it"
            raise HistoryError(message)
        with contextlib.closing(_connected(path, creates=creates, wait_s=wait_s)) as connection:
            _check(connection, path, creates=creates)
            yield connection
    except sqlite3.DatabaseError as error:
        raise HistoryError(_problem(path, error, wait_s)) from error
    except UnicodeEncodeError as error:
        message = f"history {path}: the name {error.object!a} is no text: nothing was written"
        raise HistoryError(message) from error
    except OSError as error:
        message = f"history {path}: {error.strerror or error}"
        raise HistoryError(message) from error


def _connected(path: Path, *, creates: bool, wait_s: float) -> sqlite3.Connection:
    """Return a connection to a file; see `opened`.

    SQLite reads a file with the help of another file beside it, which a folder that is read-only or full does not take.
    What every writer has closed is whole without.
    """
    connection = sqlite3.connect(path, timeout=wait_s, isolation_level=None)
    try:
        if not creates:
            _pragma(connection, "user_version")
    except sqlite3.OperationalError as error:
        connection.close()
        log = path.with_name(f"{path.name}-wal")
        if str(error) == _LOCKED or (log.exists() and log.stat().st_size):
            raise
        return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def is_there(path: Path) -> bool:
    """Return whether there is a file.

    Raises:
        HistoryError: the path is a folder, or cannot be looked at.
    """
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)  # `Path.is_file` hides a folder that may not be read
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        message = f"history {path}: {error.strerror or error}"
        raise HistoryError(message) from error
    if is_folder:
        message = f"history {path}: this is a folder: name a file in it"
        raise HistoryError(message)
    return True


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
    if not creates and _is_empty(connection):
        message = f"history {path}: the file is empty: pytest --perf-history={path} writes a session to it"
        raise HistoryError(message)
    if _pragma(connection, "application_id") != APPLICATION_ID:
        message = f"history {path}: this file is of another program: name another file"
        raise HistoryError(message)
    if (version := _pragma(connection, "user_version")) > VERSION:
        message = f"history {path}: its schema {version} is of a later pytest-perfbudget: upgrade, or name another file"
        raise HistoryError(message)
    if not creates:
        for statement in _VIEWS if version < VERSION else ():
            connection.execute(statement)
        return
    if version < VERSION:
        _migrate(connection)
    _prepare_writing(connection)


def has_windows(connection: sqlite3.Connection) -> bool:
    """Return whether the schema of an open history has the windows of services."""
    return _pragma(connection, "user_version") > 1


def _migrate(connection: sqlite3.Connection) -> None:
    """Turn the file into one of the present schema, or leave it as it is."""
    with transaction(connection):
        for version in range(_pragma(connection, "user_version"), VERSION):  # another process may have been quicker
            for statement in _MIGRATIONS[version]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _prepare_writing(connection: sqlite3.Connection) -> None:
    """Let readers go on while this process writes.

    A killed process loses nothing that it has committed. After a loss of power the last commits may be missing, and the
    file is whole: SQLite waits for the disk before it moves commits into the file, as the last writer does that closes
    the file, and not at each commit.
    """
    # SQLite does not wait for others with this switch. Without it, writers wait for readers, and nothing is lost; the
    # next session tries again.
    with contextlib.suppress(sqlite3.OperationalError):
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode == "wal":
            connection.execute("PRAGMA synchronous = NORMAL")


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
    "database or disk is full": "the disk is full: nothing was written",
    "disk I/O error": "the disk cannot be written, or is full: nothing was written",
    "attempt to write a readonly database": "the file cannot be written",
    "unable to open database file": "the file cannot be opened or created",
}
"""The remedy for each problem of SQLite's."""


def _problem(path: Path, error: sqlite3.Error, wait_s: float) -> str:
    if str(error) == _LOCKED:
        return f"history {path}: another process has been writing for {wait_s:.0f} s: nothing was written"
    return f"history {path}: {_REMEDIES.get(str(error), str(error))}"
