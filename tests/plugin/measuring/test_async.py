"""A coroutine test's own body is awaited repeatedly, in the loop its plugin gives it."""

from __future__ import annotations

import pytest
from scripting import Project

ASYNCIO = "@pytest.mark.asyncio"
ANYIO = "@pytest.mark.anyio"
TRIO = "@pytest.mark.trio"


@pytest.mark.parametrize(
    ("mark", "library"),
    [(ASYNCIO, "asyncio"), (ANYIO, "asyncio"), (ANYIO, "trio"), (TRIO, "trio")],
    ids=["pytest-asyncio", "anyio-asyncio", "anyio-trio", "pytest-trio"],
)
def test_coroutine_tests_are_judged_under_every_plugin(project: Project, mark: str, library: str) -> None:
    result = project.run(f"""
import {library}, sniffio

@pytest.fixture
def anyio_backend():
    return "{library}"

tokens = []

{mark}
@pytest.mark.perf_budget(p95_ms=50)
async def test_quick():
    assert sniffio.current_async_library() == "{library}"
    await {library}.sleep(0)
    advance(ms=10)
    tokens.append(1)

{mark}
@pytest.mark.perf_budget(p95_ms=50)
async def test_slow():
    await {library}.sleep(0)
    advance(ms=60)

{mark}
async def test_fixture(perf):
    async def fetch(number):
        await {library}.sleep(0)
        advance(ms=10)
        return number
    assert await perf.aio(fetch, 7, p95_ms=50) == 7
    await perf.aio(fetch, 7, p95_ms=5, name="strict")

def test_repeated():
    assert len(tokens) > 59
""")
    result.assert_outcomes(passed=2, failed=2)
    assert project.verdicts() == {
        "test_quick p95": "within",
        "test_slow p95": "exceeded",
        "test_fixture fetch p95": "within",
        "test_fixture strict p95": "exceeded",
    }


def test_coroutine_tests_are_judged_under_xdist(each_way: Project) -> None:
    each_way.run(
        """
@pytest.mark.asyncio
@pytest.mark.perf_budget(p95_ms=50)
async def test_quick(): advance(ms=10)

@pytest.mark.asyncio
@pytest.mark.perf_budget(p95_ms=50)
async def test_slow(): advance(ms=60)
""",
        *("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"),
    ).assert_outcomes(passed=1, failed=1)
    assert each_way.verdicts() == {"test_quick p95": "within", "test_slow p95": "exceeded"}


def test_coroutine_tests_of_unittest_are_judged(project: Project) -> None:
    project.run("""
import unittest
class TestApi(unittest.IsolatedAsyncioTestCase):
    @pytest.mark.perf_budget(p95_ms=50)
    async def test_quick(self): advance(ms=10)
    @pytest.mark.perf_budget(p95_ms=50)
    async def test_slow(self): advance(ms=60)
""").assert_outcomes(passed=1, failed=1)
    assert list(project.verdicts().values()) == ["within", "exceeded"]


def test_counts_and_cpu_time_of_coroutines_are_judged(project: Project) -> None:
    project.run("""
@pytest.mark.asyncio
@pytest.mark.perf_budget(peak_mb=3, cpu_p95_ms=5, max_calls=20)
async def test_it():
    bytearray(2_000_000)
    advance(ms=10, cpu_ms=1)
""").assert_outcomes(passed=1)
    assert set(project.verdicts().values()) == {"within"}


def test_a_coroutine_test_without_a_plugin_fails_and_records_nothing(project: Project) -> None:
    project.arguments = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:trio")
    project.file("pytest.ini", "[pytest]\npythonpath = .\n")
    project.run("""
@pytest.mark.perf_budget(p95_ms=50)
async def test_it(): pass
""").assert_outcomes(failed=1)
    assert project.report["measurements"] == []


def test_the_setup_of_a_call_may_be_a_coroutine_function(project: Project) -> None:
    project.run("""
@pytest.mark.asyncio
async def test_it(perf):
    async def setup():
        advance(ms=500)
        return (10,), {}
    async def work(ms):
        advance(ms)
        return ms
    assert await perf.aio(work, setup=setup, median_ms=50, max_time="30s") == 10
""").assert_outcomes(passed=1)
    assert list(project.verdicts().values()) == ["within"]
