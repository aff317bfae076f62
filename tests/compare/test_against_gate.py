"""`--perf-against`: head and base measured in turns, in a real repository, by real processes."""

from __future__ import annotations

import os

import pytest
from programs import shop, shop_tests
from repositories import Repository
from scripting import TWO_WORKERS, times

from pytest_perfbudget.compare.evidence import Evidence
from pytest_perfbudget.core.call_graph import CallGraphs
from pytest_perfbudget.core.side_times import SideTimes
from pytest_perfbudget.report.culprits import HEADING, HEADING_OF_CHANGES


def test_code_that_is_as_fast_as_the_bases_passes(repository: Repository) -> None:
    result = repository.against_base(subprocess=True)
    result.assert_outcomes(passed=3)
    assert times(repository) == dict.fromkeys(("test_body", "test_call step", "test_timer loop"), "unchanged")
    result.stdout.fnmatch_lines(
        [
            "against HEAD (?????????): * unchanged",
            "HEAD is what is checked out here, and no tracked file is changed: a commit was compared with itself.",
        ]
    )


CALL = """
perf(shop.work, name="step")
for _ in range(60):
    with perf.timer("loop"):
        shop.work()
"""
TWO_TESTS = shop_tests(call=CALL, with_timer=False)
"""A body, and a call and a timer of one test: fresh pairs of processes measure a test at a time."""


@pytest.mark.parametrize(
    ("arguments", "failed"),
    [(("--perf-output=report.html",), 2), ((*TWO_WORKERS, "-k", "body"), 1)],
    ids=["plain", "n2"],
)
def test_slower_code_fails_the_tests_that_run_it(
    repository: Repository, arguments: tuple[str, ...], failed: int
) -> None:
    repository.commit(tests=TWO_TESTS)
    repository.file("shop.py", shop(1.1))
    result = repository.against_base(*arguments, subprocess=True)
    result.assert_outcomes(failed=failed)
    regressed = ("test_body", "test_call step", "test_call loop") if failed == 2 else ("test_body",)
    for one in repository.report["measurements"]:
        sides = SideTimes.from_dict(one["side_times"])
        assert (sides.head.times_ns()[0], sides.base.times_ns()[0]) == (1.1e6, 1e6)
        if one["kind"] != "timer":
            graphs = CallGraphs.from_dict(one["call_graphs"])
            assert graphs.base is not None
            assert all("shop:work" in {edge.callee for edge in side.edges} for side in (graphs.head, graphs.base))
            assert [side.files["shop:work"] for side in (graphs.head, graphs.base)] == ["shop.py", "shop.py"]
    files = len(list(repository.pytester.path.glob("*.speedscope.json")))
    assert files == (4 if failed == 2 else 0)  # base and head of a body and of a call
    assert times(repository) == dict.fromkeys(regressed, "regressed")
    result.stdout.fnmatch_lines(
        [
            "10.0 % slower than HEAD (95 % interval *",
            "  1.10 ms, base 1 ms (HEAD, commit ?????????); [34] fresh pairs of processes",
            "  limit 5 % from the default",
            "*Make the code faster, or allow more: raise max_regression in the marker or in pyproject.toml",
        ]
    )


@pytest.mark.parametrize(("slow", "failed"), [(1, 0), (1.2, 0), (4, 2)])
def test_a_slowdown_of_every_second_call_does_not_hide_behind_the_others(
    repository: Repository, slow: float, failed: int
) -> None:
    """The typical call is as fast as it was; a mean that is 10 % slower is too little to hold against noise."""

    def alternating(ms: float) -> str:
        return shop(work="advance(next(STEPS))", more=f"import itertools\nSTEPS = itertools.cycle([1, {ms}])")

    repository.commit({"shop.py": alternating(1)}, tests=TWO_TESTS)
    repository.file("shop.py", alternating(slow))
    result = repository.against_base()
    result.assert_outcomes(passed=2 - failed, failed=failed)
    if failed:
        assert times(repository) == dict.fromkeys(("test_body", "test_call step", "test_call loop"), "regressed")
        result.stdout.fnmatch_lines(["2.[345] times slower than HEAD*"])


