"""Loads whose result a test does not look at: one without a result, before a skip, with a failed check of a user."""

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


@pytest.mark.parametrize(("divisor", "outcome"), [(0, {"failed": 1}), (1, {"skipped": 1})])
def test_a_skip_after_a_load_does_not_hide_a_limit_that_is_exceeded(
    each_way: Project, divisor: int, outcome: dict[str, int]
) -> None:
    result = each_way.run(f"""
def test_it(perf_load):
    perf_load(lambda: 1 / {divisor}, users=1, requests=5)
    pytest.skip("the rest needs a database")
""")
    result.assert_outcomes(**outcome)
    if "failed" in outcome:
        result.stdout.fnmatch_lines(["lambda: 5 requests of 5 failed, and no error is allowed"])


USER = """
import asyncio
from contextlib import asynccontextmanager, contextmanager

@contextmanager
def client():
    yield []
    {end}

def request(_): pass
async def coroutine(_): pass

def test_threads(perf_load): perf_load(request, user=client, users=2, requests=5)

def test_tasks(perf_load):
    async def main(): await perf_load(coroutine, user=client, users=2, requests=5)
    asyncio.run(main())
"""


@pytest.mark.parametrize("check", ["assert not 'connections are left'", "pytest.fail('connections are left')"])
def test_a_check_that_fails_at_the_end_of_a_user_fails_the_test(project: Project, check: str) -> None:
    result = project.run(USER.format(end=check))
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([f">   *{check}", "E *connections are left*"])


def test_another_error_at_the_end_of_a_user_is_a_note(project: Project) -> None:
    """For example of a connection that cannot be closed, because the server was killed."""
    result = project.run(USER.format(end="raise OSError('still open')"))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["note: *: user=: 2 users left the context manager with OSError: still open"])
