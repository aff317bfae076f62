"""The sixth stage: an agent is chosen."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from agent_hive.balancing.balancer import Balancer
from agent_hive.gateway.call import Call


class Balance:
    """A stage that chooses the agent of a call, and tells the balancer how the call ended."""

    def __init__(self, app: ASGIApp, balancer: Balancer) -> None:
        self._app = app
        self._balancer = balancer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a call with its agent.

        Raises:
            CircuitOpenError: no agent has answered lately.
        """
        call = Call.of(scope)
        with self._balancer.lease(call.capability, call.endpoints) as call.endpoint:
            await self._app(scope, receive, send)
