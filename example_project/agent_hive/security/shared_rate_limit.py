"""The rate limits of agents in Redis, where several gateways count together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

import redis.asyncio
from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from pytest_perfbudget import track
from redis.exceptions import RedisError

from agent_hive.errors import RateLimitStoreError
from agent_hive.security.limit_table import Decision, Limit, LimitTable
from agent_hive.switches import Optimisation, is_on


class _Window(Protocol):
    """The hits of each agent within the window of a limit."""

    async def hit(self, item: RateLimitItem, agent_id: str) -> bool:
        """Count a hit if it is allowed, and return whether it is."""
        ...

    async def left(self, item: RateLimitItem, agent_id: str) -> tuple[int, float]:
        """Return how many more hits are allowed, and in how many seconds there is one more."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class SharedRateLimiter:
    """A counter of the hits of every agent, for each action, in Redis. One event loop uses it.

    Args:
        url: the address of Redis, such as `redis://localhost:6379/0`.
        limits: the limit of each action, by the name of the action.
        default: the limit of all other actions together.
    """

    def __init__(self, url: str, limits: Mapping[str, Limit], *, default: Limit) -> None:
        self._table = LimitTable(limits, default)
        self._window: _Window = _SlidingWindow(url) if is_on(Optimisation.SLIDING_WINDOW) else _HitLog(url)

    @track("security.rate_limit")
    async def hit(self, agent_id: str, action: str) -> Decision:
        """Count a hit if it is allowed; a refused hit does not count.

        Raises:
            RateLimitStoreError: Redis does not answer.
        """
        item = self._table.item(action)
        try:
            allowed = await self._window.hit(item, agent_id)
            remaining, wait_s = await self._window.left(item, agent_id)
        except RedisError as error:
            raise RateLimitStoreError(f"Redis does not answer: {error}") from error
        return Decision.of(allowed=allowed, remaining=remaining, wait_s=wait_s)

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._window.close()


class _SlidingWindow:
    """Two counters for each agent and action, the older one weighted: scripts in Redis count with them at once."""

    def __init__(self, url: str) -> None:
        self._client = redis.asyncio.Redis.from_url(url)
        storage = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            connection_pool=self._client.connection_pool,  # type: ignore[arg-type]  # the library hands options on
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def hit(self, item: RateLimitItem, agent_id: str) -> bool:
        return await self._limiter.hit(item, agent_id)

    async def left(self, item: RateLimitItem, agent_id: str) -> tuple[int, float]:
        stats = await self._limiter.get_window_stats(item, agent_id)
        return stats.remaining, stats.reset_time - time.time()

    async def close(self) -> None:
        await self._client.aclose()


class _HitLog:
    """The time of each hit in a list, which is read whole at every hit.

    Two gateways that read at once may allow a hit too many.
    """

    def __init__(self, url: str) -> None:
        self._client = redis.asyncio.Redis.from_url(url)

    async def hit(self, item: RateLimitItem, agent_id: str) -> bool:
        recent = await self._recent(item, agent_id)
        if len(recent) >= item.amount:
            return False
        key = _key(item, agent_id)
        await self._client.rpush(key, time.time())
        await self._client.ltrim(key, -item.amount, -1)
        await self._client.expire(key, item.get_expiry())
        return True

    async def left(self, item: RateLimitItem, agent_id: str) -> tuple[int, float]:
        recent = await self._recent(item, agent_id)
        wait_s = recent[0] + item.get_expiry() - time.time() if recent else 0.0
        return item.amount - len(recent), wait_s

    async def close(self) -> None:
        await self._client.aclose()

    async def _recent(self, item: RateLimitItem, agent_id: str) -> list[float]:
        oldest = time.time() - item.get_expiry()
        stored = [float(one) for one in await self._client.lrange(_key(item, agent_id), 0, -1)]
        return [one for one in stored if one > oldest]


def _key(item: RateLimitItem, agent_id: str) -> str:
    return f"hits:{item.key_for(agent_id)}"
