"""The spans of requests: each request to a server is a span, which is part of the caller's trace."""

from __future__ import annotations

from pytest_perfbudget.tracing import continued, track
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class Trace:
    """A middleware that makes a span of each request, with all spans of the request within it.

    Args:
        app: the application.
        name: the name of the spans.
    """

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._traced = track(name)(app)  # a tracked coroutine has the CPU time of its steps, unlike a block in it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with continued(Headers(scope=scope)):
            await self._traced(scope, receive, send)
