"""Measures the requests per second of perf_load, of a bare loop over aiohttp, of locust's FastHttpUser and of wrk.

All have ten connections to the same server, which runs on a CPU of its own; the generators run on another CPU, for a
second each, in turns. The loads of perf_load are those of a test that pytest runs, with limits. Locust runs in a process
of its own. Needs aiohttp, locust and uvloop (groups bench, neighbours and test), if possible wrk, Linux, two CPUs, and a
quiet machine for a minute: python tests/benchmarks/load_rates.py
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import pytest

from pytest_perfbudget.plugin.measuring.load_fixture import PerfLoad

ROUNDS = 8
USERS = 10
SECONDS = 1

SERVER = """
import asyncio, uvloop

class Answers(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" * data.count(b"\\r\\n\\r\\n"))

async def main():
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

uvloop.run(main())
"""

LOCUST = """
import sys, time
import gevent
from locust import FastHttpUser, task
from locust.env import Environment

url, users, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])

class Asks(FastHttpUser):
    host = url.rstrip("/")

    @task
    def ask(self): self.client.get("/")

print("ready", flush=True)
for _ in sys.stdin:
    environment = Environment(user_classes=[Asks])
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    while runner.user_count < users: gevent.sleep(0.01)
    gevent.sleep(0.2)
    total, before, start = environment.stats.total, environment.stats.total.num_requests, time.perf_counter()
    gevent.sleep(seconds)
    rate = (total.num_requests - before) / (time.perf_counter() - start)
    assert not total.num_failures
    runner.quit()
    print(rate, flush=True)
"""


@contextmanager
def python(program: str, cpu: int, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a program on a CPU; yield its process, and the first line that it writes."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        os.sched_setaffinity(process.pid, {cpu})
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Keep a connection."""
    async with aiohttp.ClientSession() as session:
        yield session


async def bare(url: str) -> float:
    """Return the requests per second of users that do nothing but make requests."""
    made = 0

    async def user(end: float) -> None:
        nonlocal made
        async with client() as session:
            while time.perf_counter() < end:
                async with session.get(url) as response:
                    assert response.status == 200
                    await response.read()
                made += 1

    start = time.perf_counter()
    await asyncio.gather(*(user(start + SECONDS) for _ in range(USERS)))
    return made / (time.perf_counter() - start)


async def ours(perf_load: PerfLoad, name: str, url: str) -> float:
    """Return the requests per second of a load of a test."""

    async def request(session: aiohttp.ClientSession) -> None:
        async with session.get(url) as response:
            assert response.status == 200
            await response.read()

    load = {"users": USERS, "duration": f"{SECONDS}s", "p95_ms": 1_000, "max_error_rate": 0.01}
    return (await perf_load(request, user=client, name=name, **load)).rps


def locust(process: subprocess.Popen[str]) -> float:
    """Return the requests per second of locust."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def wrk(url: str, cpu: int) -> float:
    """Return the requests per second of wrk."""
    command = ["taskset", "-c", str(cpu), "wrk", "-t1", f"-c{USERS}", f"-d{SECONDS}s", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Requests/sec:\s+(\S+)", said)
    assert found is not None, said
    return float(found[1])


def test_rates(perf_load: PerfLoad) -> None:
    own, other = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, {own})
    with python(SERVER, other) as (_, port):
        url = f"http://127.0.0.1:{port}/"
        with python(LOCUST, own, url, str(USERS), str(SECONDS)) as (process, _):
            turns: dict[str, Callable[[int], float]] = {
                "perf_load with aiohttp": lambda turn: asyncio.run(ours(perf_load, f"turn {turn}", url)),
                "bare loop over aiohttp": lambda _: asyncio.run(bare(url)),
                "locust, FastHttpUser": lambda _: locust(process),
            }
            if shutil.which("wrk"):
                turns["wrk"] = lambda _: wrk(url, own)
            rates: dict[str, list[float]] = {name: [] for name in turns}
            for turn in range(ROUNDS):
                for name in sorted(turns, key=list(turns).index, reverse=bool(turn % 2)):
                    rates[name].append(turns[name](turn))
    show(rates)


def show(rates: dict[str, list[float]]) -> None:
    """Print the rates, and the ratios within the rounds."""
    load = next(iter(rates.values()))
    for name, found in rates.items():
        ratios = [one / each for one, each in zip(load, found, strict=True)]
        middle, least, most = (f"{of(ratios):.2f}" for of in (statistics.median, min, max))
        print(f"{name:<24} {statistics.median(found):>8,.0f} requests/s   perf_load: {middle} ({least} to {most})")


if __name__ == "__main__":
    sys.exit(
        pytest.main(
            [__file__, "-q", "-s", "--noconftest", "-c", os.devnull, "--disable-warnings", "-p", "no:cacheprovider"]
        )
    )
