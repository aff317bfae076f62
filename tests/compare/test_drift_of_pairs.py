"""A session with `--perf-against` and the anchor judges drift by itself, without a history."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch

import pytest
from programs import shop, shop_tests
from repositories import Repository, git

ONE_TEST = shop_tests(call="", with_timer=False).partition("def test_call")[0]
TABLE = '[tool.perfbudget]\nanchor = "v1.0"\nmax_drift = "{}"\n'


def against_the_anchor(
    repository: Repository, cost: float, max_drift: str, *arguments: str, tests: str = ONE_TEST
) -> tuple[pytest.RunResult, list[tuple[str, str, str]]]:
    """Compare code with that of the anchor, and return the findings on drift."""
    git(repository.pytester.path, "tag", "v1.0")
    repository.file("shop.py", shop(cost))
    result = repository.against_base(*arguments, tests=tests, pyproject=TABLE.format(max_drift))
    found = repository.report["findings"]
    return result, [(one["severity"], one["test"], one["headline"]) for one in found if one["kind"] == "drift"]


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_growth_above_max_drift_fails_the_session(repository: Repository) -> None:
    result, ((severity, test, headline),) = against_the_anchor(repository, 1.1, "5%")
    assert (severity, test) == ("failure", "test_it.py::test_body")
    assert headline.startswith("+10.0 % since v1.0 (95 % interval +")
    assert headline.endswith(", above max_drift = 5 %: 1 ms -> 1.10 ms, side by side")
    assert "1 number drifted above max_drift" in result.stdout.str()


def test_unchanged_code_is_judged_too(repository: Repository) -> None:
    result, found = against_the_anchor(repository, 1.0, "5%", "--perf-strict")
    assert result.ret == 0
    assert found == [("note", "", "1 time compared with v1.0, the anchor, side by side: none surely above 5 %")]


RATIO = "\ndef test_ratio(perf):\n    perf.ratio(shop.work, shop.work, name='old over new', max_ratio=2)\n"


@pytest.mark.parametrize(
    ("arguments", "severity", "problem"),
    [
        (
            (),
            "warning",
            "max_drift needs a history for test_it.py::test_ratio old over new, which has no time that was compared with "
            "the anchor: history = *",
        ),
        (("--perf-history=kept.db",), "note", "this commit is the anchor, *"),
    ],
    ids=["without a history", "with a history"],
)
def test_a_number_that_was_not_compared_is_not_passed_over(
    repository: Repository, arguments: Sequence[str], severity: str, problem: str
) -> None:
    result, (judged, other) = against_the_anchor(repository, 1.0, "5%", *arguments, tests=ONE_TEST + RATIO)
    assert result.ret == 0
    assert judged == ("note", "", "1 time compared with v1.0, the anchor, side by side: none surely above 5 %")
    assert other[:2] == (severity, "")
    assert fnmatch(other[2], f"not judged: {problem}")


def test_a_test_that_is_newer_than_the_anchor_has_nothing_to_judge(repository: Repository) -> None:
    newer = "\n@pytest.mark.perf_budget\ndef test_newer():\n    shop.work()\n"
    _, (judged,) = against_the_anchor(repository, 1.0, "5%", "--perf-history=kept.db", tests=ONE_TEST + newer)
    assert judged[2] == "1 time compared with v1.0, the anchor, side by side: none surely above 5 %"


def test_a_comparison_with_another_commit_judges_no_drift(repository: Repository) -> None:
    git(repository.pytester.path, "tag", "v1.0")
    repository.commit({"other.txt": ""})
    result = repository.against_base(tests=ONE_TEST, pyproject=TABLE.format("5%"))
    result.stdout.fnmatch_lines(["drift: not judged: max_drift needs a history*"])
