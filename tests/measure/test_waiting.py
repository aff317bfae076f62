"""The words of a finding about a component that waits, for each cause of the waiting, on the system's clock.

The component does nothing before the change, and waits for some 20 ms after it. The fastest execution of each side
counts, which other programs disturbed least.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pytest_perfbudget import track
from pytest_perfbudget.core.pairs import PAIR_SPREAD
from pytest_perfbudget.core.spans.batches import BatchStore, SpanBatch, in_turns
from pytest_perfbudget.core.spans.changes import FEWEST_MATCHES, Match, compare_spans
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.spans import SpanGatherer
from pytest_perfbudget.measure.thread_use import read_thread, use_between
from pytest_perfbudget.report.components import component_lines

# On a machine that is busy throughout, each of the executions may lose the CPU to another program.
pytestmark = pytest.mark.flaky(reruns=2)

EXECUTIONS, MOST_ROUNDS = 16, 20
WAIT_S = 0.02


@pytest.fixture(autouse=True)
def ahead_of_other_programs() -> Iterator[None]:
    """Give this thread, and all that it starts, the CPU before other programs, where the system allows that."""
    before = os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else None
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, -19)
    yield
    if before is not None:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def nothing() -> None:
    """Return at once."""


def sleeps() -> None:
    time.sleep(WAIT_S)


def computes() -> None:
    end_ns = time.thread_time_ns() + 20_000_000
    while time.thread_time_ns() < end_ns:
        pass


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Run a function in another thread, beside the block."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def waits_for_a_lock(holder: Callable[[], None]) -> Callable[[], None]:
    """Return a function that waits for a lock, which another thread holds while it does something."""

    def wait() -> None:
        lock, is_held = threading.Lock(), threading.Event()

        def hold() -> None:
            with lock:
                is_held.set()
                holder()

        with beside(hold):
            is_held.wait()
            with lock:
                pass

    return wait


def waits_for_the_gil() -> None:
    """Give the GIL away several times, while another thread computes."""
    is_over = False

    def compute() -> None:
        while not is_over:
            pass

    with beside(compute):
        for _ in range(4):
            time.sleep(0)  # takes as long as the other thread then keeps the GIL
        is_over = True


def sleeps_beside_a_busy_thread() -> None:
    """Sleep again and again; nothing but the CPU times tells of the thread, so the words claim no more."""
    is_over = False

    def compute() -> None:
        nonlocal is_over
        computes()
        is_over = True

    with beside(compute):
        while not is_over:
            time.sleep(0.001)


def waits_for_a_socket() -> None:
    one, other = socket.socketpair()
    with one, other:

        def answer() -> None:
            time.sleep(WAIT_S)
            other.send(b"x")

        with beside(answer):
            assert one.recv(1) == b"x"


def waits_for_a_process() -> None:
    subprocess.run(
        [sys.executable, "-S", "-c", f"import time\nwhile time.process_time() < {2 * WAIT_S}: pass"], check=True
    )


def fastest(work: Callable[[], None]) -> SpanBatch:
    """Return the spans of the fastest execution of a component."""
    store = BatchStore()
    gatherer = SpanGatherer(Path(), store=store)
    uses = []
    for _ in range(EXECUTIONS):
        with gatherer.listening():
            before = read_thread(SYSTEM)
            with gatherer.execution(), track("work"):
                work()
            uses.append(use_between(before, read_thread(SYSTEM), 1))
        gatherer.keep()
    return min(in_turns(store.batches([1] * EXECUTIONS), range(EXECUTIONS), uses), key=disturbance)


def disturbance(one: SpanBatch) -> tuple[float, float]:
    """Return the sort key of executions: the waiting of unknown cause, and the time, which other programs prolong."""
    causes = one.parts["work"].causes
    return causes.unknown_ns if causes else 0.0, one.total_ns


def finding(work: Callable[[], None], cause: str) -> list[str]:
    """Return the lines of the finding about a component that does nothing before the change.

    Other programs that have the CPUs stop the other threads, too, which then seem to wait for something else. So the
    component runs until its fastest execution has the cause, at most for some seconds.
    """
    best: SpanBatch | None = None
    for _ in range(MOST_ROUNDS):
        candidates = [fastest(work), *([best] if best else [])]
        best = min(candidates, key=disturbance)
        found = compare_spans([Match(fastest(nothing), best)] * FEWEST_MATCHES, PAIR_SPREAD)
        assert found is not None
        lines = list(component_lines(found, "execution", "HEAD"))
        if lines[1].endswith(cause):
            break
    return lines


THREADS = "of waiting while other threads of its process computed (perhaps for the GIL, a lock or their result)"
IDLE, BUSY = "I/O or sleep", "other threads computing"
REST = "of waiting for I/O, a timer, an idle lock or another process"


@pytest.mark.parametrize(
    ("work", "cause", "words"),
    [
        pytest.param(sleeps, IDLE, REST, id="sleep"),
        pytest.param(waits_for_a_lock(sleeps), IDLE, REST, id="a lock whose holder sleeps"),
        pytest.param(waits_for_a_lock(computes), BUSY, THREADS, id="a lock whose holder computes"),
        pytest.param(waits_for_the_gil, BUSY, THREADS, id="the GIL"),
        pytest.param(sleeps_beside_a_busy_thread, BUSY, THREADS, id="sleep beside a busy thread"),
        pytest.param(waits_for_a_socket, IDLE, REST, id="a socket"),
        pytest.param(waits_for_a_process, "other processes computing", REST, id="another process"),
    ],
)
def test_a_finding_says_what_the_component_waits_for(work: Callable[[], None], cause: str, words: str) -> None:
    lines = finding(work, cause)
    assert lines[1].split()[0] == "work"
    assert lines[1].endswith(cause)
    assert any(line.endswith(words) for line in lines), lines


def test_a_component_that_computes_waits_for_nothing() -> None:
    lines = finding(computes, "CPU")
    assert any(line.endswith("of CPU time") for line in lines), lines
    assert not any(line.endswith((THREADS, REST)) for line in lines)