@pytest.mark.parametrize(("slow", "failed"), [(80, 1), (1, 0)])
def test_a_slowdown_of_rare_calls_fails(repository: Repository, slow: float, failed: int) -> None:
    """Most turns have no such call, so that the typical turn is as fast as it was."""

    def rarely(ms: float) -> str:
        return shop(work="advance(next(STEPS))", more=f"import itertools\nSTEPS = itertools.cycle([1] * 12 + [{ms}])")

    repository.commit({"shop.py": rarely(1)}, tests=TWO_TESTS)
    repository.file("shop.py", rarely(slow))
    result = repository.against_base("-k", "body")
    result.assert_outcomes(passed=1 - failed, failed=failed)
    if failed:
        result.stdout.fnmatch_lines(["*the mean call counts: rare calls are slower, the typical call is not*"])


@pytest.mark.parametrize(("is_compared", "most"), [(False, 80), (True, 40)])
def test_the_session_itself_runs_code_without_a_budget_briefly(
    repository: Repository, most: int, *, is_compared: bool
) -> None:
    """The processes of head and base measure the code."""
    if is_compared:
        result = repository.against_base("-k", "body", tests=TWO_TESTS)
    else:
        result = repository.run(TWO_TESTS, "-k", "body")
    result.assert_outcomes(passed=1)
    (body,) = repository.report["measurements"]
    assert most / 2 <= body["rounds"] <= most


@pytest.mark.parametrize("is_itself", [True, False])
def test_a_commit_that_is_slower_than_itself_is_told_as_a_false_alarm(
    repository: Repository, *, is_itself: bool
) -> None:
    """Or it reads data that git does not have."""
    reads = "from pathlib import Path\nSLOW = 4 if Path('slow.txt').exists() else 1"
    repository.commit({"shop.py": shop(work="advance(SLOW)", more=reads)}, tests=TWO_TESTS)
    repository.file("slow.txt", "")
    if not is_itself:
        repository.file("new.py", "")
    result = repository.against_base("-k", "body")
    result.assert_outcomes(failed=1)
    assert any("a false alarm, unless data or settings" in line for line in result.outlines) is is_itself


@pytest.mark.parametrize(("load", "is_busy"), [(8.1, True), (2.9, False)])
def test_a_comparison_on_a_busy_machine_says_so(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, load: float, *, is_busy: bool
) -> None:
    """Its processes wait for a CPU in most of their turns, and a user wonders why the session takes so long."""
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 1.0, 1.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    result = repository.against_base("-k", "body", tests=TWO_TESTS)
    note = "the machine was busy: 8.1 processes ran or waited for 2 CPUs in the last minute"
    assert any(note in line for line in result.outlines) is is_busy
    assert any(note in one for one in repository.report["session"]["notes"]) is is_busy


def test_a_slowdown_within_max_regression_passes(repository: Repository) -> None:
    repository.file("shop.py", shop(1.1))
    result = repository.against_base("-k", "body", pyproject='[tool.perfbudget]\nmax_regression = "20%"\n')
    result.assert_outcomes(passed=1)


def test_more_calls_than_the_bases_fail_and_are_named(repository: Repository) -> None:
    def pricing(calls: int) -> str:
        return shop(work=f"advance(1)\nsum(map(price, range({calls})))", more="def price(at):\n    return at")

    repository.commit({"shop.py": pricing(10)})
    repository.file("shop.py", pricing(100))
    result = repository.against_base("-k", "call")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["step: * times the function calls of HEAD", "    10 -> 100 calls of shop:price, by shop:work"]
    )


def test_the_functions_that_a_slowdown_is_in_are_named(repository: Repository) -> None:
    def pricing(body: str) -> str:
        return shop(work="advance(1)\nprice()", more=f"def price():\n    {body}")

    repository.commit({"shop.py": pricing("sum(range(10))")})
    repository.file("shop.py", pricing("advance(0.1); sum(range(8_000))"))
    repository.against_base("-k", "call").stdout.fnmatch_lines(
        [
            f"  {HEADING}",
            "    shop:price spends longer in sum, which it calls as often as before (1 in each call): +* of +*",
        ]
    )


def test_a_function_that_was_changed_and_is_in_no_profile_is_named(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of a thread which a fixture has started."""
    monkeypatch.setattr(Evidence, "_blamed", lambda _: [])
    repository.file("shop.py", shop(3))
    repository.against_base("-k", "call").stdout.fnmatch_lines(
        [
            f"  {HEADING_OF_CHANGES}",
            "    shop:work was changed; its part of the slowdown is not known; *most likely the cause",
        ]
    )


def test_budgets_are_judged_in_the_same_session(repository: Repository) -> None:
    tests = shop_tests(marks=["perf_budget(p50_ms=0.5)"])
    repository.against_base(tests=tests).assert_outcomes(passed=2, failed=1)
