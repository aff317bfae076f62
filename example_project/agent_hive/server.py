"""The process of a server: a port that the system chooses, the address on standard output, an end on a signal."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

_BACKLOG = 2048
_PARENT_EVERY_S = 1.0

# Longer than a client keeps a connection (15 s in aiohttp), so that no request meets a closing connection.
_KEEP_ALIVE_S = 75


class _AnnouncedServer(uvicorn.Server):
    """A server that prints its address as soon as it answers."""

    def __init__(self, config: uvicorn.Config, url: str, *, ends_with_parent: bool) -> None:
        super().__init__(config)
        self._url = url
        self._ends_with_parent = ends_with_parent
        self._watch: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._url, flush=True)  # noqa: T201 - whoever starts the process waits for this line
            if self._ends_with_parent:
                self._watch = asyncio.create_task(self._end_with_parent())

    async def _end_with_parent(self) -> None:
        parent = os.getppid()
        while os.getppid() == parent:  # noqa: ASYNC110 - no event tells that a parent has ended
            await asyncio.sleep(_PARENT_EVERY_S)
        self.should_exit = True


def serve(make_app: Callable[[str], Starlette], *, host: str, port: int, ends_with_parent: bool = False) -> None:
    """Run an application until the process is told to end.

    Args:
        make_app: a function that makes the application, given its address.
        host: the address to listen on.
        port: the port to listen on; 0 lets the system choose.
        ends_with_parent: end as soon as the process that started this one has ended.
    """
    listener = _listener(host, port)
    url = f"http://{host}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        make_app(url), access_log=False, log_level="warning", lifespan="on", timeout_keep_alive=_KEEP_ALIVE_S
    )
    _AnnouncedServer(config, url, ends_with_parent=ends_with_parent).run([listener])


def _listener(host: str, port: int) -> socket.socket:
    # asyncio sends an answer's last part without delay only on a socket whose protocol is named: with the default, 0,
    # each answer waits up to 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere the option lets two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    return listener
