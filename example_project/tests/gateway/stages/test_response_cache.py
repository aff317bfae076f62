from __future__ import annotations

import asyncio
import itertools
from contextlib import closing
from pathlib import Path

import pytest
from pytest_perfbudget import Perf
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_hive.balancing.balancer import Balancer
from agent_hive.balancing.strategies import StrategyName
from agent_hive.clock import ManualClock
from agent_hive.discovery.lookup import Lookup
from agent_hive.discovery.registry import Registry
from agent_hive.gateway.call import Call
from agent_hive.gateway.stages.balance import Balance
from agent_hive.gateway.stages.call_agent import CallAgent
from agent_hive.gateway.stages.discover import Discover
from agent_hive.gateway.stages.response_cache import MOST_BYTES, ResponseCache
from agent_hive.gateway.upstream import Upstream
from agent_hive.security.identity import Identity
from agent_hive.storage.database import Database
from asgi_client import call
from hive_processes import Server

PUBLIC = "public, max-age=60"


def numbered(control: str, status: int = 200, size: int = 1) -> ASGIApp:
    """Return an application whose answers carry their number."""
    count = itertools.count(1)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = f"{next(count)}".ljust(size)
        await Response(body, status, {"Cache-Control": control})(scope, receive, send)

    return app


async def get(app: ASGIApp, call: Call) -> bytes:
    """Send a call that has passed the stages before into the next ones, and return the body of the answer."""
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        parts.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "path": "/agents/summary", "query_string": b"", "headers": []}
    call.into(scope)
    await app(scope, receive, send)
    return b"".join(parts)


def test_spares_the_call_of_an_agent(perf: Perf, running_agent: Server, tmp_path: Path) -> None:
    async def main() -> None:
        with closing(Database(tmp_path / "hive.sqlite3")) as database:
            registry = Registry(database)
            registry.announce("agent-1", running_agent.url, ["summary"])
            async with Upstream() as upstream:
                balanced = Balance(CallAgent(upstream), Balancer(StrategyName.ROUND_ROBIN))
                cache = ResponseCache(Discover(balanced, Lookup(registry)))
                identity = Identity("caller", frozenset(), "id", 0, 0)
                first = await get(cache, Call("summary", identity))
                assert await perf.aio(get, cache, Call("summary", identity)) == first

    asyncio.run(main())


def test_answers_again(clock: ManualClock) -> None:
    cache = ResponseCache(numbered(PUBLIC), clock=clock)
    assert [call(cache).body for _ in range(3)] == [b"1", b"1", b"1"]


class TestFreshness:
    def test_an_answer_is_given_again_until_it_is_too_old(self, clock: ManualClock) -> None:
        cache = ResponseCache(numbered(PUBLIC), clock=clock)
        assert call(cache).body == b"1"
        clock.advance(59)
        assert call(cache).body == b"1"
        clock.advance(1)
        assert call(cache).body == b"2"

    def test_an_answer_from_the_cache_says_its_age(self, clock: ManualClock) -> None:
        cache = ResponseCache(numbered(PUBLIC), clock=clock)
        first = call(cache)
        clock.advance(42)
        again = call(cache)
        assert "age" not in first.headers
        assert again.headers["age"] == "42"
        assert again.headers["cache-control"] == PUBLIC
        assert again.status == 200


class TestStorable:
    @pytest.mark.parametrize("control", [PUBLIC, "max-age=60, PUBLIC", "public, max-age=60, must-revalidate"])
    def test_a_public_answer_is_stored(self, clock: ManualClock, control: str) -> None:
        cache = ResponseCache(numbered(control), clock=clock)
        assert [call(cache).body for _ in range(2)] == [b"1", b"1"]

    @pytest.mark.parametrize(
        "control",
        ["", "max-age=60", "public", "private, max-age=60", "public, no-store, max-age=60", "public, max-age=0"],
    )
    def test_any_other_is_not(self, clock: ManualClock, control: str) -> None:
        cache = ResponseCache(numbered(control), clock=clock)
        assert [call(cache).body for _ in range(2)] == [b"1", b"2"]

    def test_an_error_is_not(self, clock: ManualClock) -> None:
        cache = ResponseCache(numbered(PUBLIC, status=404), clock=clock)
        assert [call(cache).body for _ in range(2)] == [b"1", b"2"]

    def test_an_answer_that_is_too_long_is_not(self, clock: ManualClock) -> None:
        cache = ResponseCache(numbered(PUBLIC, size=MOST_BYTES + 1), clock=clock)
        assert [call(cache).body.strip() for _ in range(2)] == [b"1", b"2"]

    def test_an_answer_in_parts_is_stored_as_a_whole(self, clock: ManualClock) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await StreamingResponse(iter(["one ", "two"]), headers={"Cache-Control": PUBLIC})(scope, receive, send)

        cache = ResponseCache(app, clock=clock)
        assert [call(cache).body for _ in range(2)] == [b"one two", b"one two"]

    def test_an_answer_that_breaks_off_is_not(self, clock: ManualClock) -> None:
        async def app(_: Scope, __: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", PUBLIC.encode())]})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})

        cache = ResponseCache(app, clock=clock)
        call(cache)
        assert "age" not in call(cache).headers


class TestKeys:
    def test_path_and_query_tell_answers_apart(self, clock: ManualClock) -> None:
        cache = ResponseCache(numbered(PUBLIC), clock=clock)
        targets = [("/a", ""), ("/b", ""), ("/a", "x=1"), ("/a", "")]
        assert [call(cache, path, query=query).body for path, query in targets] == [b"1", b"2", b"3", b"1"]

    def test_only_get_is_answered(self, clock: ManualClock) -> None:
        cache = ResponseCache(numbered(PUBLIC), clock=clock)
        assert [call(cache, method=method).body for method in ("GET", "POST", "GET")] == [b"1", b"2", b"1"]

    def test_the_least_recently_used_answer_makes_room(self, clock: ManualClock) -> None:
        cache = ResponseCache(numbered(PUBLIC), size=2, clock=clock)
        assert [call(cache, path).body for path in ("/a", "/b", "/a", "/c", "/a", "/b")] == [
            b"1",
            b"2",
            b"1",
            b"3",
            b"1",
            b"4",
        ]
