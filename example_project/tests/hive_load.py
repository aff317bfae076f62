"""Loads of coroutines, each in an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from pytest_perfbudget import LoadResult, PerfLoad

Request = Callable[[aiohttp.ClientSession], Awaitable[None]]
"""A request by a user's client, which keeps its connection."""


def run_load(perf_load: PerfLoad, request: Request, **keywords: Any) -> LoadResult:  # noqa: ANN401 - of perf_load
    """Generate a load of a request, and return its result."""

    async def main() -> LoadResult:
        result: LoadResult = await perf_load(request, user=aiohttp.ClientSession, **keywords)
        return result

    return asyncio.run(main())
