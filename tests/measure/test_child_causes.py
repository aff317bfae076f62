"""The causes of waiting in a child process, such as a served application: the child looks, and its spans say it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import Popen
from typing import IO

import pytest

from pytest_perfbudget.core.spans.causes import Causes, causes_of
from pytest_perfbudget.measure.span_receiver import SpanReceiver
from pytest_perfbudget.tracing import Span

MS = 1_000_000
AMOUNT_NS = 30 * MS
MOST_NS, LITTLE_NS = 0.8 * AMOUNT_NS, 0.2 * AMOUNT_NS

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the CPU time of running processes")

TALK = f"""
import threading, time
from pytest_perfbudget import track

def burn():
    end_ns = time.thread_time_ns() + {AMOUNT_NS}
    while time.thread_time_ns() < end_ns: pass
"""

COMPUTES = TALK + "track('work')(burn)()"
SLEEPS = TALK + f"track('work')(time.sleep)({AMOUNT_NS / 1e9})"
WAITS_FOR_A_LOCK = (
    TALK
    + """
lock, is_held, go = threading.Lock(), threading.Event(), threading.Event()

def hold():
    with lock:
        is_held.set()
        go.wait()
        burn()

thread = threading.Thread(target=hold)
thread.start()
is_held.wait()
with track('work'):
    go.set()
    lock.acquire()
thread.join()
"""
)
WAITS_FOR_AN_ANSWER = TALK + "with track('work'):\n    print('ask', flush=True)\n    input()"
ANSWERS = TALK + "input()\nburn()\nprint('answer', flush=True)"


@contextmanager
def running(program: str) -> Iterator[tuple[Popen[str], IO[str], IO[str]]]:
    """Run a program, and yield the process and the files to and from it."""
    with Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process, process.stdin, process.stdout
        finally:
            process.kill()


def causes(run: Callable[[], object]) -> Causes:
    """Return the causes of the span `work` that child processes of a function send."""
    while True:
        spans: list[Span] = []
        receiver = SpanReceiver()
        receiver.take = spans.extend
        with receiver.running():
            run()
        (span,) = [one for one in spans if one.name == "work"]
        found = causes_of(span.duration_ns, span.cpu_ns, span.waits)
        if found.unknown_ns <= LITTLE_NS:  # else another program had the CPU in a look
            return found


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True)


def test_computing() -> None:
    found = causes(lambda: run(COMPUTES))
    assert found.cpu_ns >= MOST_NS
    assert found.threads_ns + found.processes_ns <= LITTLE_NS


def test_sleeping() -> None:
    found = causes(lambda: run(SLEEPS))
    assert found.idle_ns >= MOST_NS
    assert found.cpu_ns + found.threads_ns + found.processes_ns <= LITTLE_NS


def test_a_lock_that_a_computing_thread_holds() -> None:
    found = causes(lambda: run(WAITS_FOR_A_LOCK))
    assert found.threads_ns >= MOST_NS
    assert found.cpu_ns + found.processes_ns <= LITTLE_NS


@linux
def test_another_process_of_the_test_such_as_the_server_behind_a_gateway() -> None:
    def asks_through_this_process() -> None:
        with running(ANSWERS) as (_, ask, answers), running(WAITS_FOR_AN_ANSWER) as (caller, reply, asks):
            asks.readline()
            ask.write("ask\n")
            answers.readline()
            reply.write("answer\n")
            caller.wait()

    found = causes(asks_through_this_process)
    assert found.processes_ns >= MOST_NS
    assert found.cpu_ns + found.threads_ns <= LITTLE_NS
