"""The windows of running services in the history's file: appended by the minute, merged to hours two hours later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.core.history.service_window import DAY_S, HOUR_S, ServiceProcess, ServiceWindow, merged_windows
from pytest_perfbudget.core.tally import Tally
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.history.schema import WAIT_S, has_windows, opened, transaction

_MINUTES_KEPT_S: Final = 2 * HOUR_S
"""The age from which minutes are merged: dashboards judge the last hour, and show the hours of a day."""
_MERGED_AT_ONCE: Final = 2
"""The most components of which one append merges an hour, so that an append never takes long."""
_MERGED: Final = ""
"""The writer of a window that was merged from those of all processes."""

_GAP_S: Final = 3 * DAY_S
"""The longest time without requests, such as a weekend, that is no long gap."""

_NUMBERS: Final = "count, errors, total_ns, most_ns, histogram"
_WINDOW: Final = f"""
    INSERT OR REPLACE INTO service_window (start_s, component, writer, seconds, {_NUMBERS})
    SELECT ?, number, ?, ?, ?, ?, ?, ?, ? FROM component WHERE name = ?
"""  # noqa: S608 - names of columns
_PROCESS: Final = "INSERT OR REPLACE INTO service_process (writer, start_s, at_s, state) VALUES (?, ?, ?, ?)"


def append_windows(
    path: Path, windows: Sequence[ServiceWindow], process: ServiceProcess, oldest_s: float, *, wait_s: float = WAIT_S
) -> None:
    """Append the windows of a process, merge a few of those that are two hours old, and remove those that are too old.

    Args:
        path: the file, which is created if it is missing.
        windows: the windows; a window that the process wrote before is replaced.
        process: the process, with its present state.
        oldest_s: the time before which windows are too old, in s since 1970.
        wait_s: the longest time to wait for another process that writes.

    Raises:
        HistoryError: the file cannot be written, or is no history; nothing was written then.
    """
    with opened(path, creates=True, wait_s=wait_s) as connection, transaction(connection):
        names = {(one.component,) for one in windows}
        connection.executemany("INSERT OR IGNORE INTO component (name) VALUES (?)", names)
        connection.executemany(_WINDOW, [_row(one, process.writer) for one in windows])
        state = json.dumps(dict(process.state), separators=(",", ":"))
        connection.execute(_PROCESS, (process.writer, process.start_s, process.at_s, state))
        now_s = _present(connection, process.writer)
        if now_s is not None:
            _merge(connection, path, now_s - _MINUTES_KEPT_S)
            prune_windows(connection, now_s, oldest_s - (process.at_s - now_s))


def windows_since(path: Path, since_s: float, component: str = "") -> list[ServiceWindow]:
    """Return the windows that end after a time, by time; those of several processes are one.

    Args:
        path: the file.
        since_s: the time, in s since 1970.
        component: the component to read, with those whose names continue its name after a dot; empty for all.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    query = f"""
        SELECT name, start_s, seconds, {_NUMBERS} FROM component CROSS JOIN service_window ON component = number
        WHERE start_s > ? - {HOUR_S} AND start_s + seconds > ?
            AND (? IN ('', name) OR substr(name, 1, length(?) + 1) = ? || '.')
    """  # noqa: S608 - names of columns
    with opened(path, creates=False) as connection:
        if not has_windows(connection):
            return []
        rows = connection.execute(query, (since_s, since_s, component, component, component)).fetchall()
    found = [_window(path, row) for row in rows]
    lengths = sorted({one.seconds for one in found})
    return [one for length in lengths for one in merged_windows((w for w in found if w.seconds == length), length)]


def component_hours(path: Path, since_s: float, component: str) -> dict[str, list[ServiceWindow]]:
    """Return the hours with requests of a component, and of those whose names continue its name after a dot, by time.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    found: dict[str, list[ServiceWindow]] = {}
    for one in merged_windows(windows_since(path, since_s, component), HOUR_S):
        found.setdefault(one.component, []).append(one)
    return dict(sorted(found.items()))


def window_components(path: Path, since_s: float) -> list[str]:
    """Return the names of the components that have a window which began after a time.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    query = """
        SELECT name FROM component
        WHERE EXISTS (SELECT 1 FROM service_window WHERE component = number AND start_s >= ?) ORDER BY name
    """
    with opened(path, creates=False) as connection:
        return [name for (name,) in connection.execute(query, (since_s,))] if has_windows(connection) else []


def last_processes(path: Path, seconds: float, until_s: float = float("inf")) -> list[ServiceProcess]:
    """Return the processes whose last minute ended at most so long before the last minute of all, the latest first.

    Args:
        path: the file.
        seconds: how long before.
        until_s: the time, in s since 1970, after which a process ended no minute, and is left out.

    Raises:
        HistoryError: the file cannot be read, or is no history.
    """
    query = """
        SELECT writer, start_s, at_s, state FROM service_process
        WHERE at_s <= ?2 AND at_s >= (SELECT max(at_s) FROM service_process WHERE at_s <= ?2) - ?1
        ORDER BY at_s DESC, writer
    """
    with opened(path, creates=False) as connection:
        rows = connection.execute(query, (seconds, until_s)).fetchall() if has_windows(connection) else []
    try:
        return [ServiceProcess(writer, start_s, at_s, json.loads(state)) for writer, start_s, at_s, state in rows]
    except (ValueError, TypeError) as error:
        raise _damaged(path, error) from None


