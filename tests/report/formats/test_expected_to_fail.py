"""A test that is expected to fail: every format counts its findings as warnings, and none as failures."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from full_result import result_of
from results import budget, change, measurement

from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.formats import github, terminal
from pytest_perfbudget.report.formats.table_rows import Urgency, assess
from pytest_perfbudget.report.session_verdict import Outcome, verdict_on

LAYOUT = terminal.Layout(120)


def result(*, expected: bool, gate: GateMode = GateMode.FAIL) -> RunResult:
    one = measurement(budget(), change(), is_expected_to_fail=expected)
    found = result_of(one)
    facts = replace(found.session, gate=gate.value, exit_status=0)
    return replace(found, session=facts, findings=worded(find([one], Policy(gate)), alpha=0.01))


@pytest.mark.parametrize("expected", [True, False])
def test_the_verdict_and_each_format_agree(expected: bool) -> None:
    found = result(expected=expected)
    failures = 0 if expected else 2
    assert verdict_on(found).outcome is (Outcome.PASSED if expected else Outcome.FAILED)
    assert sum(one.is_failure for one in found.findings) == failures
    page = formats.render(found, "md")
    assert ("### Failures\n" in page, page.count("**exceeded**")) == (not expected, failures // 2)
    assert "Would fail" not in page
    assert "exceeded: tests/test_api.py::test_login: p95 61.3 ms exceeds" in page or not expected
    assert len(github.commands(found)) == failures
    severities = {one["severity"] for one in json.loads(formats.render(found, "codequality"))}
    assert severities == ({"minor"} if expected else {"major"})
    rows = [row for row in csv.DictReader(io.StringIO(formats.render(found, "csv"))) if row["limit"]]
    assert {row["expected to fail"] for row in rows} == ({"yes"} if expected else {""})
    assert 'verdict="exceeded"} 1\n' in formats.render(found, "prom")


@pytest.mark.parametrize("expected", [True, False])
def test_no_gate_would_fail_it(expected: bool) -> None:
    found = result(expected=expected, gate=GateMode.WARN)
    assert verdict_on(found).outcome is (Outcome.PASSED if expected else Outcome.WARNED)
    assert ("### Would fail\n" in formats.render(found, "md")) is not expected
    assert len(github.commands(found)) == (0 if expected else 2)


@pytest.mark.parametrize("expected", [True, False])
def test_the_tables_show_it_as_a_warning(expected: bool) -> None:
    found = result(expected=expected)
    (one,) = assess(found.measurements, Policy())
    assert one.urgency is (Urgency.WARNING if expected else Urgency.FAILING)
    assert {one.verdict for one in one.budgets} == {"exceeded"}
    assert "exceeded: tests/test_api.py::test_login: p95" in terminal.render(found, LAYOUT) or not expected
