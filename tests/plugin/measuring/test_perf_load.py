"""The perf_load fixture: what a test writes, what it gets, and what becomes of its budgets."""

from __future__ import annotations

import pytest
from scripting import Project

WITHIN = "max_ms=60_000"  # a limit that holds on any machine, and that no generator is late for


def test_plain_functions_run_in_threads_and_the_result_is_there_to_look_at(each_way: Project) -> None:
    each_way.run(f"""
def test_it(perf_load):
    found = perf_load(lambda: None, users=4, requests=50, {WITHIN}, min_rps=0.1, max_error_rate=0.5)
    assert (found.requests, found.failures, found.error_rate, found.success_rate) == (200, 0, 0.0, 1.0)
    assert found.rps > 0
    assert found.latency_ms["median"] <= found.latency_ms["p95"] <= found.latency_ms["max"]
""").assert_outcomes(passed=1)
    assert each_way.verdicts() == {
        "test_it lambda max": "within",
        "test_it lambda rps": "within",
        "test_it lambda error_rate": "within",
    }
    (measured,) = each_way.report["measurements"]
    assert (measured["kind"], measured["rounds"], measured["statistics"]["success_rate"]) == ("load", 200, 100)


def test_coroutine_functions_are_awaited_and_users_keep_what_they_need(each_way: Project) -> None:
    each_way.run(f"""
import asyncio
from contextlib import asynccontextmanager

made = []

@asynccontextmanager
async def client():
    made.append(1)
    yield len(made)

async def request(number):
    assert 1 <= number <= 5
    await asyncio.sleep(0)

def test_it(perf_load):
    async def main():
        return await perf_load(request, user=client, users=5, requests=20, name="order", {WITHIN})
    found = asyncio.run(main())
    assert (found.requests, found.failures, len(made)) == (100, 0, 5)
""").assert_outcomes(passed=1)
    assert each_way.verdicts() == {"test_it order max": "within"}


def test_an_open_load_sends_what_is_due(project: Project) -> None:
    project.run(f"""
def test_it(perf_load):
    found = perf_load(lambda: None, stages=[(100, "400ms"), (100, "300ms")], warm_up="100ms", {WITHIN})
    assert found.requests == 50
""").assert_outcomes(passed=1)


def test_errors_are_grouped_and_fail_the_test_unless_a_limit_allows_them(each_way: Project) -> None:
    program = """
from itertools import count
numbers = count()

def request():
    number = next(numbers)
    assert number % 10, "odd one out"
    if number % 10 == 1: raise ConnectionError(f"port {{40000 + number}}")

def test_it(perf_load):
    perf_load(request, users=1, requests=40{limits})
"""
    result = each_way.run(program.format(limits=""))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "request: 8 requests of 40 failed, and no error is allowed",
            "  as observed; 40 requests in *",
            "  limit max_error_rate=0 from the default: no error is allowed without max_error_rate or min_success_rate",
            "  4 x AssertionError: odd one out (the first at *, the last at *)",
            "    File *test_it.py*, in request",
            "  4 x ConnectionError: port 40001 (the first at *, the last at *)",
            "Make the requests succeed, or allow more errors: max_error_rate or min_success_rate.",
        ]
    )
    each_way.run(program.format(limits=", max_error_rate=0.9")).assert_outcomes(passed=1)
    assert each_way.verdicts() == {"test_it request error_rate": "within"}


@pytest.mark.parametrize("place", ["call", "marker", "table"])
def test_a_limit_may_allow_no_error(project: Project, place: str) -> None:
    marker = "@pytest.mark.perf_budget(max_error_rate=0)" if place == "marker" else ""
    keyword = ", max_error_rate=0" if place == "call" else ""
    pyproject = "[tool.perfbudget]\nmax_error_rate = 0\n" if place == "table" else ""
    program = f"""
from itertools import count
numbers = count(1)

def fails(): assert next(numbers) % 70

{marker}
def test_good(perf_load): perf_load(lambda: None, users=1, requests=70{keyword})

{marker}
def test_bad(perf_load): perf_load(fails, users=1, requests=70{keyword})
"""
    result = project.run(program, pyproject=pyproject)
    result.assert_outcomes(passed=1, failed=1)
    assert project.verdicts() == {
        "test_good lambda error_rate": "within",
        "test_bad fails error_rate": "exceeded",
    }
    result.stdout.fnmatch_lines(["fails: 1 request of 70 failed, and no error is allowed"])


