"""The parts of a call that the stages of the gateway hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from agent_hive.discovery.registry import Endpoint
from agent_hive.security.identity import Identity

_KEY = "agent_hive.call"


@dataclass(slots=True)
class Call:
    """A call on its way to an agent."""

    capability: str
    identity: Identity
    endpoints: tuple[Endpoint, ...] = ()
    endpoint: Endpoint | None = None

    def into(self, scope: Scope) -> None:
        """Store the call for the next stages."""
        scope[_KEY] = self

    @classmethod
    def of(cls, scope: Scope) -> Call:
        """Return the call that the first stage has stored."""
        call: Call = scope[_KEY]
        return call
