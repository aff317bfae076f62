"""Errors of a load that are, or are not, a missing answer: a missing answer is slower than any limit."""

from __future__ import annotations

import pytest
from scripting import Project

TESTS = """
import asyncio

class GatewayTimeout(Exception): pass

asked = 0

def ask():
    global asked
    asked += 1
    if asked % 10 == 0:
        raise GatewayTimeout("504")

async def ask_async(): ask()

LOAD = dict(users=1, requests=100, max_ms=60_000, max_error_rate=0.5, name="ask")

def test_it(perf_load):
    if {is_async}:
        async def main(): await perf_load(ask_async, **LOAD{keyword})
        asyncio.run(main())
    else:
        perf_load(ask, **LOAD{keyword})
"""


@pytest.mark.parametrize("is_async", [False, True], ids=["threads", "asyncio"])
@pytest.mark.parametrize(
    ("keyword", "verdict"),
    [
        ("", "within"),
        (", no_answer=GatewayTimeout", "exceeded"),
        (", no_answer=lambda error: '504' in str(error)", "exceeded"),
        (", no_answer=()", "within"),
    ],
    ids=["by default", "class", "function", "none"],
)
def test_the_test_says_which_errors_are_no_answer(
    project: Project, keyword: str, verdict: str, *, is_async: bool
) -> None:
    """Requests fail at once, which a limit of 60 s shows only if they had no answer."""
    result = project.run(TESTS.format(keyword=keyword, is_async=is_async))
    assert project.verdicts() == {"test_it ask max": verdict, "test_it ask error_rate": "within"}
    if verdict == "exceeded":
        result.stdout.fnmatch_lines(["*10 requests had no answer and count as slower than any limit*"])


@pytest.mark.parametrize("is_async", [False, True], ids=["threads", "asyncio"])
@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("no_answer=504", "no_answer= must be a class of exceptions, several classes*, or a function*found 504"),
        ("no_answer=lambda error: error.status == 504", "no_answer= failed for GatewayTimeout*: AttributeError: *"),
        ("no_anwser=KeyError", "*no_anwser*did you mean 'no_answer'*"),
    ],
    ids=["value", "raises", "typo"],
)
def test_a_mistake_is_one_line(project: Project, keyword: str, message: str, *, is_async: bool) -> None:
    result = project.run(TESTS.format(keyword=f", {keyword}", is_async=is_async))
    result.assert_outcomes(failed=1)
    assert "Traceback" not in result.stdout.str()
    result.stdout.fnmatch_lines([f"perf_load() in test_it.py:*: {message}"])
