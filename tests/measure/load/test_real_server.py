"""The generator against a real server process that is stopped, killed or slow; its limits leave a noisy machine room."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.arrivals import Stage
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.metrics import METRICS
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.measure.load.async_load import AsyncLoad
from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.recorder import LoadRecorder

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals stop and continue the server"),
    # Tests of other workers take the CPU from the server: three failures in a row are no noise.
    pytest.mark.flaky(reruns=2),
]

S = 1_000_000_000
MS = 1_000_000

SERVER = """
import asyncio, sys
async def serve(reader, writer):
    while await reader.readline():
        await asyncio.sleep(float(sys.argv[1]))
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


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts a server whose answers take so many seconds each."""
    started: list[subprocess.Popen[str]] = []

    def start_server(seconds: float) -> Server:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start_server
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def ask(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    reader, writer = streams
    writer.write(b"?\n")
    await writer.drain()
    assert await reader.readline() == b"ok\n"


def generate(plan: LoadPlan, port: int) -> tuple[LoadRecord, LoadRecorder]:
    """Generate a load whose users keep a connection."""

    @asynccontextmanager
    async def connected() -> AsyncIterator[object]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def run() -> tuple[LoadRecord, LoadRecorder]:
        recorder = LoadRecorder()
        await AsyncLoad(plan, LoadCall(ask, connected), recorder).run()
        assert len(asyncio.all_tasks()) == 1
        return recorder.record(plan), recorder

    return asyncio.run(run())


def stop_for(process: subprocess.Popen[str], after_s: float, seconds: float) -> tuple[threading.Thread, list[int]]:
    """Stop a process for some time, in a thread; the list will hold the times of the stop and the end of it."""
    times: list[int] = []

    def run() -> None:
        time.sleep(after_s)
        process.send_signal(signal.SIGSTOP)
        times.append(time.perf_counter_ns())
        time.sleep(seconds)
        times.append(time.perf_counter_ns())
        process.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, times


def open_load(rate: float, seconds: float) -> LoadPlan:
    return LoadPlan(stages=(Stage(rate, rate, round(seconds * S)),), duration_ns=round(seconds * S))


def test_an_open_load_shows_the_queue_of_a_stopped_server_and_a_closed_load_hides_it(start: Start) -> None:
    """Coordinated omission: the exact queue follows from the intended starts and the time of the stop."""
    process, port = start(0)
    thread, times = stop_for(process, 2.0, 1.0)
    plan = open_load(100, 5)
    found, recorder = generate(plan, port)
    thread.join()
    stopped_ns, continued_ns = times
    due_ns = [recorder.begin_ns + number * S // 100 for number in range(500)]
    exact = sorted(max(continued_ns - due, 0) if due >= stopped_ns else 0 for due in due_ns)
    assert found.requests == 500
    late_ns = found.generator.lateness_p99_ns  # hardly anything, unless other processes take the CPU
    for share in (0.95, 0.99, 1.0):
        (seen,) = found.latencies.quantiles([share])
        wanted = exact[math.ceil(500 * share) - 1]
        assert seen == pytest.approx(wanted, abs=0.05 * wanted + late_ns), share

    thread, _ = stop_for(process, 1.0, 1.0)
    closed, _ = generate(LoadPlan(users=1, duration_ns=3 * S), port)
    thread.join()
    assert found.latencies.quantiles([0.99])[0] > 10 * closed.latencies.quantiles([0.99])[0]
    assert closed.latencies.quantiles([1.0])[0] > 0.5 * S


def judged(record: LoadRecord, limit_ms: float) -> BudgetVerdict:
    budget = Budget(METRICS["p95"], limit_ms * MS, "p95_ms", "the test")
    found = LoadGate([budget], Errors(0.005, 0.05)).judge(record)
    return next(one.verdict for one in found if one.metric == "p95")


BUSY = "while True: pass"


def test_a_generator_beside_busy_processes_judges_nothing_and_a_slow_server_exceeds(start: Start) -> None:
    """The generator's lateness tells the two apart."""
    plan = open_load(100, 3)
    slow, _ = generate(plan, start(0.6)[1])
    assert judged(slow, 500) is BudgetVerdict.EXCEEDED
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system keeps no process on a CPU")
    fast = start(0)[1]
    usable = os.sched_getaffinity(0)
    cpu = min(usable)
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(4)]
    try:
        for process in busy:
            os.sched_setaffinity(process.pid, {cpu})
        os.sched_setaffinity(0, {cpu})
        starved, _ = generate(plan, fast)
    finally:
        os.sched_setaffinity(0, usable)
        for process in busy:
            process.kill()
            process.wait()
    assert judged(starved, 20) is BudgetVerdict.UNMEASURED


ERRORS = {"BrokenResourceError", "ConnectionRefusedError", "EndOfStream", "OSError"}


def generate_in(loop: str, plan: LoadPlan, port: int) -> LoadRecord:
    """Generate a load in an event loop of asyncio or trio, and check that no task is left."""

    @asynccontextmanager
    async def connected() -> AsyncIterator[anyio.abc.SocketStream]:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            yield stream

    async def ask_again(stream: anyio.abc.SocketStream) -> None:
        await stream.send(b"?\n")
        assert await stream.receive() == b"ok\n"

    async def run() -> LoadRecord:
        recorder = LoadRecorder()
        await AsyncLoad(plan, LoadCall(ask_again, connected), recorder).run()
        assert not [one for one in anyio.get_running_tasks() if one.name == "perfbudget-load"]
        return recorder.record(plan)

    return anyio.run(run, backend=loop)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_load_ends_in_time_when_its_server_is_killed_halfway(start: Start, loop: str) -> None:
    process, port = start(0)
    thread = threading.Timer(0.7, process.kill)
    thread.start()
    before_ns = time.perf_counter_ns()
    found = generate_in(loop, open_load(100, 1.5), port)
    elapsed_s = (time.perf_counter_ns() - before_ns) / 1e9
    thread.join()
    assert found.requests == 150
    assert 0 < found.failures < 150
    assert {one.kind for one in found.errors} <= ERRORS
    assert elapsed_s < 1.5 + 2
