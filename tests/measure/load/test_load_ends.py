"""A load always ends, whatever its server does: within two seconds of its end, and without a thread, task or socket."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import psutil
import pytest
from line_server import Start, open_load

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.measure.load.async_load import AsyncLoad
from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.recorder import LoadRecorder, ThreadRecorder
from pytest_perfbudget.measure.load.thread_load import ThreadLoad

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals stop the server"),
    # Tests of other workers take the CPU from the generator: three failures in a row are no noise.
    pytest.mark.flaky(reruns=2),
    pytest.mark.parametrize("generator", ["asyncio", "trio", "threads"]),
]

PLANS = {"open": open_load(100, 0.8), "closed": LoadPlan(users=5, duration_ns=800_000_000, think_time_ns=10_000_000)}
GONE = {"BrokenPipeError", "BrokenResourceError", "ConnectionRefusedError", "ConnectionResetError", "EndOfStream"}
"""The errors of requests to a server that is gone; anyio raises OSError where it tries several addresses."""


def generate(generator: str, plan: LoadPlan, port: int) -> LoadRecord:
    """Generate a load whose users keep a connection."""
    return in_threads(plan, port) if generator == "threads" else in_loop(generator, plan, port)


def in_threads(plan: LoadPlan, port: int) -> LoadRecord:
    @contextmanager
    def connected() -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            yield connection

    def ask(connection: socket.socket) -> None:
        connection.sendall(b"?\n")
        if connection.recv(16) != b"ok\n":
            raise ConnectionResetError

    recorder = ThreadRecorder()
    ThreadLoad(plan, LoadCall(ask, connected), recorder).run()
    return recorder.record(plan)


def in_loop(loop: str, plan: LoadPlan, port: int) -> LoadRecord:
    @asynccontextmanager
    async def connected() -> AsyncIterator[anyio.abc.SocketStream]:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            yield stream

    async def ask(stream: anyio.abc.SocketStream) -> None:
        await stream.send(b"?\n")
        assert await stream.receive() == b"ok\n"

    async def run() -> LoadRecord:
        recorder = LoadRecorder()
        await AsyncLoad(plan, LoadCall(ask, connected), recorder).run()
        assert not [one for one in anyio.get_running_tasks() if one.name == "perfbudget-load"]
        return recorder.record(plan)

    return anyio.run(run, backend=loop)


def left() -> tuple[list[str], int]:
    """Return the names of the generator's threads, and the number of connections of this process."""
    threads = [one.name for one in threading.enumerate() if one.name.startswith("perfbudget-load")]
    return threads, len(psutil.Process().net_connections("tcp"))


@pytest.fixture(autouse=True)
def nothing_is_left(generator: str) -> Iterator[None]:  # noqa: ARG001 - the parameter that all tests have
    before = left()
    yield
    assert left() == before


def in_time(generate: Callable[[], LoadRecord]) -> LoadRecord:
    """Generate a load of 0.8 s, and check that it ends at most two seconds later."""
    start_s = time.monotonic()
    found = generate()
    assert time.monotonic() - start_s < 0.8 + 2
    return found


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_connections_are_refused(generator: str, plan: LoadPlan) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        found = in_time(lambda: generate(generator, plan, port))
    assert found.requests == found.failures > 0
    assert {one.kind for one in found.errors} <= {"ConnectionRefusedError", "OSError"}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_server_is_killed_halfway(start: Start, generator: str, plan: LoadPlan) -> None:
    process, port = start(0)
    kill = threading.Timer(0.4, process.kill)
    kill.start()
    found = in_time(lambda: generate(generator, plan, port))
    kill.join()
    assert 0 < found.failures < found.requests
    assert {one.kind for one in found.errors} <= {*GONE, "OSError"}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_no_request_is_ever_answered(start: Start, generator: str, plan: LoadPlan) -> None:
    """The system accepts connections for a stopped server. A thread cannot be ended, so it lives as long as its call."""
    process, port = start(0)
    process.send_signal(signal.SIGSTOP)
    found = in_time(lambda: generate(generator, plan, port))
    assert found.requests == found.failures == (80 if plan.is_open else 5)
    assert {one.kind for one in found.errors} == {"Unanswered"}
    if generator == "threads":
        assert len(left()[0]) == found.requests
        process.kill()
        for thread in threading.enumerate():
            if thread.name.startswith("perfbudget-load"):
                thread.join(5)