def test_limits_come_from_everywhere(project: Project) -> None:
    project.run(
        """
import os

@pytest.mark.perf_budget("step", max_error_rate=0.9)
def test_it(perf_load):
    limits = {"pid": os.getpid(), "rss_mb": 0.1}
    perf_load(lambda: None, users=1, requests=60, name="step", component="shop", **limits)
""",
        pyproject="[tool.perfbudget.components.shop]\nmax_ms = 60000\nmax_calls = 5\n",
    ).assert_outcomes(failed=1)
    assert project.verdicts() == {
        "test_it step rss": "exceeded",
        "test_it step error_rate": "within",
        "test_it step max": "within",
    }


def test_steps_of_a_request_are_timed(project: Project) -> None:
    project.run("""
def test_it(perf_load):
    def request():
        with perf_load.step("login"): pass
        with perf_load.step("order"): pass
    found = perf_load(request, users=2, requests=5)
    assert set(found.steps) == {"login", "order"}
    assert found.steps["login"]["max"] >= found.steps["login"]["median"] >= 0
    with perf_load.step("later"): pass
""").assert_outcomes(passed=1)


@pytest.mark.parametrize("method", ["capacity", "locust"])
def test_a_search_and_a_scenario_without_a_request_are_one_line(project: Project, method: str) -> None:
    result = project.run(f"def test_it(perf_load): perf_load.{method}()\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"perf_load.{method}() in test_it.py:*: give *: write perf_load.{method}(*, ...)"])
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(("limit", "verdict"), [(1, "exceeded"), (2, "within")])
@pytest.mark.parametrize("is_async", [False, True], ids=["threads", "asyncio"])
def test_a_step_is_a_span_and_can_be_limited(project: Project, limit: int, verdict: str, is_async: bool) -> None:
    test = """
def test_it(perf_load):
    {word}def request():
        for _ in range(2):
            with perf_load.step("cart"): pass
    limits = {{"cart": {{"max_count": {limit}, "max_share": 1.0}}}}
    {call}
"""
    call = "perf_load(request, users=2, requests=8, spans=limits)"
    run = f"async def main(): await {call}\n    import asyncio; asyncio.run(main())"
    project.run(test.format(word="async " if is_async else "", limit=limit, call=run if is_async else call))
    assert project.verdicts()["test_it request count"] == verdict


@pytest.mark.parametrize("arguments", [("--perf-gate=off",), ("-p", "no:randomly", "--perf-gate=off")])
def test_with_the_gate_off_each_load_is_one_request(project: Project, arguments: tuple[str, ...]) -> None:
    project.run(
        """
def test_it(perf_load):
    assert perf_load(lambda: None, users=4, requests=50, p95_ms=1).requests == 1
""",
        *arguments,
    ).assert_outcomes(passed=1)


def test_a_skip_within_a_request_skips_the_test(project: Project) -> None:
    project.run("""
def request(): pytest.skip("no server")

def test_it(perf_load):
    perf_load(request, users=2, requests=5)
""").assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("request, users=2", "users need requests= (for each user) or duration= (such as '10s'), found neither"),
        ("request, requests=2", "give users= (closed model), or rate= or stages= (open model): found none of them"),
        ("request(), users=2, requests=1", "expected a function, found None: write perf_load(fn, ...)*"),
        (
            "request, 5, users=2, requests=1",
            "a request has no arguments but the value of user=: write functools.partial(request, ...) instead of *",
        ),
        ("generator, users=2, requests=1", "generator is a generator function*"),
        (
            "coroutine, users=2, requests=1",
            "coroutine is a coroutine function: write `await perf_load(coroutine, ...)`*",
        ),
        (
            "lambda: coroutine(), users=2, requests=1",
            "the function returned before its work was done; *perf_load(...)*",
        ),
        ("lambda: next(results), users=1, requests=3", "the function returned before its work was done; *"),
        ("lambda: generator(), rate=9, duration='1s'", "the function returned before its work was done; *generator*"),
        ("request, users=2, requests=1, p95=5", "'p95' lacks its unit: write p95_ms*"),
        ("request, users=2, requests=1, usres=5", "unknown keyword 'usres' (did you mean 'users'?)"),
        ("request, users=2, requests=1, max_error_rate=5", "max_error_rate must be at most 1, found 5"),
        ("request, user_count=1, requests=2", "unknown keyword 'user_count'"),
        ("request, pdi=5, users=1, requests=2", "unknown keyword 'pdi'*"),
        (
            "request, users=10**7, requests=1",
            "users=10000000: each user of a plain function needs a thread, and only 10,000 can be had: give rate= "
            "instead, or a coroutine function, whose users are tasks of the event loop",
        ),
        ("", "give the function that makes a request: write perf_load(fn, ...)"),
        ("users=1, requests=1", "give the function that makes a request: write perf_load(fn, ...)"),
        (
            "request, users=1, requests=1, user=contextmanager(generator)()",
            "user= is a context manager, which all users would share, and must be the function that makes the context "
            "manager of each user: write user=generator without parentheses",
        ),
        (
            "request, rate=5, duration='1s', user=memoryview(b'')",
            "user= is a context manager, *: write user=lambda: ... with the call that makes it",
        ),
        ("request, users=1, requests=1, user=5", "user= must be a function that returns a context manager, found 5"),
        (
            "request, users=1, requests=1, user=generator",
            "user= must return a context manager, it returned <generator *: decorate it with contextlib.contextmanager",
        ),
        (
            "request, rate=50, duration='1s', user=generator",
            "user= must return a context manager, it returned <generator *: decorate it with contextlib.contextmanager",
        ),
        (
            "request, users=1, requests=1, user=asynccontextmanager(agenerator)",
            "user= must return a plain context manager for a plain function, it returned *: make both asynchronous, *",
        ),
        (
            "request, users=1, requests=1, user=coroutine",
            "user= must return *, it returned <coroutine *: decorate it with contextlib.asynccontextmanager",
        ),
    ],
)
def test_a_mistake_is_one_line(project: Project, call: str, message: str) -> None:
    result = project.run(f"""
from contextlib import asynccontextmanager, contextmanager

def request(): pass
def generator(): yield
async def agenerator(): yield
async def coroutine(): pass
results = iter([1]) if "results" not in {call!r} else iter([1, generator(), 2])

def test_it(perf_load):
    perf_load({call})
""")
    result.assert_outcomes(failed=1)
    assert "Traceback" not in result.stdout.str()
    result.stdout.fnmatch_lines([f"perf_load() in test_it.py:*: {message.replace('[', '[[]')}"])


