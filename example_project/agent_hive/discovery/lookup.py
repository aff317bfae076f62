"""The endpoints that were found in the registry before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_perfbudget import track

from agent_hive.clock import SYSTEM_CLOCK, Clock
from agent_hive.discovery.registry import Endpoint, Registry
from agent_hive.errors import NoEndpointError
from agent_hive.switches import Optimisation, is_on

DEFAULT_KEEP_S: Final = 5.0
DEFAULT_LEAD_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Entry:
    endpoints: tuple[Endpoint, ...]
    until: float


class Lookup:
    """A cache in front of the registry. Threads may share it.

    An entry lives no longer than the first of its endpoints, so an agent without heartbeats is never handed out.

    Args:
        registry: the registry.
        keep_s: the longest life of an entry.
        lead_s: how long before its end `refresh` reads an entry again.
        clock: the clock of the registry.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        keep_s: float = DEFAULT_KEEP_S,
        lead_s: float = DEFAULT_LEAD_S,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._registry = registry
        self._keep_s = keep_s
        self._lead_s = lead_s
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._wanted: set[str] = set()
        self._caches = is_on(Optimisation.REGISTRY_CACHE)

    def known(self, capability: str) -> tuple[Endpoint, ...] | None:
        """Return the remembered endpoints of a capability, without a look into the registry; None if there are none."""
        entry = self._entries.get(capability)
        if entry is None or self._clock() >= entry.until:
            return None
        self._wanted.add(capability)
        return entry.endpoints

    def find(self, capability: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of a capability, from the registry if they are not remembered.

        Raises:
            NoEndpointError: no agent offers the capability. This is not remembered.
        """
        endpoints = self.known(capability) or self._read(capability)
        if not endpoints:
            raise NoEndpointError(f"no agent offers {capability!r}")
        return endpoints

    def refresh(self) -> int:
        """Read the entries anew that end soon and were used, drop those that have ended, and return how many were read.

        Called often enough, a capability in use is always remembered, and no caller waits for the registry.
        """
        now = self._clock()
        count = 0
        for capability, entry in list(self._entries.items()):
            if entry.until - now > self._lead_s:
                continue
            if capability in self._wanted:
                self._wanted.discard(capability)
                self._read(capability)
                count += 1
            elif now >= entry.until:
                self._entries.pop(capability, None)
        return count

    def _read(self, capability: str) -> tuple[Endpoint, ...]:
        now = self._clock()
        with track("storage.endpoints", attributes={"capability": capability}):
            endpoints = self._registry.find(capability)
        if not endpoints:
            self._entries.pop(capability, None)
        elif self._caches:
            end = min(endpoint.expires_at for endpoint in endpoints)
            self._entries[capability] = _Entry(endpoints, min(now + self._keep_s, end))
        return endpoints
