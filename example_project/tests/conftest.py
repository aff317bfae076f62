from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent_hive.clock import ManualClock
from hive_processes import Hive, Server, agent, hive, redis_server


@pytest.fixture
def clock() -> ManualClock:
    """The time is set by the test, so that nothing has to wait."""
    return ManualClock(1_750_000_000.0)


@pytest.fixture(scope="session")
def running_hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    """A gateway and two agents, each a process, for all tests that leave them as they are."""
    with hive(tmp_path_factory.mktemp("hive")) as started:
        yield started


@pytest.fixture(scope="session")
def running_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An agent without a gateway."""
    with agent("agent-1", tmp_path_factory.mktemp("agent") / "hive.sqlite3") as started:
        yield started


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url
