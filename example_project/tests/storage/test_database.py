from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from agent_hive.errors import BusyError, ConstraintError, SchemaError, StorageError
from agent_hive.storage.database import Database
from agent_hive.storage.schema import MIGRATIONS

ADD_AGENT = "INSERT INTO agents (id, status, registered_at, heartbeat_at) VALUES (?, 'idle', 0, 0)"


def agent_count(database: Database) -> int:
    count: int = database.connection.execute("SELECT count(*) FROM agents").fetchone()[0]
    return count


class InterruptedTestError(Exception):
    pass


class TestConnection:
    def test_it_is_set_up_for_concurrent_use(self, empty_database: Database) -> None:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        connection = empty_database.connection
        found = [connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas]
        normal = 1
        assert found == ["wal", normal, 1, 5000]

    def test_one_in_memory_is_refused(self) -> None:
        with pytest.raises(StorageError, match="WAL"):
            Database(Path(":memory:"))

    def test_a_file_that_is_locked_while_it_is_new_is_busy(self, tmp_path: Path) -> None:
        path = tmp_path / "hive.sqlite3"
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(BusyError, match="journal mode"):
                Database(path, busy_timeout_s=0)
            other.execute("ROLLBACK")
        with closing(Database(path)) as database:
            assert agent_count(database) == 0

    def test_a_path_that_cannot_be_opened_is_said_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            Database(tmp_path / "missing" / "hive.sqlite3")

    def test_each_thread_has_its_own(self, empty_database: Database) -> None:
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(lambda: empty_database.connection).result()
        assert other is not empty_database.connection
        assert empty_database.connection is empty_database.connection

    def test_close_closes_those_of_other_threads(self, tmp_path: Path) -> None:
        database = Database(tmp_path / "hive.sqlite3")
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(lambda: database.connection).result()
        database.close()
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            other.execute("SELECT 1")
        with pytest.raises(StorageError, match="closed"):
            _ = database.connection

    def test_foreign_keys_hold(self, empty_database: Database) -> None:
        with pytest.raises(ConstraintError, match="FOREIGN KEY"), empty_database.transaction() as connection:
            connection.execute("INSERT INTO agent_capabilities (capability, agent_id) VALUES ('search', 'nobody')")


class TestTransaction:
    def test_it_keeps_all(self, empty_database: Database) -> None:
        with empty_database.transaction() as connection:
            connection.execute(ADD_AGENT, ("agent-1",))
            connection.execute(ADD_AGENT, ("agent-2",))
        assert agent_count(empty_database) == 2

    def test_an_error_undoes_all(self, empty_database: Database) -> None:
        def interrupted() -> None:
            with empty_database.transaction() as connection:
                connection.execute(ADD_AGENT, ("agent-1",))
                raise InterruptedTestError

        with pytest.raises(InterruptedTestError):
            interrupted()
        assert agent_count(empty_database) == 0
        assert not empty_database.connection.in_transaction

    def test_a_broken_constraint_undoes_all(self, empty_database: Database) -> None:
        with pytest.raises(ConstraintError, match="UNIQUE"), empty_database.transaction() as connection:
            connection.executemany(ADD_AGENT, [("agent-1",), ("agent-1",)])
        assert agent_count(empty_database) == 0

    def test_a_second_one_within_is_refused(self, empty_database: Database) -> None:
        with empty_database.transaction() as connection:
            connection.execute(ADD_AGENT, ("agent-1",))
            with pytest.raises(StorageError, match="already"), empty_database.transaction():
                pass
        assert agent_count(empty_database) == 1

    def test_a_reader_does_not_wait_for_a_writer(self, empty_database: Database) -> None:
        with empty_database.transaction() as connection, ThreadPoolExecutor(1) as pool:
            connection.execute(ADD_AGENT, ("agent-1",))
            assert pool.submit(agent_count, empty_database).result() == 0
        assert agent_count(empty_database) == 1

    def test_a_second_writer_is_told_when_the_first_takes_too_long(self, tmp_path: Path) -> None:
        path = tmp_path / "hive.sqlite3"
        with closing(Database(path)) as first, closing(Database(path, busy_timeout_s=0)) as second:
            with first.transaction(), pytest.raises(BusyError), second.transaction():
                pass
            with second.transaction() as connection:
                connection.execute(ADD_AGENT, ("agent-1",))


class TestSchema:
    def test_it_survives_reopening(self, tmp_path: Path) -> None:
        path = tmp_path / "hive.sqlite3"
        with closing(Database(path)) as database, database.transaction() as connection:
            connection.execute(ADD_AGENT, ("agent-1",))
        with closing(Database(path)) as database:
            assert agent_count(database) == 1

    def test_an_older_one_is_brought_up_to_date(self, tmp_path: Path) -> None:
        path = tmp_path / "hive.sqlite3"
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in MIGRATIONS[0]:
                connection.execute(statement)
            connection.execute("PRAGMA user_version = 1")
            connection.execute(ADD_AGENT, ("agent-1",))
        with closing(Database(path)) as database:
            assert agent_count(database) == 1
            assert database.connection.execute("SELECT count(*) FROM tasks").fetchone()[0] == 0
            assert database.connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)

    def test_a_newer_one_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "hive.sqlite3"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 99")
        with pytest.raises(SchemaError, match="schema 99"):
            Database(path)

    def test_two_that_open_a_new_file_at_once_share_one_schema(self, tmp_path: Path) -> None:
        path = tmp_path / "hive.sqlite3"
        together = threading.Barrier(2)

        def open_database() -> int:
            together.wait()
            with closing(Database(path)) as database:
                return agent_count(database)

        with ThreadPoolExecutor(2) as pool:
            assert [future.result() for future in [pool.submit(open_database) for _ in range(2)]] == [0, 0]
