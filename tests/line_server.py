"""A server in a process of its own, which answers each line after some seconds."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from pytest_perfbudget.core.load.arrivals import Stage
from pytest_perfbudget.core.load.plan import LoadPlan

S: Final = 1_000_000_000

PROGRAM: Final = """
import asyncio, random, sys
async def serve(reader, writer):
    while await reader.readline():
        # Answers of exactly the same time differ by the timer only, whose steps depend on each other.
        await asyncio.sleep(float(sys.argv[1]) * random.uniform(1, 1.1))
        writer.write(b"ok\\n")
        await writer.drain()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

Server = tuple["subprocess.Popen[str]", int]
Start = Callable[[float], Server]
"""A function that starts a server whose answers take so many seconds each; it returns the process and the port."""


@contextmanager
def servers() -> Iterator[Start]:
    """Yield a function that starts servers, which end with the context, even if they are stopped."""
    started: list[subprocess.Popen[str]] = []

    def start(seconds: float) -> Server:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def open_load(rate: float, seconds: float) -> LoadPlan:
    """Return a load of the open model."""
    return LoadPlan(stages=(Stage(rate, rate, round(seconds * S)),), duration_ns=round(seconds * S))
