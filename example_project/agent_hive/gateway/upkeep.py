"""The work of the gateway beside its calls: entries are refreshed, agents are checked, expired ones removed."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from agent_hive.discovery.health import HealthChecker
from agent_hive.discovery.lookup import Lookup
from agent_hive.discovery.registry import Registry
from agent_hive.errors import StorageError

_REFRESH_EVERY_S = 1.0
_CHECK_EVERY_S = 3.0
_REMOVE_EVERY_S = 10.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def upkeep(registry: Registry, lookup: Lookup, health: HealthChecker) -> AsyncIterator[None]:
    """Do the work while the block runs."""
    tasks = [
        asyncio.create_task(_repeat(work, every_s))
        for work, every_s in (
            (partial(asyncio.to_thread, lookup.refresh), _REFRESH_EVERY_S),
            (health.check_all, _CHECK_EVERY_S),
            (partial(asyncio.to_thread, registry.remove_expired), _REMOVE_EVERY_S),
        )
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(work: Callable[[], Awaitable[object]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await work()
        except (StorageError, sqlite3.Error) as error:  # the next turn may succeed
            _log.warning("the registry cannot be used: %s", error)
