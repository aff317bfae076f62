"""The connections to agents."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, final

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from pytest_perfbudget import tracing, track

from agent_hive.errors import UpstreamError
from agent_hive.switches import Optimisation, is_on

DEFAULT_TIMEOUT_S: Final = 10.0

_UNAVAILABLE: Final = frozenset({502, 503, 504})
_RETURNED: Final = ("content-type", "cache-control")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an agent, with the headers that a caller may see."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Connections(aiohttp.TCPConnector):
    """The pool of connections; the wait for a connection, kept or new, is a span."""

    @track("upstream.connect")
    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        return await super().connect(req, traces, timeout)


@final
class Upstream:
    """A client of agents that keeps its connections open; an asynchronous context manager."""

    def __init__(self, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        """Begin to keep connections."""
        # The number of calls at a time is the balancer's affair, so the pool has no limit.
        connector = _Connections(limit=0, force_close=not is_on(Optimisation.KEEP_ALIVE))
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The client within the context.

        Raises:
            UpstreamError: the context was not entered.
        """
        if self._session is None:
            message = "the client of agents is not open"
            raise UpstreamError(message)
        return self._session

    async def call(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Call an agent.

        Raises:
            UpstreamError: the agent gave no answer in time, or says that it is not available.
        """
        try:
            with track("upstream"):
                async with self.session.request(
                    method, url, headers={**headers, **tracing.headers()}, data=body or None, allow_redirects=False
                ) as response:
                    content = await response.read()
        except (aiohttp.ClientError, asyncio.TimeoutError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise UpstreamError(f"the agent gave no answer: {reason}") from error
        if response.status in _UNAVAILABLE:
            raise UpstreamError(f"the agent is not available: its status is {response.status}")
        returned = {name: response.headers[name] for name in _RETURNED if name in response.headers}
        return Answer(response.status, returned, content)
