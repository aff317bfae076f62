"""Loads of coroutines, each in an event loop of its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from pytest_perfbudget import LoadResult, PerfLoad

from hive_processes import Hive

Request = Callable[[aiohttp.ClientSession], Awaitable[None]]
"""A request by a user's client, which keeps its connection."""

SENDERS = 20
TEXT = "Agents share a hive. A hive has a gateway. The gateway finds an agent of the hive for each call."
BODY = {"text": TEXT}


def run_load(perf_load: PerfLoad, request: Request, **keywords: Any) -> LoadResult:  # noqa: ANN401 - of perf_load
    """Generate a load of a request, and return its result."""

    async def main() -> LoadResult:
        result: LoadResult = await perf_load(request, user=aiohttp.ClientSession, **keywords)
        return result

    return asyncio.run(main())


def complete_request(running: Hive) -> Request:
    """Return a request: 20 senders in turn have an agent summarise a text."""
    senders = itertools.cycle([running.headers(f"sender-{number}") for number in range(SENDERS)])
    url = running.call_url()

    async def send(client: aiohttp.ClientSession) -> None:
        async with client.post(url, json=BODY, headers=next(senders)) as response:
            assert response.status == 200
            assert (await response.json())["sentence"] == "A hive has a gateway."

    return send
