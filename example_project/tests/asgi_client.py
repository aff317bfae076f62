"""A client that calls an application within the process, so that a test can set its clock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Reply:
    """The status, the headers and the body of an answer."""

    status: int
    headers: Headers
    body: bytes


def call(app: ASGIApp, path: str = "/", *, method: str = "GET", query: str = "") -> Reply:
    """Call an application once, without a body."""
    sent: list[Message] = []

    received: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        return received.pop() if received else await asyncio.Future()  # the client never goes away

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": []}

    async def main() -> None:
        await app(scope, receive, send)

    asyncio.run(main())
    start, *parts = sent
    body = b"".join(part["body"] for part in parts)
    return Reply(start["status"], Headers(raw=start["headers"]), body)
