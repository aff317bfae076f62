"""What the terminal shows at the end."""

from __future__ import annotations

import pytest
from scripting import Project

TESTS = """
@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_quick(): advance(ms=10)

@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_near(): advance(ms=45)

@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_slow(): advance(ms=60)
"""


def test_the_summary_has_a_table_and_counts(each_way: Project) -> None:
    result = each_way.run(TESTS, "--perf-max-time=10s")
    result.stdout.fnmatch_lines_random(
        [
            "*= performance budgets =*",
            "verdict     component  test * metric  measured  limit  used * p50 * p95",
            "within      api * test_quick * p95 * 10*ms * 50 ms * 20% *",
            "near limit  api * test_near * p95 * 45*ms * 50 ms * 90% *",
            "exceeded    api * test_slow * p95 * 60*ms * 50 ms * 120% *",
            "health 59 of 100: api 59",
            "3 budgets of 3 measurements: 1 exceeded, 2 within",
        ]
    )
    (api,) = each_way.report["health"]["components"]
    assert (api["component"], api["score"], api["within"], api["exceeded"]) == ("api", 59, 2, 1)


def test_warn_at_decides_from_where_it_warns(project: Project) -> None:
    result = project.run(TESTS, "--perf-max-time=10s", pyproject="[tool.perfbudget]\nwarn_at = 0.95\n")
    assert "near" not in result.stdout.str().replace("test_near", "")


@pytest.mark.parametrize("tests", ["def test_it(): pass", "import pytest\n@pytest.mark.skip\ndef test_it(): pass"])
def test_without_perf_tests_there_is_no_summary(project: Project, tests: str) -> None:
    assert "performance" not in project.run(tests).stdout.str()


def test_color_on_a_terminal_and_none_where_it_is_not_wanted(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033[" in project.run(TESTS, "--color=yes").stdout.str()
    assert "\033[" not in project.run(TESTS).stdout.str()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in project.run(TESTS, "--color=auto").stdout.str()
