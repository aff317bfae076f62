"""`--perf-output report.html` in a session of pytest."""

from __future__ import annotations

import importlib.util
import re

import pytest
from html_session import payload_of
from scripting import Project

from pytest_perfbudget.report import formats

SLOW = """
@pytest.mark.perf_budget(p95_ms=50, component="api")
def test_slow(): advance(ms=60)
"""


def test_a_session_writes_its_report(each_way: Project) -> None:
    each_way.run(SLOW, "--perf-output=report.html").assert_outcomes(failed=1)
    text = (each_way.pytester.path / "report.html").read_text("utf-8")
    (profile,) = each_way.pytester.path.glob("*.speedscope.json")
    assert re.fullmatch(r"report-test_it\.py-test_slow-[0-9a-f]{8}\.head\.speedscope\.json", profile.name)
    assert "test_it:test_slow" in profile.read_text("utf-8")
    (entry,) = payload_of(text)["entries"]
    assert entry["flame"]["files"] == [profile.name]
    for told in (
        "<title>Performance budgets: failed</title>",
        '<p class="lead">1 of 1 perf test fails: 1 exceeded.</p>',
        "p95 60 ms exceeds its budget of 50 ms (120%)",
        'href="#test=test_it.py::test_slow"',
        "Make the code cheaper, or raise the limit",
    ):
        assert told in text


def test_without_jinja2_the_session_does_not_begin(lean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "jinja2" else found(name))
    result = lean.run(SLOW, "--perf-output=html:out.xyz")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*an HTML report needs jinja2: pip install 'pytest-perfbudget?html?': found 'html:out.xyz'"]
    )
    lean.run(SLOW, "--perf-output=out.json").assert_outcomes(failed=1)
