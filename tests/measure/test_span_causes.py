"""The causes of waiting in real code. The amounts are CPU time and sleeps, so a busy machine changes no result."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget import track
from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.facts import SpanFacts
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.spans import SpanGatherer

MS = 1_000_000
AMOUNT_NS = 30 * MS
MOST_NS, LITTLE_NS = 0.8 * AMOUNT_NS, 0.2 * AMOUNT_NS
BURN = f"import time\nwhile time.process_time_ns() < {AMOUNT_NS}: pass"

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the CPU time of running processes")


def burn(amount_ns: int = AMOUNT_NS) -> None:
    end_ns = time.thread_time_ns() + amount_ns
    while time.thread_time_ns() < end_ns:
        pass


def causes(function: Callable[[], object]) -> tuple[Causes, Causes]:
    """Return the causes of the span `work`, and those of the whole execution."""
    while True:
        gatherer = SpanGatherer(Path())
        with gatherer.listening():
            gatherer.marked(function, is_awaited=False)()
            gatherer.keep()
        if all(one.unknown_ns <= LITTLE_NS for one in found(gatherer)):  # else another program had the CPU in a look
            return found(gatherer)


def causes_awaited(
    function: Callable[[], Coroutine[Any, Any, None]], *, are_known: bool = True
) -> tuple[Causes, Causes]:
    async def run(gatherer: SpanGatherer) -> None:
        with gatherer.listening():
            await gatherer.marked(function, is_awaited=True)()
            gatherer.keep()

    while True:
        gatherer = SpanGatherer(Path())
        asyncio.run(run(gatherer))
        if not are_known or all(one.unknown_ns <= LITTLE_NS for one in found(gatherer)):
            return found(gatherer)


def found(gatherer: SpanGatherer) -> tuple[Causes, Causes]:
    facts = SpanFacts.of(gatherer.store)
    (span,) = [one.causes for one in facts.nodes if one.path[-1] == "work"]
    assert span is not None
    assert facts.causes is not None
    return span, facts.causes


@contextmanager
def busy_thread(work: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """Run a thread beside the block, and yield the event that lets its work begin."""
    go = threading.Event()
    thread = threading.Thread(target=work, args=(go,))
    thread.start()
    yield go
    thread.join()


def test_computing() -> None:
    for one in causes(track("work")(burn)):
        assert one.cpu_ns >= MOST_NS
        assert one.threads_ns + one.processes_ns <= LITTLE_NS


def test_sleeping() -> None:
    for one in causes(track("work")(lambda: time.sleep(AMOUNT_NS / 1e9))):
        assert one.idle_ns >= MOST_NS
        assert one.cpu_ns + one.threads_ns + one.processes_ns <= LITTLE_NS


def waits_for_a_lock(work: Callable[[], object]) -> Callable[[], None]:
    """Return code that waits for a lock in a span; another thread holds the lock while it works."""
    lock, is_held = threading.Lock(), threading.Event()

    def hold(go: threading.Event) -> None:
        with lock:
            is_held.set()
            go.wait()
            work()

    def wait() -> None:
        is_held.clear()
        with busy_thread(hold) as go:
            is_held.wait()
            with track("work"):
                go.set()
                lock.acquire()
            lock.release()

    return wait


def test_a_lock_that_a_computing_thread_holds() -> None:
    for one in causes(waits_for_a_lock(burn)):
        assert one.threads_ns >= MOST_NS
        assert one.cpu_ns + one.processes_ns <= LITTLE_NS


def test_a_lock_that_a_sleeping_thread_holds_looks_like_a_sleep() -> None:
    for one in causes(waits_for_a_lock(lambda: time.sleep(AMOUNT_NS / 1e9))):
        assert one.idle_ns >= MOST_NS


def test_the_gil() -> None:
    done = threading.Event()

    def compute(go: threading.Event) -> None:
        go.wait()
        burn()
        done.set()

    def computes_beside() -> None:
        done.clear()
        with busy_thread(compute) as go, track("work"):
            go.set()
            while not done.is_set():
                pass

    for one in causes(computes_beside):
        assert one.threads_ns >= MOST_NS
        assert one.processes_ns <= LITTLE_NS


def test_a_process_that_ends_within_the_span() -> None:
    def starts_a_process() -> None:
        with track("work"):
            subprocess.run([sys.executable, "-c", BURN], check=True)

    for one in causes(starts_a_process):
        assert one.processes_ns >= MOST_NS
        assert one.threads_ns <= LITTLE_NS


@linux
def test_a_process_that_goes_on_such_as_a_server() -> None:
    code = f"import time\nwhile input():\n  end = time.process_time_ns() + {AMOUNT_NS}\n  while time.process_time_ns() < end: pass\n  print('answer', flush=True)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True, bufsize=1) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        ask, answer = server.stdin, server.stdout

        def request() -> None:
            with track("work"):
                ask.write("x\n")
                answer.readline()

        for one in causes(request):
            assert one.processes_ns >= MOST_NS
            assert one.threads_ns <= LITTLE_NS
        server.kill()


def test_a_file_that_is_written_to_the_disk(tmp_path: Path) -> None:
    def writes() -> None:
        with track("work"), (tmp_path / "file").open("wb") as file:
            file.write(b"x" * 1_000_000)
            file.flush()
            os.fsync(file.fileno())

    for one in causes(writes):
        assert one.threads_ns + one.processes_ns <= max(0.2 * sum(one), MS)


@linux
@pytest.mark.skipif(not SYSTEM.waited_ns(), reason="this system does not count how long a thread waits for a CPU")
def test_a_cpu_that_another_program_has() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        # Started by a shell that ends at once, the program is nobody's child.
        shell = subprocess.run(
            ["sh", "-c", f"{sys.executable} -c 'while True: pass' >/dev/null 2>&1 & echo $!"],
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        try:
            (one, whole) = causes(track("work")(lambda: burn(3 * AMOUNT_NS)))
        finally:
            os.kill(int(shell.stdout), 9)
    finally:
        os.sched_setaffinity(0, allowed)
    for found in (one, whole):
        assert found.queue_ns >= 0.5 * (sum(found) - found.cpu_ns)


def test_another_task_of_the_event_loop_that_computes() -> None:
    async def compute() -> None:
        burn()

    @track("work")
    async def work() -> None:
        await asyncio.create_task(compute())

    span, whole = causes_awaited(work)
    assert span.threads_ns >= MOST_NS
    assert whole.cpu_ns >= MOST_NS


def test_a_coroutine_that_sleeps() -> None:
    @track("work")
    async def work() -> None:
        await asyncio.sleep(AMOUNT_NS / 1e9)

    for one in causes_awaited(work):
        assert one.idle_ns >= MOST_NS


def test_a_block_in_a_coroutine_has_no_known_cause() -> None:
    async def inner() -> None:
        with track("work"):
            await asyncio.sleep(0)

    tasks = lambda: asyncio.create_task(inner())  # noqa: E731
    span, _ = causes_awaited(tasks, are_known=False)  # type: ignore[arg-type]
    assert span.unknown_ns == sum(span)


def test_requests_of_a_load_that_share_a_thread_have_no_known_cause() -> None:
    gatherer = SpanGatherer(Path(), is_load=True)

    async def request() -> None:
        await asyncio.sleep(0)

    async def run() -> None:
        with gatherer.listening():
            await gatherer.marked(request, is_awaited=True)()
            gatherer.keep()

    asyncio.run(run())
    assert SpanFacts.of(gatherer.store).causes is None
