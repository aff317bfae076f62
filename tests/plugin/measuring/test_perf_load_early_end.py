"""A load whose limits are exceeded by far ends before its time."""

from __future__ import annotations

from scripting import Project


def test_a_load_that_fails_by_far_ends_early(project: Project) -> None:
    result = project.run("""
def request(): raise OSError("no connection")

def test_it(perf_load):
    found = perf_load(request, users=1, duration="3000s", think_time="1ms")
    assert found.ended_early
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["note: *ended early: error_rate exceeds its limit by far"])


def test_errors_in_half_of_the_requests_end_a_load_within_two_seconds(project: Project) -> None:
    """At 100 requests per second, 200 are due in two seconds."""
    project.run("""
from itertools import count
numbers = count()

def request(): assert next(numbers) % 2

def test_it(perf_load):
    found = perf_load(request, rate=100, duration="3000s", max_error_rate=0.05)
    assert found.ended_early == "error_rate exceeds its limit by far"
    assert found.requests <= 200
""").assert_outcomes(failed=1)
    assert project.verdicts() == {"test_it request error_rate": "exceeded"}


def test_a_load_that_keeps_its_limit_goes_on(project: Project) -> None:
    project.run("""
from itertools import count
numbers = count()

def request(): assert next(numbers) % 2

def test_it(perf_load):
    found = perf_load(request, rate=400, duration="1s", max_error_rate=0.9)
    assert not found.ended_early
    assert found.requests == 400
""").assert_outcomes(passed=1)


BURST = """
from itertools import count
numbers = count()

def request(): assert {last} <= next(numbers)

def test_it(perf_load):
    found = perf_load(request, users=1, requests=1000, max_error_rate=0.2)
    assert (found.requests < 1000) is bool(found.ended_early)
"""


def test_errors_at_the_beginning_of_a_load_do_not_end_it_while_it_may_keep_its_limit(project: Project) -> None:
    """The first 100 of 1,000 requests fail, and 200 may."""
    project.run(BURST.format(last=100)).assert_outcomes(passed=1)
    assert project.run(BURST.format(last=300), "--perf-output=out.json").ret == 1
    assert project.verdicts() == {"test_it request error_rate": "exceeded"}
