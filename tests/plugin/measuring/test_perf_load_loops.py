"""The perf_load fixture in tests of each event loop: asyncio, uvloop and trio, by themselves and by plugins of pytest."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest
from scripting import Project

BODY = """
import asyncio
import sys
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

import anyio
import pytest

who = ContextVar("who", default="nobody")

@asynccontextmanager
async def client():
    await anyio.sleep(0)
    async with anyio.create_task_group():  # a scope of trio that the user's task has to leave itself
        yield "client"

async def check(perf_load, loop):
    who.set("the test")
    assert asynclib() == loop

    async def order(own):
        assert (own, who.get()) == ("client", "the test")
        with perf_load.step("sleep"):
            await anyio.sleep(0.001)
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 0)

    async def hangs():
        await anyio.sleep_forever()

    limits = {"max_ms": 60_000}
    found = await perf_load(order, user=client, users=3, requests=4, **limits)
    assert (found.requests, found.failures, set(found.steps)) == (12, 0, {"sleep"}), found.errors
    found = await perf_load(order, user=client, name="due", rate=50, duration="200ms", warm_up="60ms", **limits)
    assert (found.requests, found.failures) == (10, 0), found.errors
    found = await perf_load(order, user=client, name="ramps", stages=[(100, "200ms"), (100, "50ms")], **limits)
    assert (found.requests, found.failures) == (15, 0), found.errors
    found = await perf_load(hangs, users=2, requests=2, timeout="30ms", max_error_rate=1)
    assert [(one.kind, one.count) for one in found.errors] == [("TimeoutError", 4)]
    capacity = await perf_load.capacity(
        order, user=client, name="most", p95_ms=60_000, max_error_rate=1, probe="50ms", duration="120ms", first_rate=40
    )
    assert capacity.lower >= 40

def asynclib():
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return "trio"
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
"""

TESTS = {
    "asyncio": """
def test_it(perf_load):
    asyncio.run(check(perf_load, "asyncio"))
""",
    "pytest-asyncio": """
@pytest.mark.asyncio
async def test_it(perf_load):
    await check(perf_load, "asyncio")
""",
    "anyio": """
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_it(perf_load, anyio_backend):
    await check(perf_load, "asyncio")
""",
    "uvloop": """
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})])
async def test_it(perf_load, anyio_backend):
    await check(perf_load, "uvloop")
""",
    "trio": """
def test_it(perf_load):
    import trio
    trio.run(check, perf_load, "trio")
""",
    "pytest-trio": """
@pytest.mark.trio
async def test_it(perf_load):
    await check(perf_load, "trio")
""",
    "anyio-trio": """
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_it(perf_load, anyio_backend):
    await check(perf_load, "trio")
""",
}


@pytest.mark.parametrize("loop", TESTS)
def test_all_kinds_of_loads(project: Project, loop: str) -> None:
    if loop == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    files = ("--perf-output", "out.hgrm", "--perf-output", "k6:k6.json")
    project.run(BODY + TESTS[loop], *files).assert_outcomes(passed=1)
    assert (project.pytester.path / "out.hgrm").read_text("utf-8").count("#[Load = test_it.py::test_it") == 4
    assert len(json.loads((project.pytester.path / "k6.json").read_text("utf-8"))["metrics"]) > 4
    verdicts = project.verdicts()
    assert [verdicts[one] for one in verdicts if "error_rate" not in one] == ["within"] * 3


def test_a_load_in_asyncio_does_not_import_trio() -> None:
    program = """
import asyncio, sys
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.measure.load.async_load import AsyncLoad
from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.recorder import LoadRecorder

async def nothing(): pass
async def main(): await AsyncLoad(LoadPlan(users=1, requests=1), LoadCall(nothing), LoadRecorder()).run()
asyncio.run(main())
assert "trio" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


INTERRUPTED = """
import asyncio, os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores the signal

async def order(): await asyncio.Event().wait()
async def trio_order():
    import trio
    await trio.sleep_forever()
def plain_order(): threading.Event().wait()

def test_it(perf_load):
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    {call}
"""

INTERRUPTED_CALLS = {
    "asyncio": """
    async def main(): await perf_load(order, users=3, duration="600s", timeout="500s")
    asyncio.run(main())
""",
    "trio": """
    import trio
    async def main(): await perf_load(trio_order, rate=50, duration="600s", timeout="500s")
    trio.run(main)
""",
    "threads": """
    perf_load(plain_order, users=3, duration="600s", timeout="500s")
""",
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("loop", INTERRUPTED_CALLS)
def test_an_interruption_ends_the_load_and_the_session(lean: Project, loop: str) -> None:
    result = lean.run(INTERRUPTED.format(call=INTERRUPTED_CALLS[loop]), subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*KeyboardInterrupt*"])
    result.stderr.no_fnmatch_line("*never*")
