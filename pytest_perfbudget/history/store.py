"""The history's file: sessions are appended and pruned in one transaction, and trends are read."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from pytest_perfbudget.core.history.retention import in_order, removable
from pytest_perfbudget.core.history.session import Circumstances, HistoryPoint, HistorySession
from pytest_perfbudget.core.history.trend import SeriesKey, Trend, TrendPoint
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.history.schema import opened, transaction
from pytest_perfbudget.history.windows import prune_windows

_AnyPoint = TypeVar("_AnyPoint", HistoryPoint, TrendPoint)
_WAIT_S: Final = 60.0
"""The time for which an append waits for another process: the migration of 1,000,000 numbers takes 4 s or more."""
_PRUNED_AT_ONCE: Final = 8
"""The most old sessions that one append removes, so that an append never takes long; reading leaves out the rest."""

_NUMBERS: Final = ("value", "std_error", "lower", "upper", "verdict", "limit", "canaries")
_FACTS: Final = ", ".join(f'"{one.name}"' for one in fields(Circumstances))
_SERIES: Final = """
    INSERT INTO series (test, name, metric, component, unit, direction) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (test, name, metric) DO UPDATE SET
        component = excluded.component, unit = excluded.unit, direction = excluded.direction
    WHERE ? AND (component != excluded.component OR unit != excluded.unit OR direction != excluded.direction)
"""
_COMPONENT: Final = """ifnull(
    (SELECT component FROM folder_component WHERE folder_component.series = series.number AND folder = {folder}),
    series.component
)"""
"""The component of a test in the last session of a folder; without a folder, in the last of all."""
_FOLDER_COMPONENT: Final = """
    INSERT INTO folder_component (series, folder, component)
    SELECT number, ?1, ?2 FROM series WHERE test = ?3 AND name = ?4 AND metric = ?5
    ON CONFLICT (series, folder) DO UPDATE SET component = excluded.component WHERE component != excluded.component
"""
_POINT: Final = """
    INSERT OR IGNORE INTO point (session, series, value, std_error, lower, upper, verdict, "limit", canaries)
    SELECT ?, number, ?, ?, ?, ?, ?, ?, ? FROM series
    WHERE test = ? AND name = ? AND metric = ?
"""


def append(
    path: Path, sessions: Iterable[HistorySession], oldest_s: float, anchor: str = "", *, now_s: float | None = None
) -> int:
    """Append sessions, and remove a few of the sessions that are too old; see `core.history.retention`.

    The windows of services that are too old are removed as well.

    Args:
        path: the file, which is created if it is missing.
        sessions: the sessions; those that the history has already, or that are too old, are left out.
        oldest_s: the time before which sessions are too old, in s since 1970.
        anchor: the commit whose sessions are never too old; empty if there is none.
        now_s: the present time; None if nothing is to be removed.

    Returns:
        The number of sessions that were new.

    Raises:
        HistoryError: the file cannot be written, or is no history; nothing was written then.
    """
    with opened(path, creates=True, wait_s=_WAIT_S) as connection, transaction(connection):
        new = sum(
            _append(connection, one, now_s)
            for one in sessions
            if one.circumstances.at_s >= oldest_s or one.circumstances.commit == (anchor or None)
        )
        if now_s is not None:
            _prune(connection, now_s, oldest_s, anchor)
            prune_windows(connection, now_s, oldest_s)
        return new


def sessions(path: Path, oldest_s: float) -> list[HistorySession]:
    """Return the sessions that are not too old, the oldest first.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    query = f"SELECT number, {_FACTS} FROM session WHERE at_s >= ? ORDER BY at_s, number"  # noqa: S608 - names of fields
    with opened(path, creates=False) as connection:
        return [
            HistorySession(_circumstances(facts), list(_points(connection, number)))
            for number, *facts in connection.execute(query, (oldest_s,)).fetchall()
        ]


def circumstances_of(path: Path, commit: str) -> list[Circumstances]:
    """Return the circumstances of all sessions of a commit, the oldest first.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    query = f'SELECT {_FACTS} FROM session WHERE "commit" = ? ORDER BY at_s, number'  # noqa: S608 - names of fields
    with opened(path, creates=False) as connection:
        return [_circumstances(facts) for facts in connection.execute(query, (commit,))]


def folders(path: Path, oldest_s: float) -> dict[str, int]:
    """Return the number of sessions that are not too old, of each folder of the repository.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    query = "SELECT folder, count(*) FROM session WHERE at_s >= ? GROUP BY folder"
    with opened(path, creates=False) as connection:
        return dict(connection.execute(query, (oldest_s,)).fetchall())


def series(path: Path, oldest_s: float, folder: str | None = None) -> list[tuple[SeriesKey, str]]:
    """Return the trends that have a point that is not too old, each with its component.

    Args:
        path: the file.
        oldest_s: the time before which points are too old, in s since 1970.
        folder: the folder of the project whose sessions count; None for all.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    query = f"""
        SELECT test, name, metric, {_COMPONENT.format(folder="?2")} FROM series WHERE EXISTS (
            SELECT 1 FROM session CROSS JOIN point ON point.session = session.number
            WHERE point.series = series.number AND at_s >= ?1 AND folder = ifnull(?2, folder)
            ORDER BY at_s DESC LIMIT 1
        ) ORDER BY test, name, metric
    """  # noqa: S608 - constants
    with opened(path, creates=False) as connection:
        return [
            (SeriesKey(test, name, metric), component)
            for test, name, metric, component in connection.execute(query, (oldest_s, folder))
        ]


def trends(
    path: Path,
    keys: Sequence[SeriesKey],
    oldest_s: float,
    anchor: str = "",
    *,
    now_s: float = math.inf,
    folder: str | None = None,
) -> list[Trend]:
    """Return trends, with their points that are not too old, and those of the anchor.

    Args:
        path: the file.
        keys: the trends.
        oldest_s: the time before which points are too old, in s since 1970.
        anchor: the commit whose points are never too old; empty if there is none.
        now_s: the present time; a point that is dated later gets the time of the session before, as it was appended.
        folder: the folder of the project whose sessions count, because projects of one repository may have tests of
            the same name; None for all.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    with opened(path, creates=False) as connection:
        return [_trend(connection, key, (oldest_s, anchor or None, folder), now_s) for key in keys]


