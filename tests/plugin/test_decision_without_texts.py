"""A finding fails its test by its severity: a text that is lost turns no build green."""

from __future__ import annotations

import pytest
from scripting import Project, add_to_conftest

SLOW = """
@pytest.mark.perf_budget(p95_ms=5)
def test_slow(): advance(ms=10)

@pytest.mark.perf_budget(p95_ms=50)
def test_fast(): advance(ms=10)
"""

NO_TEXT = """
@pytest.fixture(autouse=True)
def no_text(monkeypatch):
    from pytest_perfbudget.report import findings
    monkeypatch.setattr(findings, "failure_text", lambda *_, **__: "")
    monkeypatch.setattr(findings, "worded", lambda cases, **_: [case.finding for case in cases])
"""


@pytest.mark.parametrize("is_worded", [True, False], ids=["with texts", "without"])
def test_an_exceeded_budget_fails_with_or_without_its_text(project: Project, is_worded: bool) -> None:
    if not is_worded:
        add_to_conftest(project, NO_TEXT)
    result = project.run(SLOW)
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = "p95 10 ms exceeds its budget of 5 ms*" if is_worded else "exceeded: test_it.py::test_slow"
    result.stdout.fnmatch_lines([said])


def test_the_summary_may_be_lost_too(project: Project) -> None:
    result = project.run(SLOW, "-p", "no:terminal")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