def test_users_that_never_end_are_said(project: Project) -> None:
    result = project.run("""
from contextlib import contextmanager
import threading

@contextmanager
def user():
    yield
    threading.Event().wait()

def test_it(perf_load):
    assert perf_load(lambda _: None, user=user, users=2, requests=5, timeout="100ms").requests == 10
""")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["note: *: user=: 2 users did not leave the context manager in time"])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ("users=10**6", "users=1000000: a load has at most 100,000 users: give rate= instead"),
        ("users=1, user=generator", "user= must return a context manager, it returned <generator *"),
        ("users=1, user=agenerator", "user= must return *: decorate it with contextlib.asynccontextmanager"),
    ],
)
def test_a_mistake_in_a_load_of_coroutines_is_one_line(project: Project, keywords: str, message: str) -> None:
    result = project.run(f"""
import asyncio

def generator(): yield
async def agenerator(): yield
async def request(): pass

def test_it(perf_load):
    async def main(): await perf_load(request, requests=1, {keywords})
    asyncio.run(main())
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"perf_load() in test_it.py:*: {message}"])
    assert "Traceback" not in result.stdout.str()


def test_a_load_that_is_never_awaited_is_said(project: Project) -> None:
    result = project.run(
        """
import asyncio

async def request(): pass

def test_it(perf_load):
    async def main():
        perf_load(request, users=1, requests=1)
    asyncio.run(main())
""",
        "-W",
        "ignore",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["perf_load() in test_it.py:*: never awaited: write `await perf_load(...)`"])


def test_the_process_that_serves_the_load_is_held_to_its_limits(each_way: Project) -> None:
    pytest.importorskip("psutil")
    each_way.run("""
import os

def test_it(perf_load):
    found = perf_load(lambda: None, users=1, requests=5, pid=os.getpid(), rss_mb=1, cpu_percent=100_000)
    assert found.rss_mb > 1
""").assert_outcomes(failed=1)
    assert each_way.verdicts() == {
        "test_it lambda rss": "exceeded",
        "test_it lambda cpu_percent": "within",
    }


def test_a_serving_process_that_dies_in_the_load_is_not_within_its_limits(project: Project) -> None:
    pytest.importorskip("psutil")
    result = project.run("""
import subprocess, sys, pytest

@pytest.mark.parametrize("dies", [False, True])
def test_it(perf_load, dies):
    server = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    made = []
    def request():
        made.append(1)
        if dies and len(made) == 5: server.kill()
    perf_load(request, users=1, requests=10, pid=server, rss_mb=1000, cpu_percent=10_000)
    server.communicate(b"end")
""")
    result.assert_outcomes(passed=2)
    assert project.verdicts() == {
        "test_it[False] request rss": "within",
        "test_it[False] request cpu_percent": "within",
        "test_it[True] request rss": "unmeasured",
        "test_it[True] request cpu_percent": "unmeasured",
    }
    result.stdout.fnmatch_lines(["unmeasured: *request: rss, cpu_percent: the process ended after *"])


def test_the_cpu_time_of_the_serving_process_is_that_under_the_load(project: Project) -> None:
    """This process serves: it works before the load, and then in the load."""
    pytest.importorskip("psutil")
    project.run("""
import os, threading, time
from contextlib import contextmanager

def work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: pass

@contextmanager
def working_user():
    work(0.3)
    yield None

def test_it(perf_load):
    def request(_): threading.Event().wait(0.02)
    def busy(): work(0.02)
    load = dict(users=1, pid=os.getpid(), cpu_percent=10_000)
    before = perf_load(request, user=working_user, duration="300ms", name="before", **load)
    within = perf_load(busy, requests=15, name="within", **load)
    assert before.cpu_percent < within.cpu_percent / 2
""").assert_outcomes(passed=1)


@pytest.mark.parametrize("pid", ["-1", "2**30", "2**70"])
def test_a_serving_process_that_is_gone_is_said(project: Project, pid: str) -> None:
    pytest.importorskip("psutil")
    result = project.run(f"def test_it(perf_load):\n    perf_load(lambda: None, users=1, requests=1, pid={pid})\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["perf_load() in test_it.py:*: pid=*: there is no such process"])


def test_a_fixture_that_is_never_called_is_named(project: Project) -> None:
    result = project.run("def test_it(perf_load): pass\n")
    result.stdout.fnmatch_lines(["unmeasured: *: the test asks for the perf_load fixture but never called it"])


def test_the_failure_text_says_how_many_independent_requests_the_load_is_worth(lean: Project) -> None:
    result = lean.run(
        """
from itertools import count
numbers = count()
def request(): assert next(numbers) % 100 > 1  # errors come in pairs
def test_it(perf_load): perf_load(request, users=1, requests=400, max_error_rate=0.05)
""",
        "--perf-strict",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  error_rate lies between *; * requests, which say as much as * independent *"])


def test_two_loads_at_once_are_refused(project: Project) -> None:
    program = """
import asyncio, pytest

async def request(): await asyncio.sleep(0.001)

def test_one_after_the_other(perf_load):
    async def main():
        await perf_load(request, name="a", users=1, requests=2)
        await perf_load(request, name="b", users=1, requests=2)
    asyncio.run(main())

def test_at_once(perf_load):
    async def main():
        await asyncio.gather(*(perf_load(request, name=name, users=1, requests=50) for name in "ab"))
    asyncio.run(main())

@pytest.mark.parametrize("name", [5, "", "a\\nb"])
def test_name(perf_load, name): perf_load(lambda: None, name=name, users=1, requests=1)
"""
    result = project.run(program)
    result.assert_outcomes(passed=1, failed=4)
    result.stdout.fnmatch_lines(
        [
            "*perf_load() in *: another load of this test is running: await one before the next",
            "*perf_load() in *: name= must be a text of one line, found 5",
        ]
    )
