"""Loads without a result: each fails its test, and says why."""

from __future__ import annotations

import pytest
from scripting import Project

LOADS = """
import asyncio, threading, pytest

started, end = threading.Event(), threading.Event()
async def request(): await asyncio.sleep(0.001)
async def never():
    started.set()
    await asyncio.Event().wait()
def waits():
    started.set()
    end.wait(20)

def test_it(perf_load):
    async def main():
        {coroutine}
    {body}
"""


def fails(project: Project, message: str, *, body: str = "asyncio.run(main())", coroutine: str = "pass") -> None:
    result = project.run(LOADS.format(body=body, coroutine=coroutine))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])


def passes(project: Project, *, body: str = "asyncio.run(main())", coroutine: str = "pass") -> None:
    project.run(LOADS.format(body=body, coroutine=coroutine)).assert_outcomes(passed=1)


CANCELLED = (
    "perf_load() in test_it.py:*: the load was cancelled before its end (CancelledError), so it has no result: *"
)


def test_a_load_that_a_timeout_cancels_fails_its_test(project: Project) -> None:
    timed = """try: await asyncio.wait_for(perf_load({}, users=1, requests=2, p95_ms=5000), {})
        except asyncio.TimeoutError: pass"""
    fails(project, CANCELLED, coroutine=timed.format("never", 0.1))
    passes(project, coroutine=timed.format("request", 60))


def test_a_load_in_a_task_that_is_never_awaited_fails_its_test(project: Project) -> None:
    task = "task = asyncio.ensure_future(perf_load(never, users=1, requests=1, p95_ms=5000))\n        "
    fails(project, CANCELLED, coroutine=task + "while not started.is_set(): await asyncio.sleep(0)")
    passes(project, coroutine=task.replace("never", "request") + "await task")


THREAD = """thread = threading.Thread(target=lambda: perf_load(waits, users=1, requests=1, p95_ms=60_000))
    thread.start()
    started.wait(20)"""


def test_a_load_in_a_thread_that_is_never_joined_fails_its_test(project: Project) -> None:
    fails(
        project, "perf_load() in test_it.py:*: the load still ran when its test ended: *join its thread*", body=THREAD
    )
    passes(project, body=f"{THREAD}\n    end.set()\n    thread.join()")


def test_a_second_load_in_another_thread_fails_the_test(project: Project) -> None:
    """The exception in the thread is a warning of pytest only."""
    second = "threading.Thread(target=lambda: perf_load(len, name='b', users=1, requests=1))"
    together = (
        f"{THREAD}\n    second = {second}\n    second.start()\n    second.join()\n    end.set()\n    thread.join()"
    )
    result = project.run(LOADS.format(body=together, coroutine="pass"), "-Wignore")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["perf_load() in test_it.py:*: another load of this test is running: *"])


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        ("pytest.skip('no server')", "the load was ended by Skipped: no server, so it has no result: let this *"),
        ("return iter_([1])", "the function returned before its work was done; *"),
    ],
)
def test_an_exception_that_ends_a_load_fails_the_test_even_if_the_test_swallows_it(
    project: Project, request_body: str, message: str
) -> None:
    swallowed = f"""def iter_(values): yield from values
    def ends(): {request_body}
    try: perf_load(ends, users=1, requests=1)
    except BaseException: pass"""
    fails(project, f"perf_load() in test_it.py:*: {message}", body=swallowed)


def test_a_search_for_the_capacity_that_is_cancelled_fails_its_test(project: Project) -> None:
    search = """try: await asyncio.wait_for(perf_load.capacity(never, p95_ms=5000, timeout="5s"), 0.1)
        except asyncio.TimeoutError: pass"""
    fails(project, CANCELLED.replace("perf_load()", "perf_load.capacity()"), coroutine=search)