def _append(connection: sqlite3.Connection, session: HistorySession, now_s: float | None) -> bool:
    # The component of a test is that of its last session; a pull appends sessions that are older than those here.
    query = "SELECT ifnull(max(at_s), ?1) <= ?1 FROM session WHERE at_s <= ?2 AND folder = ifnull(?3, folder)"
    at_s, folder = session.circumstances.at_s, session.circumstances.folder
    present_s = math.inf if now_s is None else now_s
    is_latest, is_latest_here = (
        connection.execute(query, (at_s, present_s, one)).fetchone()[0] for one in (None, folder)
    )
    places = ", ".join("?" * len(fields(Circumstances)))
    added = connection.execute(
        f"INSERT OR IGNORE INTO session ({_FACTS}) VALUES ({places})",  # noqa: S608 - names of fields
        astuple(session.circumstances),
    )
    if not added.rowcount:
        return False
    number, points = added.lastrowid, session.points
    connection.executemany(
        _SERIES,
        [(one.test, one.name, one.metric, one.component, one.unit, one.direction.value, is_latest) for one in points],
    )
    if is_latest_here:
        connection.executemany(
            _FOLDER_COMPONENT, [(folder, one.component, one.test, one.name, one.metric) for one in points]
        )
    connection.executemany(
        _POINT,
        [(number, *(getattr(one, name) for name in (*_NUMBERS, "test", "name", "metric"))) for one in points],
    )
    return True


def _prune(connection: sqlite3.Connection, now_s: float, oldest_s: float, anchor: str) -> None:
    query = 'SELECT number FROM session WHERE at_s < ? AND "commit" IS NOT ? ORDER BY at_s LIMIT ?'
    old = [number for (number,) in connection.execute(query, (oldest_s, anchor or None, _PRUNED_AT_ONCE))]
    if not old:
        return
    numbers, times_s = zip(*connection.execute("SELECT number, at_s FROM session ORDER BY number"), strict=True)
    may_go = {*numbers[: removable(times_s, now_s, oldest_s)]}
    gone = [(number,) for number in old if number in may_go]
    connection.executemany("DELETE FROM point WHERE session = ?", gone)
    connection.executemany("DELETE FROM session WHERE number = ?", gone)


def _circumstances(facts: Sequence[Any]) -> Circumstances:
    given = {one.name: fact for one, fact in zip(fields(Circumstances), facts, strict=True)}
    return Circumstances(**{**given, "is_dirty": bool(given["is_dirty"])})


def _points(connection: sqlite3.Connection, number: int) -> Iterator[HistoryPoint]:
    query = f"""
        SELECT test, name, {_COMPONENT.format(folder="session.folder")}, metric, unit, direction,
            value, std_error, lower, upper, verdict, "limit", canaries
        FROM session CROSS JOIN point ON point.session = session.number JOIN series ON series.number = point.series
        WHERE session.number = ? ORDER BY series.number
    """  # noqa: S608 - constants
    for test, name, component, metric, unit, direction, *numbers in connection.execute(query, (number,)):
        yield _with_bool(HistoryPoint(test, name, component, metric, unit, Direction(direction), *numbers))


def _with_bool(point: _AnyPoint) -> _AnyPoint:
    """Return a point as SQLite has it, whose truth value is a number, with the truth value."""
    return point if point.canaries is None else replace(point, canaries=bool(point.canaries))


def _trend(
    connection: sqlite3.Connection, key: SeriesKey, chosen: tuple[float, str | None, str | None], now_s: float
) -> Trend:
    query = f"""
        SELECT number, {_COMPONENT.format(folder="?4")}, unit, direction FROM series
        WHERE test = ?1 AND name = ?2 AND metric = ?3
    """  # noqa: S608 - constants
    found = connection.execute(query, (*astuple(key), chosen[-1])).fetchone()
    number, component, unit, direction = found or (0, "", "", Direction.LOWER.value)
    query = """
        SELECT at_s, "commit", branch, is_dirty, machine, python, lock, value, std_error, lower, upper,
            verdict, "limit", canaries
        FROM session CROSS JOIN point ON point.session = session.number
        WHERE series = ?1 AND (at_s >= ?2 OR "commit" = ?3) AND folder = ifnull(?4, folder) ORDER BY session
    """
    points = [
        _with_bool(TrendPoint(at_s, commit, branch, bool(is_dirty), *rest))
        for at_s, commit, branch, is_dirty, *rest in connection.execute(query, (number, *chosen))
    ]
    times_s = in_order([one.at_s for one in points], now_s)
    dated = [replace(one, at_s=at_s) for one, at_s in zip(points, times_s, strict=True)]
    return Trend(key, component, unit, Direction(direction), sorted(dated, key=lambda one: one.at_s))
