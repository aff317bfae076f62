"""A load without a request, and a result that needs no `await`: each fails its test with a line."""

from __future__ import annotations

import re

import pytest
from scripting import Project

from pytest_perfbudget.core.load.arrivals import Stage
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.measure.load.call import LoadCall

S = 1_000_000_000

PROGRAM = """
import asyncio

def request(): pass
async def coroutine(): await asyncio.sleep(0)

def test_plain(perf_load):
    perf_load(request, users=2, {load})

def test_async(perf_load):
    async def main(): await perf_load(coroutine, users=2, {load}, max_ms=60_000)
    asyncio.run(main())

def test_open(perf_load):
    perf_load(request, {rate})
"""


def test_a_load_without_a_request_is_never_green(lean: Project) -> None:
    result = lean.run(PROGRAM.format(load="duration='1us'", rate="rate=1, duration='100ms', arrival='poisson'"))
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "perf_load() in test_it.py:*: no request began in the 1 us of the load: make the load longer",
            "perf_load() in test_it.py:*: no request began in the 1 us of the load: make the load longer",
            "perf_load() in test_it.py:*: no request was due in the 100 ms of the load: make the load longer",
        ]
    )


def test_a_load_with_a_single_request_passes(lean: Project) -> None:
    lean.run(PROGRAM.format(load="requests=1", rate="rate=1, duration='100ms'")).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (LoadPlan(users=2, duration_ns=1_000), "no request began in the 1 us of the load: make the load longer"),
        (
            LoadPlan(users=2, duration_ns=S, warm_up_ns=S),
            "no request began in the 1 s after the warm-up: make the load longer, because every user still waited for "
            "an answer or in its think time; does the server answer?",
        ),
        (
            LoadPlan(stages=(Stage(1, 1, S // 2),), duration_ns=S // 2, warm_up_ns=S // 2),
            "no request was due in the 500 ms after the warm-up: make the load longer",
        ),
    ],
    ids=["closed", "after a warm-up", "open"],
)
def test_the_reason_depends_on_the_load(plan: LoadPlan, said: str) -> None:
    assert str(LoadCall(print, place="here").no_request(plan)) == f"here: {said}"


def test_a_result_that_is_there_at_once_cannot_be_awaited(lean: Project) -> None:
    result = lean.run("""
import asyncio

def request(): pass
async def coroutine(): await asyncio.sleep(0)
short = dict(first_rate=50, probe="20ms", duration="20ms", max_ms=60_000)

def test_load(perf_load):
    async def main(): await perf_load(request, users=1, requests=1)
    asyncio.run(main())

def test_capacity(perf_load):
    async def main(): await perf_load.capacity(request, **short)
    asyncio.run(main())

def test_at_once(perf_load):
    async def main():
        assert perf_load(request, name="plain", users=1, requests=1).requests == 1
        assert perf_load.capacity(request, name="capacity", **short).lower == 50
        assert (await perf_load(coroutine, users=1, requests=1)).requests == 1
    asyncio.run(main())
""")
    result.assert_outcomes(failed=2, passed=1)
    said = "the load has ended, and its result needs no await: remove `await`, or make request a coroutine function"
    result.stdout.fnmatch_lines(
        [f"perf_load() in test_it.py:*: {said}", f"perf_load.capacity() in test_it.py:*: {said}"]
    )
    assert not re.search("Traceback|TypeError", result.stdout.str())
