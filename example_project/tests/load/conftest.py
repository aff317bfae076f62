from __future__ import annotations

import itertools
from collections.abc import Iterator

import aiohttp
import pytest

from hive_load import SENDERS, Request, complete_request
from hive_processes import Hive, hive


@pytest.fixture
def sends(running_hive: Hive) -> Request:
    """A complete request to the hive of all tests."""
    return complete_request(running_hive)


@pytest.fixture(scope="module")
def redis_hive(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Hive]:
    """A hive that counts calls in Redis."""
    with hive(tmp_path_factory.mktemp("redis-hive"), redis_url=redis_url) as started:
        yield started


@pytest.fixture
def reads(running_hive: Hive) -> Request:
    """A request that the gateway answers alone, from its response cache, after the first."""
    senders = itertools.cycle([running_hive.headers(f"sender-{number}") for number in range(SENDERS)])
    url = running_hive.call_url()

    async def read(client: aiohttp.ClientSession) -> None:
        async with client.get(url, headers=next(senders)) as response:
            assert response.status == 200
            assert (await response.json())["capability"] == "summary"

    return read
