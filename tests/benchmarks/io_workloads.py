"""Workloads that wait for the system: a server, a database on disk, sockets, files, processes."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNITS = 10
"""Units of work in one call: one more is 10 % more work."""

_Work = Callable[[], object]


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
"""They go with the process."""


def _folder() -> Path:
    _FOLDERS.append(tempfile.TemporaryDirectory(prefix="perfbudget-io-", ignore_cleanup_errors=True))
    return Path(_FOLDERS[-1].name)


def _requests() -> _Work:
    """Requests to uvicorn over a connection of httpx2 that is kept alive."""
    import httpx2
    import uvicorn

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"hive" * 100})

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    client = httpx2.Client(base_url=f"http://127.0.0.1:{port}")
    return lambda: client.get("/").content


def _commits() -> _Work:
    database = sqlite3.connect(_folder() / "commits.db")
    database.execute("create table entries(id integer primary key, body text)")
    database.executemany("insert into entries values(?, ?)", [(number, "x" * 100) for number in range(100)])
    database.commit()

    def commit() -> None:
        database.execute("update entries set body = body || '' where id = 7")
        database.commit()

    return commit


def _scans() -> _Work:
    database = sqlite3.connect(_folder() / "scans.db")
    database.execute("create table entries(id integer primary key, amount real, body text)")
    database.executemany(
        "insert into entries values(?, ?, ?)", [(number, number / 7, "x" * 80) for number in range(3000)]
    )
    database.commit()
    return lambda: database.execute("select sum(amount), max(length(body)) from entries").fetchone()


def _echoes() -> _Work:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        while data := connection.recv(65536):
            connection.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    client = socket.create_connection(listener.getsockname())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def echo() -> None:
        client.sendall(b"x" * 1000)
        missing = 1000
        while missing:
            missing -= len(client.recv(65536))

    return echo


def _writes_and_reads() -> _Work:
    file = _folder() / "file"
    content = os.urandom(65_536)

    def work() -> bytes:
        file.write_bytes(content)
        return file.read_bytes()

    return work


def _runs_a_process() -> _Work:
    return lambda: subprocess.run(["true"], check=True)


WORKLOADS: dict[str, Callable[[], _Work]] = {
    "uvicorn over httpx2": _requests,
    "sqlite commit": _commits,
    "sqlite scan": _scans,
    "tcp echo": _echoes,
    "file": _writes_and_reads,
    "subprocess": _runs_a_process,
}


def workload(name: str, slowdown: float = 0.0) -> Callable[[], None]:
    unit = WORKLOADS[name]()
    units = range(round(UNITS * (1 + slowdown)))

    def work() -> None:
        for _ in units:
            unit()

    return work
