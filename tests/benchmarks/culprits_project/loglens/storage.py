"""The entries in a database, and in files."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from loglens.entries import Entry


class Store:
    """The entries of some logs, in memory."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, host TEXT, path TEXT, size INTEGER)")
        rows = [(one.host, one.path, one.size) for one in entries]
        self._database.executemany("INSERT INTO entry (host, path, size) VALUES (?, ?, ?)", rows)
        self._database.execute("CREATE INDEX by_host ON entry (host)")

    def paths_of(self, host: str) -> list[str]:
        rows = self._database.execute("SELECT path FROM entry WHERE host = ?", (host,)).fetchall()
        return [path for (path,) in rows]

    def traffic(self, hosts: Sequence[str]) -> dict[str, int]:
        marks = ",".join("?" * len(hosts))
        query = f"SELECT host, SUM(size) FROM entry WHERE host IN ({marks}) GROUP BY host"
        return dict(self._database.execute(query, hosts).fetchall())


def save(file: Path, lines: Sequence[str]) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.write("\n".join(lines))


def load(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines()
