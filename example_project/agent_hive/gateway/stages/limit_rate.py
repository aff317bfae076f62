"""The third stage: the sender has not made too many calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_hive.gateway.call import Call
from agent_hive.security.limit_table import Decision

Hit = Callable[[str, str], Awaitable[Decision]]
"""A function that counts a hit of an agent for an action."""


class LimitRate:
    """A stage that counts calls by sender and capability."""

    def __init__(self, app: ASGIApp, hit: Hit) -> None:
        self._app = app
        self._hit = hit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a call within the limit, and say how many more are left; refuse others with 429."""
        call = Call.of(scope)
        decision = await self._hit(call.identity.agent_id, call.capability)
        if not decision.allowed:
            headers = {"Retry-After": str(decision.retry_after_s)}
            refusal = JSONResponse({"error": "too many calls"}, status_code=429, headers=headers)
            await refusal(scope, receive, send)
            return

        async def send_with_rest(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-RateLimit-Remaining"] = str(decision.remaining)
            await send(message)

        await self._app(scope, receive, send_with_rest)
