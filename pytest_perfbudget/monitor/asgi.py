"""The ASGI middleware (Starlette, FastAPI, and others): observes requests, and answers for the monitor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from pytest_perfbudget.monitor.endpoints import (
    EVENT_STREAM,
    EVERY_S,
    METRICS,
    SUMMARY,
    Allow,
    answer,
    event,
    is_loopback,
)
from pytest_perfbudget.monitor.error_log import ErrorCause
from pytest_perfbudget.monitor.monitor import Monitor

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_STREAM_S: Final = 15.0
"""The length of a stream of events. A browser reconnects; a server that shuts down waits for its open streams."""


class ASGIMonitor:
    """The middleware around an application.

    Args:
        app: the application.
        monitor: the monitor.
        component: the component of the requests, or a function that takes the scope of a request and returns it.
        allow: a function that takes the address of a client and returns whether the client may see the summary; by
            default clients on the same machine may.
    """

    def __init__(
        self,
        app: App,
        monitor: Monitor,
        *,
        component: str | Callable[[Scope], str] = "http",
        allow: Allow = is_loopback,
    ) -> None:
        self._app = app
        self._monitor = monitor
        self._component = component
        self._allow = allow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == METRICS or scope["path"].startswith(SUMMARY):
            await self._answer(scope, receive, send)
        else:
            await self._observe(scope, receive, send)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        error: BaseException | ErrorCause | None = None
        start_ns = time.perf_counter_ns()
        try:
            await self._app(scope, receive, noting)
        except Exception as raised:
            error = raised
            raise
        finally:
            if error is None:
                error = ErrorCause.of_status(status, f"{scope['method']} {scope['path']}")
            duration_s = (time.perf_counter_ns() - start_ns) / 1e9
            component = self._component if isinstance(self._component, str) else self._component(scope)
            self._monitor.observe(component, duration_s, error)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = (scope.get("client") or ("",))[0]
        # A summary takes milliseconds, in which other requests go on.
        found = await asyncio.to_thread(answer, self._monitor, scope["path"], client, self._allow)
        if found is None:
            await self._observe(scope, receive, send)
            return
        headers = [(b"content-type", found.content_type.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": found.status, "headers": headers})
        is_stream = found.content_type == EVENT_STREAM
        await send({"type": "http.response.body", "body": found.body, "more_body": is_stream})
        if is_stream:
            await self._stream(receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            for _ in range(int(_STREAM_S / EVERY_S)):
                await asyncio.wait({gone}, timeout=EVERY_S)
                if gone.done():
                    return
                body = await asyncio.to_thread(event, self._monitor)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
