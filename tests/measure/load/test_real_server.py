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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from line_server import Start, open_load

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria import Errors
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
