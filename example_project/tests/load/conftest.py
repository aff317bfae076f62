from __future__ import annotations

import itertools

import aiohttp
import pytest

from hive_load import Request
from hive_processes import Hive

SENDERS = 20
TEXT = "Agents share a hive. A hive has a gateway. The gateway finds an agent of the hive for each call."
BODY = {"text": TEXT}


@pytest.fixture
def sends(running_hive: Hive) -> Request:
    """A complete request: 20 senders in turn have an agent summarise a text."""
    senders = itertools.cycle([running_hive.headers(f"sender-{number}") for number in range(SENDERS)])
    url = running_hive.call_url()

    async def send(client: aiohttp.ClientSession) -> None:
        async with client.post(url, json=BODY, headers=next(senders)) as response:
            assert response.status == 200
            assert (await response.json())["sentence"] == "A hive has a gateway."

    return send


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
