from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest
from pytest_perfbudget import Perf

from agent_hive.errors import UpstreamError
from agent_hive.gateway.upstream import Answer, Upstream
from hive_processes import Server


def with_upstream(work: Callable[[Upstream], Awaitable[Answer]], timeout_s: float = 10.0) -> Answer:
    async def main() -> Answer:
        async with Upstream(timeout_s=timeout_s) as upstream:
            return await work(upstream)

    return asyncio.run(main())


def test_calls_an_agent(perf: Perf, running_agent: Server) -> None:
    url = f"{running_agent.url}/skills/summary"

    async def work(upstream: Upstream) -> Answer:
        async def call_agent() -> Answer:
            return await upstream.call("POST", url, headers={}, body=b'{"text": "One. Two two."}')

        return await perf.aio(call_agent)

    assert with_upstream(work).body == b'{"sentence":"Two two."}'


def test_an_error_of_the_caller_is_an_answer(running_agent: Server) -> None:
    url = f"{running_agent.url}/skills/summary"
    answer = with_upstream(lambda upstream: upstream.call("POST", url, headers={}, body=b"[]"))
    assert answer.status == 400


def test_an_agent_that_refuses_connections_gives_no_answer() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(UpstreamError, match="no answer"):
        with_upstream(lambda upstream: upstream.call("GET", url, headers={}, body=b""))


def test_an_agent_that_is_silent_gives_no_answer() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(UpstreamError, match="no answer"):
            with_upstream(lambda upstream: upstream.call("GET", url, headers={}, body=b""), timeout_s=0.1)


def test_a_client_that_is_not_open_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="not open"):
        asyncio.run(Upstream().call("GET", "http://127.0.0.1:1", headers={}, body=b""))
