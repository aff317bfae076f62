"""The health of agents, asked by a GET of `/health`."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import aiohttp

from agent_hive.discovery.registry import Endpoint, Registry

HEALTH_PATH: Final = "/health"
DEFAULT_TIMEOUT_S: Final = 2.0


class HealthChecker:
    """A checker of all endpoints of a registry.

    Args:
        registry: the registry, in which an outcome is stored if it changes.
        session: the client for the checks.
        timeout_s: the time after which a check has failed.
        failures: how many checks in a row have to fail before an agent counts as unhealthy.
    """

    def __init__(
        self,
        registry: Registry,
        session: aiohttp.ClientSession,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        failures: int = 2,
    ) -> None:
        self._registry = registry
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._most = failures
        self._failed: Counter[str] = Counter()

    async def answers(self, endpoint: Endpoint) -> bool:
        """Return whether an agent answers now, and says that it is well."""
        try:
            async with self._session.get(endpoint.url + HEALTH_PATH, timeout=self._timeout) as response:
                return response.ok
        except (aiohttp.ClientError, asyncio.TimeoutError, TimeoutError):
            return False

    async def check_all(self) -> None:
        """Check all endpoints at once, and store what has changed."""
        endpoints = await asyncio.to_thread(self._registry.alive)
        answers = await asyncio.gather(*(self.answers(endpoint) for endpoint in endpoints))
        failed = self._failed
        self._failed = Counter()  # without those of agents that have gone
        for endpoint, is_well in zip(endpoints, answers, strict=True):
            if not is_well:
                self._failed[endpoint.url] = failed[endpoint.url] + 1
            is_healthy = self._failed[endpoint.url] < self._most
            if is_healthy != endpoint.is_healthy and (is_well or not is_healthy):
                await asyncio.to_thread(self._registry.mark, endpoint, is_healthy=is_healthy)
