"""The second stage: a role of the sender permits the call."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from agent_hive.gateway.call import Call
from agent_hive.security.roles import Policy

ACTIONS: Final = {"GET": "read", "POST": "run"}
"""The action that a method needs the permission for: `POST` of `summary` needs `summary:run`."""


class Authorise:
    """A stage that checks the permission for a call."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a call that is permitted.

        Raises:
            PermissionDeniedError: no role of the sender grants the permission.
        """
        call = Call.of(scope)
        self._policy.require(call.identity.roles, f"{call.capability}:{ACTIONS[scope['method']]}")
        await self._app(scope, receive, send)
