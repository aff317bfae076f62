"""Measures what perf_load costs: per call of a coroutine that does nothing, and against a bare loop over aiohttp.

The bare loop makes the same requests with the same client, users and server, in alternation with the load. Needs
aiohttp (group bench), a quiet machine and two minutes: python tests/benchmarks/load_costs.py
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.measure.load.async_load import AsyncLoad
from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.recorder import LoadRecorder

S = 1_000_000_000
CALLS = 300_000
REPEATS = 7
PAIRS = 24
USERS = 10
SECONDS = 1

SERVER = """
import asyncio

class Answers(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" * data.count(b"\\r\\n\\r\\n"))

async def main():
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


async def nothing() -> None:
    """Do nothing."""


async def bare_calls() -> float:
    """Return the time of an awaited call in us."""
    start = time.perf_counter()
    for _ in range(CALLS):
        await nothing()
    return (time.perf_counter() - start) / CALLS * 1e6


async def load_calls() -> float:
    """Return the time of a call of a load in us."""
    recorder = LoadRecorder()
    start = time.perf_counter()
    await AsyncLoad(LoadPlan(users=1, requests=CALLS), LoadCall(nothing), recorder).run()
    return (time.perf_counter() - start) / CALLS * 1e6


async def bare_loop(url: str) -> float:
    """Return the requests per second of users that do nothing but make requests."""
    made = 0

    async def user(end: float) -> None:
        nonlocal made
        async with aiohttp.ClientSession() as session:
            while time.perf_counter() < end:
                async with session.get(url) as response:
                    assert response.status == 200
                    await response.read()
                made += 1

    start = time.perf_counter()
    await asyncio.gather(*(user(start + SECONDS) for _ in range(USERS)))
    return made / (time.perf_counter() - start)


async def load(url: str) -> float:
    """Return the requests per second of a load."""

    @asynccontextmanager
    async def client() -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession() as session:
            yield session

    async def request(session: aiohttp.ClientSession) -> None:
        async with session.get(url) as response:
            assert response.status == 200
            await response.read()

    recorder = LoadRecorder()
    plan = LoadPlan(users=USERS, duration_ns=SECONDS * S)
    await AsyncLoad(plan, LoadCall(request, client), recorder).run()
    return recorder.record(plan).rps


def main() -> None:
    """Print the costs."""
    extra = [asyncio.run(load_calls()) - asyncio.run(bare_calls()) for _ in range(REPEATS)]
    print(f"bookkeeping: {statistics.median(extra):.2f} us per call ({min(extra):.2f} .. {max(extra):.2f})")
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        pairs = []
        for turn in range(PAIRS):  # the order alternates
            one, other = (bare_loop, load) if turn % 2 else (load, bare_loop)
            found = {one: asyncio.run(one(url)), other: asyncio.run(other(url))}
            pairs.append((found[bare_loop], found[load]))
        server.kill()
    ratios = [ours / bare for bare, ours in pairs]
    print(f"bare aiohttp: {statistics.median(bare for bare, _ in pairs):,.0f} requests/s")
    print(f"perf_load: {statistics.median(ours for _, ours in pairs):,.0f} requests/s")
    print(f"ratio: {statistics.median(ratios):.3f} ({min(ratios):.3f} .. {max(ratios):.3f})")


if __name__ == "__main__":
    main()
