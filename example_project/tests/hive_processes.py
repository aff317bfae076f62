"""The processes of a hive, started for tests and stopped when the tests have ended, however they end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from pytest_perfbudget.tracing.exporter import ENDPOINT

from agent_hive.security.__main__ import write_keys
from agent_hive.security.keys import SigningKey
from agent_hive.security.tokens import TokenIssuer

PROJECT: Final = Path(__file__).parent.parent
START_S: Final = 60
STOP_S: Final = 10
UNTRACED: Final[Mapping[str, str]] = {ENDPOINT: ""}
ISSUER, AUDIENCE = "https://hive.example", "hive"

_LEVELS: Final = 100

POLICY: Final[Mapping[str, Any]] = {
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "roles": {
        "reader": {"permissions": ["summary:read", "count:read"]},
        "user": {"permissions": ["summary:run", "count:run", "absent:run"], "inherits": ["reader"]},
        # As many roles as a large organisation has, each above another.
        "level_0": {"permissions": ["summary:read"]},
        **{
            f"level_{level}": {"permissions": [f"task_{level}:run"], "inherits": [f"level_{level - 1}"]}
            for level in range(1, _LEVELS)
        },
    },
    "limits": {"summary": {"hits": 100_000, "window_s": 60}},
    "default_limit": {"hits": 3, "window_s": 60},
    "strategy": "round-robin",
}


@dataclass(frozen=True)
class Server:
    """A server process and its address."""

    url: str
    process: subprocess.Popen[str]


@dataclass(frozen=True)
class Hive:
    """A gateway and the agents behind it."""

    gateway: Server
    agents: Mapping[str, Server]
    issuer: TokenIssuer
    database: Path

    def headers(self, agent_id: str = "caller", *roles: str) -> dict[str, str]:
        """Return the headers of a call by an agent, which has the role `user` unless others are given."""
        return {"Authorization": f"Bearer {self.issuer.issue(agent_id, roles or ['user'])}"}

    def call_url(self, capability: str = "summary") -> str:
        """Return the address at which a capability is called."""
        return f"{self.gateway.url}/agents/{capability}"


@contextmanager
def agent(agent_id: str, database: Path, *arguments: str) -> Iterator[Server]:
    """Run an agent while the block runs."""
    with _launched("agent_hive.agent", agent_id, "--database", database, *arguments, environment=UNTRACED) as process:
        yield _answering(process)


@contextmanager
def hive(
    folder: Path, *, agents: int = 2, redis_url: str = "", traced: bool = False, **policy: object
) -> Iterator[Hive]:
    """Run a gateway and agents while the block runs, with files of their own in a folder.

    Only a traced hive records spans, so that their cost is in no other measurement.
    """
    database, settings = folder / "hive.sqlite3", folder / "hive.json"
    settings.write_text(json.dumps({**POLICY, **policy}), "utf-8")
    key = SigningKey.generate()
    _, public = write_keys(key, folder)
    paths = ("--database", database, "--public-key", public)
    environment = {"REDIS_URL": redis_url, **({} if traced else UNTRACED)}
    names = [f"agent-{number}" for number in range(1, agents + 1)]
    with ExitStack() as stack:
        # All are launched before the first has to answer: their starts take the time of one.
        gateway = stack.enter_context(_launched("agent_hive.gateway", settings, *paths, environment=environment))
        launched = {
            name: stack.enter_context(
                _launched("agent_hive.agent", name, "--database", database, environment=environment)
            )
            for name in names
        }
        servers = {name: _answering(process) for name, process in launched.items()}
        yield Hive(_answering(gateway), servers, TokenIssuer(key, issuer=ISSUER, audience=AUDIENCE), database)


@contextmanager
def _launched(
    module: str, *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a server of the hive, and end the process after the block."""
    process = subprocess.Popen(  # noqa: S603 - this project's own commands
        [sys.executable, "-m", module, *map(str, arguments), "--ends-with-parent"],
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    with _stopping(process):
        yield process


def _answering(process: subprocess.Popen[str]) -> Server:
    """Wait until a server has printed its address."""
    # A server that never answers is killed, which ends the wait for its line.
    watch = threading.Timer(START_S, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
    finally:
        watch.cancel()
    assert url, f"{process.args!r} has not started: it ended with {process.wait(STOP_S)}"
    return Server(url, process)


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a Redis server without any file while the block runs, and return its URL; skip where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - found above
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    with _stopping(process):
        _wait_for_redis(port, process)
        yield f"redis://127.0.0.1:{port}"


def _wait_for_redis(port: int, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + START_S
    with redis.Redis(port=port) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.02)
            else:
                return
    pytest.fail(f"redis-server does not answer at port {port}")


@contextmanager
def _stopping(process: subprocess.Popen[Any]) -> Iterator[None]:
    """End a process after the block: by a signal, and by force if the signal has no effect."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
