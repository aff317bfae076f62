"""The monitor in the gateway: slow storage lowers the health and fires an alert, failing storage names its cause."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_perfbudget import LoadResult, Monitor, PerfLoad
from starlette.applications import Starlette
from starlette.types import Message

from agent_hive.gateway.app import create_app
from agent_hive.gateway.settings import GatewaySettings
from agent_hive.gateway.storage_drill import FAIL, VARIABLE
from agent_hive.security.__main__ import write_keys
from agent_hive.security.keys import SigningKey
from agent_hive.security.tokens import TokenIssuer
from agent_hive.switches import VARIABLE as WITHOUT
from hive_processes import AUDIENCE, ISSUER, POLICY, agent

TABLE: Final = """
[tool.perfbudget.components.storage]
p95_ms = 200
[tool.perfbudget.alerts.slow-storage]
metric = "p95_ms"
component = "storage"
window = "1m"
limit = 200
for = "10s"
"""


class WallClock:
    """The time of the monitor, in ns since 1970, which moves only when the test says so."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * 1e9)


@dataclass
class Served:
    """A gateway within this process, with its monitor on a clock of the test and with the file of the drill."""

    app: Starlette
    monitor: Monitor
    clock: WallClock
    drill: Path
    headers: list[tuple[bytes, bytes]]

    async def get(self, path: str) -> tuple[int, bytes]:
        """Send a request as a server would hand it on, and return the status and the body of the answer."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": self.headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "scheme": "http",
        }  # fmt: skip
        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])

    async def summary(self) -> dict[str, Any]:
        """Return the summary as the gateway serves it."""
        found: dict[str, Any] = json.loads((await self.get("/perfbudget"))[1])
        return found


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a function of no arguments
    monkeypatch.setenv(VARIABLE, str(tmp_path / "drill"))
    # Every call reads the storage, and the agent answers each.
    monkeypatch.setenv(WITHOUT, "registry-cache,response-cache")
    (tmp_path / "hive.json").write_text(json.dumps(POLICY), "utf-8")
    (tmp_path / "pyproject.toml").write_text(TABLE, "utf-8")
    key = SigningKey.generate()
    _, public = write_keys(key, tmp_path)
    token = TokenIssuer(key, issuer=ISSUER, audience=AUDIENCE).issue("caller", ["user"])

    @asynccontextmanager
    async def serving() -> AsyncIterator[Served]:
        clock = WallClock()
        monitor = Monitor.from_pyproject(tmp_path / "pyproject.toml", clock=clock, in_background=False)
        database = tmp_path / "hive.sqlite3"
        settings = GatewaySettings.read(tmp_path / "hive.json", database=database, public_key=public, redis_url=None)
        app = create_app(settings, monitor)
        with agent("agent-1", database):
            async with app.router.lifespan_context(app):
                headers = [(b"authorization", f"Bearer {token}".encode())]
                yield Served(app, monitor, clock, tmp_path / "drill", headers)

    return serving


def test_slow_storage_is_seen_and_its_end_as_well(perf_load: PerfLoad, served: Any) -> None:  # noqa: ANN401 - above
    async def main() -> None:
        async with served() as gateway:
            events: list[str] = []
            gateway.monitor.on_alert(lambda event: events.append(f"{event.rule.name} {event.state.value}"))

            async def call() -> None:
                status, _ = await gateway.get("/agents/summary")
                assert status == 200

            async def load(name: str) -> dict[str, Any]:
                result: LoadResult = await perf_load(call, users=5, requests=6, name=name)
                assert not result.failures
                gateway.monitor.check()
                gateway.clock.advance(15)
                found: dict[str, Any] = await gateway.summary()
                return found

            calm = await load("calm")
            assert calm["components"]["storage"]["windows"]["1m"]["count"] == 30
            assert calm["components"]["gateway"]["windows"]["1m"]["count"] == 30
            assert events == []

            gateway.drill.write_text("0.3", "utf-8")
            slow = await load("slow storage")
            assert slow["components"]["storage"]["budgets"][0]["verdict"] == "exceeded"
            assert slow["components"]["storage"]["health_score"] <= 59
            assert slow["health_score"] < calm["health_score"]
            assert events == ["slow-storage firing"]

            gateway.drill.unlink()
            gateway.clock.advance(310)
            await load("calm again")
            after = await load("calm at last")
            assert after["components"]["storage"]["budgets"][0]["verdict"] != "exceeded"
            assert after["health_score"] > slow["health_score"]
            assert events == ["slow-storage firing", "slow-storage clear"]

    asyncio.run(main())


def test_failing_storage_is_an_error_with_its_cause(served: Any) -> None:  # noqa: ANN401 - above
    async def main() -> None:
        async with served() as gateway:
            gateway.drill.write_text(FAIL, "utf-8")
            with pytest.raises(Exception, match="the storage is busy: a drill"):
                await gateway.get("/agents/summary")
            causes = {one["component"]: one for one in (await gateway.summary())["errors"]}
            assert causes["storage"]["kind"] == causes["http"]["kind"] == "BusyError"
            assert causes["storage"]["message"] == "the storage is busy: a drill"
            assert "storage_drill.py:" in causes["http"]["place"]

    asyncio.run(main())


def test_the_gateway_serves_its_numbers(served: Any) -> None:  # noqa: ANN401 - above
    async def main() -> None:
        async with served() as gateway:
            assert (await gateway.get("/health"))[0] == 200
            status, text = await gateway.get("/metrics")
            assert status == 200
            assert b'perfbudget_requests_total{component="http"} 1\n' in text

    asyncio.run(main())
