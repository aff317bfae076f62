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
from pytest_perfbudget.monitor.request_names import ComponentOf, RequestNames

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_OF_BODY: Final = ("http.response.body", "http.response.pathsend", "http.response.zerocopysend")
"""The messages that send a body or a part of it; the extensions of ASGI send a file as a whole, or its parts."""

_STREAM_S: Final = 15.0
"""The length of a stream of events. A browser reconnects; a server that shuts down waits for its open streams."""


class ASGIMonitor:
    """The middleware around an application. Requests are observed; websockets pass through and are not counted.

    Args:
        app: the application.
        monitor: the monitor.
        component: the component of the requests, or a function that takes the scope of a request and returns it.
        allow: a function that takes the address of a client and returns whether the client may see the summary; by
            default clients on the same machine may.
        metrics_path: the path of the scrape; None leaves `/metrics` to the application.
    """

    def __init__(
        self,
        app: App,
        monitor: Monitor,
        *,
        component: ComponentOf = "http",
        allow: Allow = is_loopback,
        metrics_path: str | None = METRICS,
    ) -> None:
        self._app = app
        self._monitor = monitor
        self._names = RequestNames(component)
        self._allow = allow
        self._metrics_path = metrics_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = _path_in_application(scope)
        if path == self._metrics_path or path.startswith(SUMMARY):
            await self._answer(path, scope, receive, send)
        else:
            await self._observe(scope, receive, send)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, end_ns = 0, None

        async def noting(message: Message) -> None:
            nonlocal status, end_ns
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)
            if message["type"] in _OF_BODY and not message.get("more_body", False):
                end_ns = time.perf_counter_ns()

        error: BaseException | ErrorCause | None = None
        start_ns = time.perf_counter_ns()
        try:
            await self._app(scope, receive, noting)
            error = ErrorCause.of_status(status, f"{scope['method']} {scope['path']}")
        except Exception as raised:
            error = raised
            raise
        finally:  # a request that is cancelled, as by a client that has gone, is no error
            # The client does not wait for tasks that the application runs after the last byte.
            duration_s = ((time.perf_counter_ns() if end_ns is None else end_ns) - start_ns) / 1e9
            self._monitor.observe(self._names.component(scope), duration_s, error)

    async def _answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        client = (scope.get("client") or ("",))[0]
        # A summary takes milliseconds, in which other requests go on.
        found = await asyncio.to_thread(answer, self._monitor, path, client, self._allow, self._metrics_path)
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


def _path_in_application(scope: Scope) -> str:
    """Return the path without the prefix under which the application is mounted, which not all servers include."""
    path, prefix = str(scope["path"]), str(scope.get("root_path") or "").rstrip("/")
    return path.removeprefix(prefix) if prefix and path.startswith(f"{prefix}/") else path


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
