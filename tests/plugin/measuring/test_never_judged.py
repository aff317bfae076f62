"""Limits that can never be judged: a mistake where they are written for the test, and left out where they are not."""

from __future__ import annotations

import pytest
from scripting import Project

NO_PID = "it needs perf_load(..., pid=) with the process that serves the load"
OF_LOADS = "only a load has this number: use perf_load(...)"
OF_CALLS = "a load counts and limits the requests as a whole: use perf(...) for it"
OF_TIMERS = "a timer's block cannot be run again for it: use perf(...)"


@pytest.mark.parametrize(
    ("call", "limit", "why"),
    [
        ("perf_load(advance, {}, users=1, requests=5)", "rss_mb=5", NO_PID),
        ("perf_load(advance, {}, users=1, requests=5)", "cpu_percent=5", NO_PID),
        ("perf_load(advance, {}, users=1, requests=5)", "peak_mb=5", OF_CALLS),
        ("perf_load(advance, {}, users=1, requests=5)", "max_calls=5", OF_CALLS),
        ("perf_load(advance, {}, users=1, requests=5)", "cpu_mean_ms=5", OF_CALLS),
        (
            "perf_load(advance, {}, users=1, requests=5)",
            "min_capacity_rps=5",
            "it is a limit of perf_load.capacity(...)",
        ),
        ("perf_load.capacity(advance, {}, p95_ms=5)", "rss_mb=5", NO_PID),
        ("perf(advance, 1, {})", "min_rps=5", OF_LOADS),
        ("perf(advance, 1, {})", "rss_mb=5", OF_LOADS),
        ("perf.aio(advance, 1, {})", "max_error_rate=0.1", OF_LOADS),
        ("perf.timer('a', {})", "peak_mb=5", OF_TIMERS),
    ],
)
def test_in_a_call_it_fails_the_test_with_one_line(project: Project, call: str, limit: str, why: str) -> None:
    if "perf_load" in call:
        call = call.replace("(advance, {}", "(lambda: None, {}")
    result = project.run(f"def test_it(perf, perf_load):\n    {call.format(limit)}\n")
    result.assert_outcomes(failed=1)
    keyword = limit.partition("=")[0]
    function = call.partition("(")[0]
    result.stdout.fnmatch_lines([f"{function}() in test_it.py:*: {keyword} is never judged here: {why}"])
    assert "Traceback" not in result.stdout.str()


MARKED = """
@pytest.mark.perf_budget({})
def test_it({}):
    {}
"""


@pytest.mark.parametrize(
    ("parts", "keyword", "why"),
    [
        (("min_rps=5", "", "advance(1)"), "min_rps", OF_LOADS),
        (("rss_mb=5", "perf_load", "perf_load(lambda: None, users=1, requests=5)"), "rss_mb", NO_PID),
        (("peak_mb=5", "perf", "\n    with perf.timer('a'): advance(1)"), "peak_mb", OF_TIMERS),
        (
            ("'nope', p95_ms=3", "perf", "perf(advance, 1)"),
            "p95_ms",
            "the test has no measurement of the name 'nope'; it has 'advance'",
        ),
    ],
)
def test_in_a_marker_of_the_test_it_fails_the_test(
    each_way: Project, parts: tuple[str, str, str], keyword: str, why: str
) -> None:
    result = each_way.run(MARKED.format(*parts))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"perf_budget marker in test_it.py:*: {keyword} is never judged here: {why}"])


def test_a_limit_that_a_measurement_of_the_test_has_is_no_mistake(project: Project) -> None:
    pytest.importorskip("psutil")
    project.run("""
import os

@pytest.mark.perf_budget(peak_mb=5)
def test_timer_and_call(perf):
    with perf.timer("part"): advance(1)
    perf(advance, 1)

@pytest.mark.perf_budget(rss_mb=50_000)
def test_process(perf_load): perf_load(lambda: None, users=1, requests=5, pid=os.getpid())

@pytest.mark.perf_budget(min_capacity_rps=5)
def test_search(perf_load):
    perf_load.capacity(lambda: None, max_ms=60_000, first_rate=20, probe="50ms", duration="50ms")
""").assert_outcomes(passed=3)
    found = project.verdicts()
    assert {name: found[name] for name in found if "peak" in name or "rss" in name or "p95" in name} == {
        "test_timer_and_call part peak": "unmeasured",
        "test_timer_and_call advance peak": "within",
        "test_process lambda rss": "within",
    }


PLACES = """
[tool.perfbudget]
peak_mb = 500
rss_mb = 5000
min_capacity_rps = 5

[tool.perfbudget.components.shop]
max_calls = 50

[tool.perfbudget.budgets."test_it.py::test_entry"]
peak_mb = 500
"""


def test_elsewhere_it_is_no_mistake(project: Project) -> None:
    """A class marker, a component and an entry cover many tests, and the table all tests."""
    result = project.run(
        """
LOAD = dict(users=1, requests=5)

def test_table(perf_load): perf_load(lambda: None, **LOAD)

def test_component(perf_load): perf_load(lambda: None, component="shop", **LOAD)

def test_entry(perf_load): perf_load(lambda: None, **LOAD)

@pytest.mark.perf_budget(min_rps=5)
class TestClass:
    def test_call(self, perf): perf(advance, 1)
""",
        pyproject=PLACES,
    )
    result.assert_outcomes(passed=4)
    assert project.verdicts() == {
        "test_entry lambda peak": "unmeasured",
        "TestClass::test_call advance rps": "unmeasured",
        "TestClass::test_call advance peak": "within",
    }
    left_out = [line for line in result.outlines if "is left out" in line]
    assert [line.partition(" is left out")[0] for line in left_out] == [
        'note: test_it.py::test_component lambda: max_calls of pyproject.toml [tool.perfbudget.components."shop"]'
    ]
