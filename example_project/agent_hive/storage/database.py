"""The connections to one SQLite file."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_perfbudget import track

from agent_hive.errors import BusyError, ConstraintError, StorageError
from agent_hive.storage.schema import INDEXES, migrate
from agent_hive.switches import Optimisation, is_on

_RETRY_S = 0.005


class Database:
    """A SQLite file in WAL mode, with the newest schema and one connection for each thread.

    Readers never wait for the writer. `close()` closes the connections of all threads.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 5.0) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.Lock()
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._closed = False
        self._keeps_connections = is_on(Optimisation.KEPT_CONNECTIONS)
        try:
            with self.transaction() as connection:
                migrate(connection)
                for optimisation, index in INDEXES.items():
                    if not is_on(optimisation):
                        connection.execute(f"DROP INDEX IF EXISTS {index}")
        except BaseException:
            self.close()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this thread. Outside of a transaction, each statement is committed by itself.

        Raises:
            StorageError: the database is closed.
        """
        if self._closed:
            message = "the database is closed"
            raise StorageError(message)
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or not (self._keeps_connections or connection.in_transaction):
            connection = self._local.connection = self._open()
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block as a transaction: commit at its end, or keep none of its changes if it raises.

        The lock for writing is taken at the start, so that the data that the block reads stays valid.

        Raises:
            BusyError: another writer did not finish in time.
            ConstraintError: the schema refused a change.
            StorageError: this thread is already in a transaction.
        """
        connection = self.connection
        if connection.in_transaction:
            message = "this thread is in a transaction already"
            raise StorageError(message)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise BusyError(f"no transaction could begin: {error}") from error
        try:
            yield connection
            connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            connection.rollback()
            raise ConstraintError(str(error)) from error
        except BaseException:
            connection.rollback()
            raise

    def close(self) -> None:
        """Close all connections; no other thread may be using its connection."""
        with self._lock:
            self._closed = True
            while self._opened:
                self._opened.pop().close()

    @track("sqlite.connect")
    def _open(self) -> sqlite3.Connection:
        with self._lock:
            # Each thread uses its own connection only; close() alone reaches across threads.
            connection = sqlite3.connect(
                self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            self._opened.append(connection)
        connection.row_factory = sqlite3.Row
        self._use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Switch a new file to WAL; SQLite itself does not wait while another connection does the same."""
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                if time.monotonic() >= deadline:
                    raise BusyError(f"the journal mode could not be set: {error}") from error
                time.sleep(_RETRY_S)
        if mode != "wal":
            raise StorageError(f"{self._path} cannot be in WAL mode: its journal mode is {mode}")
