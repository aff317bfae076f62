"""The fifth stage: the agents that offer the capability are found."""

from __future__ import annotations

import asyncio

from pytest_perfbudget import track
from starlette.types import ASGIApp, Receive, Scope, Send

from agent_hive.discovery.lookup import Lookup
from agent_hive.gateway.call import Call


class Discover:
    """A stage that looks up the endpoints of the capability."""

    def __init__(self, app: ASGIApp, lookup: Lookup) -> None:
        self._app = app
        self._lookup = lookup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a call of a capability that is offered.

        Raises:
            NoEndpointError: no agent offers the capability.
        """
        call = Call.of(scope)
        # The registry is a file, so only what is remembered is looked up in the event loop.
        with track("discovery.lookup"):
            known = self._lookup.known(call.capability)
            if known is None:
                known = await asyncio.to_thread(self._lookup.find, call.capability)
        call.endpoints = known
        await self._app(scope, receive, send)
