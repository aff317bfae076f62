"""`--perf-policy`: limits that the working tree loosens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from programs import shop, shop_tests
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
    remedy = "the base's value holds: a reviewer accepts the new limit by a label"
    assert (remedy in result.stdout.str()) is bool(failed)
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


@pytest.mark.usefixtures("brief")
def test_tests_of_changed_code_run_first_and_all_others_after(repository: Repository) -> None:
    other = "def test_{}(perf):\n    perf({}, name='step')\n"
    files = {
        "goods.py": "from scripted import advance\ndef work(): advance(1)\n",
        "test_a.py": "from shop import work\n" + other.format("a", "work"),
        "test_b.py": "import goods\n" + other.format("b", "goods.work"),
        "pyproject.toml": '[tool.perfbudget]\nmax_regression = "50%"\n',
    }
    repository.commit(files)
    repository.file("goods.py", files["goods.py"].replace("advance(1)", "advance(1.0)"))
    first = repository.against_base("--perf-affected-first", "-v", "test_a.py", "test_b.py")
    plain = repository.against_base("-v", "test_a.py", "test_b.py")
    ran = [[line.partition("::")[0] for line in one.outlines if "PASSED" in line] for one in (first, plain)]
    assert ran == [["test_b.py", "test_a.py"], ["test_a.py", "test_b.py"]]


@pytest.mark.usefixtures("brief")
def test_removed_and_skipped_tests_and_raised_baselines_are_listed_first(repository: Repository) -> None:
    line = '{{"test": "test_it.py::test_body", "name": "", "machine": "m", "calls": {}}}'
    machine = '{"m": {"cpu": "c", "architecture": "a", "system": "Linux", "python": "CPython 3.11"}}'
    text = '{{"schema": "perfbudget-baseline/1", "machines": {}, "measurements": [{}]}}'
    repository.commit({"perf-baseline.json": text.format(machine, line.format(100))})
    repository.file("perf-baseline.json", text.format(machine, line.format(900)))
    tests = shop_tests(marks=("perf_budget", "skip"), with_timer=False)
    result = repository.against_base("--perf-policy", "base", tests=tests)
    listed = {(one["test"], one["headline"]) for one in findings(repository) if one["kind"] == "loosened"}
    assert (
        "test_it.py::test_body",
        "calls of the baseline 100 -> 900, perf-baseline.json: the base's value holds",
    ) in listed
    assert {test for test, _ in listed} == {"test_it.py::test_body", "test_it.py::test_timer"}
    assert any(headline.startswith("the test was skipped") for _, headline in listed)
    assert [one["kind"] for one in findings(repository)][:3] == ["loosened"] * 3
    assert result.ret == 0
