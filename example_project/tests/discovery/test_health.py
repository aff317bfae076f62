from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from agent_hive.discovery.health import HealthChecker
from agent_hive.discovery.registry import Endpoint, Registry
from agent_hive.storage.database import Database
from hive_processes import Server, agent


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def endpoint(url: str) -> Endpoint:
    return Endpoint("agent-1", url, 1, is_healthy=True, expires_at=0)


def check(registry: Registry, *, rounds: int) -> list[bool]:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            checker = HealthChecker(registry, session, timeout_s=0.2)
            for _ in range(rounds):
                await checker.check_all()

    asyncio.run(main())
    return [one.is_healthy for one in registry.alive()]


def answers(registry: Registry, url: str) -> bool:
    async def main() -> bool:
        async with aiohttp.ClientSession() as session:
            return await HealthChecker(registry, session, timeout_s=0.2).answers(endpoint(url))

    return asyncio.run(main())


def test_a_running_agent_is_well(registry: Registry, running_agent: Server) -> None:
    assert answers(registry, running_agent.url)


def test_an_agent_that_never_answers_is_not(registry: Registry, silent_url: str) -> None:
    assert not answers(registry, silent_url)


@pytest.mark.parametrize("path", ["/absent", "/skills/absent"])
def test_an_answer_that_is_an_error_is_none(registry: Registry, running_agent: Server, path: str) -> None:
    assert not answers(registry, running_agent.url + path)


def test_an_agent_that_has_ended_is_not_well(registry: Registry, tmp_path: Path) -> None:
    with agent("agent-2", tmp_path / "hive.sqlite3") as started:
        url = started.url
    assert not answers(registry, url)


@pytest.mark.skipif(sys.platform == "win32", reason="a process is ended there without a word")
def test_an_agent_announces_itself_and_says_farewell(tmp_path: Path) -> None:
    path = tmp_path / "hive.sqlite3"
    with closing(Database(path)) as database:
        registry = Registry(database)
        with agent("agent-2", path, "--skill", "count", "--weight", "3") as started:
            (found,) = registry.find("count")
            assert (found.agent_id, found.url, found.weight) == ("agent-2", started.url, 3)
            assert registry.find("summary") == ()
        assert registry.alive() == []


def test_two_failures_in_a_row_make_an_agent_unhealthy(registry: Registry, silent_url: str) -> None:
    registry.announce("agent-1", silent_url, ["search"])
    assert check(registry, rounds=1) == [True]
    assert check(registry, rounds=2) == [False]


def test_one_answer_makes_it_healthy_again(registry: Registry, running_agent: Server) -> None:
    found = registry.announce("agent-1", running_agent.url, ["search"])
    registry.mark(found, is_healthy=False)
    assert check(registry, rounds=1) == [True]
