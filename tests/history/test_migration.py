"""A history of an earlier schema: the next writer turns it into the present schema, and nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from histories import START_S, point, process, session, window

from pytest_perfbudget.core.history.service_window import DAY_S
from pytest_perfbudget.core.history.session import HistorySession
from pytest_perfbudget.core.history.trend import SeriesKey
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.history import schema
from pytest_perfbudget.history.store import append, series, sessions, trends
from pytest_perfbudget.history.windows import append_windows, last_processes, window_components, windows_since

SCHEMA_1, SCHEMA_3 = (Path(__file__).parents[1] / "data" / f"history_schema_{version}.sql" for version in (1, 3))
MEDIAN = SeriesKey("tests/test_api.py::test_login", "", "median")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A history as the code of schema 1 wrote it."""
    return restored(tmp_path / "history.db", SCHEMA_1)


def restored(file: Path, dump: Path) -> Path:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump.read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return file


def content() -> list[HistorySession]:
    """Return the sessions that the file has."""
    budget = point(5e6, metric="p95", limit=6e6, std_error=None, verdict="within", lower=4.9e6, upper=5.1e6)
    query = point(3e6, test="tests/test_db.py::test_query", component="db.read")
    made = [session(day, [point(4e6 + day), budget, query]) for day in range(4)]
    # Nothing was compared with a baseline, so no canaries were read.
    return [replace(one, points=[replace(point, canaries=False) for point in one.points]) for one in made]


def version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def test_a_reader_understands_schema_1_and_leaves_it(file: Path) -> None:
    before = file.read_bytes()
    assert sessions(file, 0) == content()
    assert trends(file, [MEDIAN], 0)[0].values == [4e6, 4e6 + 1, 4e6 + 2, 4e6 + 3]
    assert [key.metric for key, _ in series(file, 0)] == ["median", "p95", "median"]
    assert (windows_since(file, 0), last_processes(file, DAY_S), window_components(file, 0)) == ([], [], [])
    assert file.read_bytes() == before


def test_a_session_migrates_the_file(file: Path) -> None:
    assert append(file, [session(4), session(2)], START_S) == 1
    assert version(file) == schema.VERSION
    assert sessions(file, 0) == [*content(), session(4)]
    assert trends(file, [MEDIAN], 0)[0].values[-2:] == [4e6 + 3, 4e6]


def test_a_monitor_migrates_the_file(file: Path) -> None:
    append_windows(file, [window()], process(), START_S)
    assert sessions(file, 0) == content()
    assert windows_since(file, 0) == [window()]


def test_a_migrated_file_has_the_schema_of_a_new_file(file: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    found = []
    for one in (file, new):
        append(one, [], START_S)
        with closing(sqlite3.connect(one)) as connection:
            rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        found.append(
            {(kind, name, " ".join((sql or "").replace('"point"', "point").split())) for kind, name, sql in rows}
        )
    assert found[0] == found[1]


def test_a_migration_that_fails_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [*schema._MIGRATIONS[1], "CREATE TABLE point (number)"]
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_MIGRATIONS", {1: steps})
        with pytest.raises(HistoryError, match=r"^history .*: table point already exists$"):
            append(file, [session(4)], START_S)
    assert version(file) == 1
    assert sessions(file, 0) == content()
    append(file, [session(4)], START_S)
    assert sessions(file, 0) == [*content(), session(4)]


@pytest.mark.parametrize("is_migrated", [False, True])
def test_the_timing_of_rounds_before_schema_4_is_known_by_the_time_against_a_baseline(
    tmp_path: Path, *, is_migrated: bool
) -> None:
    file = restored(tmp_path / "history.db", SCHEMA_3)
    if is_migrated:
        append(file, [], START_S)
    assert version(file) == (schema.VERSION if is_migrated else 3)
    found = [{one.metric: one.canaries for one in kept.points} for kept in sessions(file, 0)]
    assert found == [{"median": False, "calls": None}, {"median": True, "calls": None, "time": True}]
    (median,) = trends(file, [MEDIAN], 0)
    assert [one.canaries for one in median.points] == [False, True]
    assert [component for _, component in series(file, 0, "sub")] == ["web"] * 3
