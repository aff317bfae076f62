"""`--perf-against`: head and base measured in turns, in a real repository, by real processes."""

from __future__ import annotations

import pytest
from programs import AGAINST, SLOWER, TESTS, XDIST
from repositories import commit
from scripting import Project, times


def test_code_that_is_as_fast_as_the_bases_passes(repository: Project) -> None:
    result = repository.run(TESTS, *AGAINST, subprocess=True)
    result.assert_outcomes(passed=3)
    assert times(repository) == dict.fromkeys(("test_body", "test_call step", "test_timer loop"), "unchanged")
    result.stdout.fnmatch_lines(
        [
            "against HEAD (?????????): * unchanged",
            "HEAD is what is checked out here, and nothing is changed: a commit was compared with itself.",
        ]
    )


@pytest.mark.parametrize(("arguments", "failed"), [((), 3), ((*XDIST, "-k", "body"), 1)], ids=["plain", "n2"])
def test_slower_code_fails_the_tests_that_run_it(repository: Project, arguments: tuple[str, ...], failed: int) -> None:
    repository.file("shop.py", SLOWER)
    result = repository.run(TESTS, *AGAINST, *arguments, subprocess=True)
    result.assert_outcomes(failed=failed)
    assert set(times(repository).values()) == {"regressed"}
    result.stdout.fnmatch_lines(
        [
            "10.0 % slower than HEAD (95 % interval *",
            "  1.10 ms, HEAD 1 ms (commit ?????????); 3 fresh pairs of processes",
            "  limit 5 % from the default",
            "Make it faster, or allow more: max_regression",
        ]
    )


@pytest.mark.parametrize(("slow", "failed"), [(1, 0), (1.2, 0), (4, 3)])
def test_a_slowdown_of_every_second_call_does_not_hide_behind_the_others(
    repository: Project, slow: float, failed: int
) -> None:
    """The typical call is as fast as it was; a mean that is 10 % slower is too little to hold against noise."""
    shop = (
        "from scripted import advance\nimport itertools\n\nSTEPS = itertools.cycle([1, {}])\n\n"
        "def work():\n    advance(next(STEPS))\n"
    )
    commit(repository.pytester.path, {"shop.py": shop.format(1)})
    repository.file("shop.py", shop.format(slow))
    result = repository.run(TESTS, *AGAINST, subprocess=True)
    result.assert_outcomes(passed=3 - failed, failed=failed)
    if failed:
        result.stdout.fnmatch_lines(["2.[345] times slower than HEAD*"])


def test_a_slowdown_that_is_allowed_passes(repository: Project) -> None:
    repository.file("shop.py", SLOWER)
    pyproject = '[tool.perfbudget]\nmax_regression = "20%"\n'
    result = repository.run(TESTS, *AGAINST, "-k", "body", pyproject=pyproject, subprocess=True)
    result.assert_outcomes(passed=1)


def test_more_calls_than_the_bases_fail_and_are_named(repository: Project) -> None:
    loop = "def price(at):\n    return at\n\ndef work():\n    advance(1)\n    sum(map(price, range({})))\n"
    commit(repository.pytester.path, {"shop.py": "from scripted import advance\n" + loop.format(10)})
    repository.file("shop.py", "from scripted import advance\n" + loop.format(100))
    result = repository.run(TESTS, *AGAINST, "-k", "call", subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["step: * times the function calls of HEAD", "  10 -> 100 calls of shop:price"])


def test_the_functions_that_a_slowdown_is_in_are_named(repository: Project) -> None:
    shop = "from scripted import advance\n\ndef price():\n    {}\n\ndef work():\n    advance(1)\n    price()\n"
    commit(repository.pytester.path, {"shop.py": shop.format("sum(range(10))")})
    repository.file("shop.py", shop.format("advance(0.1); sum(range(200_000))"))
    repository.run(TESTS, *AGAINST, "-k", "call", subprocess=True).stdout.fnmatch_lines(
        ["Slower, in one profiled call of each:", "  shop:price  1 call, +* ms of +* ms"]
    )


def test_budgets_hold_in_the_same_run(repository: Project) -> None:
    tests = TESTS.replace("perf_budget\n", "perf_budget(p50_ms=0.5)\n")
    repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(passed=2, failed=1)
