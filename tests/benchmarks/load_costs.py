"""Measures what perf_load costs: per call of a coroutine that does nothing, and against a bare loop over aiohttp.

The bare loop makes the same requests with the same client, users and server, in alternation with the load. Needs
aiohttp (group bench), trio, a quiet machine and two minutes: python tests/benchmarks/load_costs.py
With `calls` as an argument, only the costs of a call are measured, in ten seconds.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import trio

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
    calls()
    memory()
    if sys.argv[1:] != ["calls"]:
        against_a_bare_loop()


def calls() -> None:
    """Print the time of the bookkeeping, in each event loop in turn."""
    extra: dict[str, list[float]] = {"asyncio": [], "trio": []}
    for _ in range(REPEATS):
        extra["asyncio"].append(asyncio.run(load_calls()) - asyncio.run(bare_calls()))
        extra["trio"].append(trio.run(load_calls) - trio.run(bare_calls))
    for name, found in extra.items():
        print(
            f"bookkeeping in {name}: {statistics.median(found):.2f} us per call ({min(found):.2f} .. {max(found):.2f})"
        )


def memory() -> None:
    """Print the memory that a recorder takes for each of a million requests."""
    tracemalloc.start()
    recorder = LoadRecorder()
    recorder.begin(0)
    for number in range(1_000_000):
        recorder.answered(number * 10_000, number * 10_000 + 1_000_000 + number * 7_919 % 9_000_000)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"memory: {used / 1_000_000:.2f} bytes per request of a million")


def against_a_bare_loop() -> None:
    """Print the rates of a load and of a bare loop."""
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