def prune_windows(connection: sqlite3.Connection, now_s: float, oldest_s: float) -> None:
    """Remove the windows and processes that are too old, as far as windows lead back to them without a long gap.

    Windows beyond a long gap may be of the present, because the clock of this machine may be ahead. A clock that is
    ahead by less than such a gap removes nothing too early, because windows are kept for so much longer.
    """
    before_s = oldest_s - _GAP_S - DAY_S  # a gap is measured from the beginning of a day
    old = "FROM component CROSS JOIN service_window ON component = number WHERE start_s < ?"
    query = f"SELECT EXISTS (SELECT 1 {old}) OR EXISTS (SELECT 1 FROM service_process WHERE at_s < ?)"  # noqa: S608
    if not connection.execute(query, (before_s, before_s)).fetchone()[0]:
        return
    within = _unbroken_since(connection, now_s), before_s
    query = (
        "DELETE FROM service_window WHERE component IN (SELECT number FROM component) AND start_s >= ? AND start_s < ?"
    )
    connection.execute(query, within)
    connection.execute("DELETE FROM service_process WHERE at_s >= ? AND at_s < ?", within)
    connection.execute("DELETE FROM service_append WHERE writer NOT IN (SELECT writer FROM service_process)")


def _present(connection: sqlite3.Connection, writer: str) -> float | None:
    """Note an append of a process, and return the earliest present time of the processes that live.

    Clocks of machines may differ by weeks, and minutes of the present must not look old. The processes that have
    appended since the last append but one of this process live; None if this is its first, which does not show others.
    """
    found = connection.execute("SELECT number, before FROM service_append WHERE writer = ?", (writer,)).fetchone()
    last, before = found or (0, 0)
    connection.execute(
        "INSERT OR REPLACE INTO service_append SELECT ?, ifnull(max(number), 0) + 1, ? FROM service_append",
        (writer, last),
    )
    if not last:
        return None
    query = "SELECT min(at_s) FROM service_append JOIN service_process USING (writer) WHERE number > ?"
    return float(connection.execute(query, (before or last,)).fetchone()[0])


def _unbroken_since(connection: sqlite3.Connection, now_s: float) -> float:
    """Return the beginning of the day since which no gap between windows is too long; now if there is none."""
    latest = "(SELECT max(start_s) FROM service_window WHERE component = number AND start_s < ?)"
    query = f"SELECT max({latest}) FROM component"  # noqa: S608 - names of columns
    since_s = now_s
    while True:
        (start_s,) = connection.execute(query, (since_s,)).fetchone()
        if start_s is None or since_s - start_s > _GAP_S:
            return since_s
        since_s = start_s // DAY_S * DAY_S


def _merge(connection: sqlite3.Connection, path: Path, before_s: float) -> None:
    """Merge the minutes of the oldest hour that has any, and that ended before a time, for a few components."""
    query = "SELECT min(start_s) FROM service_window WHERE seconds < 3600 AND start_s < ?"
    (first_s,) = connection.execute(query, (before_s // HOUR_S * HOUR_S,)).fetchone()
    if first_s is None:
        return
    hour_s = first_s // HOUR_S * HOUR_S
    within = "start_s >= ? AND start_s < ?"
    query = f"SELECT DISTINCT component FROM service_window WHERE {within} AND seconds < 3600 LIMIT ?"  # noqa: S608
    for (component,) in connection.execute(query, (hour_s, hour_s + HOUR_S, _MERGED_AT_ONCE)).fetchall():
        query = f"""
            SELECT name, start_s, seconds, {_NUMBERS} FROM service_window JOIN component ON number = component
            WHERE {within} AND number = ?
        """  # noqa: S608 - names of columns
        bounds = (hour_s, hour_s + HOUR_S, component)
        found = merged_windows((_window(path, row) for row in connection.execute(query, bounds)), HOUR_S)
        connection.execute(f"DELETE FROM service_window WHERE {within} AND component = ?", bounds)  # noqa: S608
        connection.executemany(_WINDOW, [_row(one, _MERGED) for one in found])


def _row(window: ServiceWindow, writer: str) -> tuple[Any, ...]:
    tally = window.tally
    numbers = tally.count, tally.errors, tally.total_ns, tally.most_ns, tally.histogram()
    return (window.start_s, writer, window.seconds, *numbers, window.component)


def _window(path: Path, row: Sequence[Any]) -> ServiceWindow:
    name, start_s, seconds, *numbers = row
    try:
        return ServiceWindow(name, start_s, seconds, Tally.of_histogram(*numbers))
    except ValueError as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> HistoryError:
    message = f"history {path}: the windows of services are damaged ({error}): remove the file, and a new one begins"
    return HistoryError(message)
