"""The first stage: the sender of a call proves its identity."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from agent_hive.errors import AuthenticationError
from agent_hive.gateway.call import Call
from agent_hive.security.tokens import TokenVerifier

_SCHEME = "bearer "


class Authenticate:
    """A stage that verifies the bearer token of a call."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on the call of a sender that is known.

        Raises:
            AuthenticationError: the token is missing or is refused.
        """
        value = Headers(scope=scope).get("authorization", "")
        if not value.lower().startswith(_SCHEME):
            message = "a call needs the header Authorization: Bearer <token>"
            raise AuthenticationError(message)
        identity = self._verifier.verify(value[len(_SCHEME) :].strip())
        Call(scope["path_params"]["capability"], identity).into(scope)
        await self._app(scope, receive, send)
