"""`--perf-policy`: limits that the working tree loosens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from programs import shop
from repositories import Repository

TOLERANT = '[tool.perfbudget]\nmax_regression = "100%"\n'


def findings(repository: Repository) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((repository.pytester.path / "report.json").read_text("utf-8"))["findings"]
    return found


@pytest.mark.parametrize(
    ("policy", "failed"), [((), 0), (("--perf-policy", "base"), 3), (("--perf-policy", "head"), 0)]
)
@pytest.mark.usefixtures("brief")
def test_slower_code_that_allows_itself_to_be_slower(
    repository: Repository, policy: tuple[str, ...], failed: int
) -> None:
    repository.file("shop.py", shop(1.2))
    repository.file("pyproject.toml", TOLERANT)
    result = repository.against_base(*policy)
    assert result.parseoutcomes().get("failed", 0) == failed
    listed = [one for one in findings(repository) if one["kind"] == "loosened"]
    if policy:
        effect = "the base's value holds" if failed else "accepted"
        assert {one["headline"] for one in listed} == {
            f"max_regression = 5 % -> 100 %, pyproject.toml [tool.perfbudget]: {effect}"
        }
        assert findings(repository)[0] in listed
    else:
        assert listed == []


def test_the_policy_needs_another_commit(repository: Repository) -> None:
    result = repository.pytester.runpytest_inprocess("--perf-policy=base", "--perf-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --perf-policy=base needs --perf-against"])
