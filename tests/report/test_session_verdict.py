"""The verdict on a whole session, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from results import budget, change, measurement

from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Finding, Missing, Severity
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult, SessionFacts
from pytest_perfbudget.core.session_findings import find_missing
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.session_verdict import Outcome, verdict_on

SLOW = measurement(budget(), change(), nodeid="a.py::test_slow")
CALM = measurement(budget(BudgetVerdict.WITHIN, estimate=5e6), nodeid="a.py::test_calm")


def session(*measurements: object, gate: str = "fail", exit_status: int = 1, strict: bool = False) -> RunResult:
    found = [one for one in (SLOW, CALM) if one in measurements]
    findings = worded(find(found, Policy(GateMode(gate), strict)), alpha=0.01)
    return RunResult(SessionFacts(gate=gate, strict=strict, exit_status=exit_status), None, found, findings)


def test_failures_are_counted_by_test_and_by_kind() -> None:
    verdict = verdict_on(session(SLOW, CALM))
    assert verdict.outcome is Outcome.FAILED
    assert verdict.reason == "1 of 2 perf tests fails: 1 exceeded, 1 regressed."
    assert verdict.remarks == ()


def test_a_session_without_failures_passes() -> None:
    verdict = verdict_on(session(CALM, exit_status=0))
    assert (verdict.outcome, verdict.remarks) == (Outcome.PASSED, ())
    assert verdict.reason == "No test fails by a budget or by a comparison."


def test_a_gate_that_only_warns_tells_what_would_fail() -> None:
    verdict = verdict_on(session(SLOW, CALM, gate="warn", exit_status=0))
    assert verdict.outcome is Outcome.WARNED
    assert verdict.reason == "1 of 2 perf tests fails with the gate on: 1 exceeded, 1 regressed."
    assert verdict.remarks == ("Nothing fails because of --perf-gate=warn.",)
    assert verdict_on(session(CALM, gate="warn", exit_status=0)).outcome is Outcome.PASSED


def test_a_test_that_is_expected_to_fail_fails_nothing() -> None:
    found = session(SLOW, exit_status=0)
    expected = [replace(one, severity=Severity.WARNING) for one in found.findings]
    assert verdict_on(replace(found, findings=expected)).outcome is Outcome.PASSED


def test_a_finding_about_no_test_fails_the_session() -> None:
    missing = find_missing([Missing("a.py::test_gone", "", "gone")], Policy(strict=True), can_be_mended=True)
    verdict = verdict_on(replace(session(CALM), findings=missing))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAILED, "The session fails: 1 missing.")
    update = [Finding("not_updated", Severity.FAILURE, "")]
    assert verdict_on(replace(session(CALM), findings=update)).reason == "The session fails: 1 not updated."


@pytest.mark.parametrize(
    ("exit_status", "remark"),
    [
        (1, "pytest ended with exit code 1, because tests failed for other reasons."),
        (2, "The session was interrupted, so this report may lack tests."),
        (3, "pytest ended with an internal error, so this report may lack tests."),
    ],
)
def test_another_end_of_the_session_is_a_remark(exit_status: int, remark: str) -> None:
    verdict = verdict_on(session(CALM, exit_status=exit_status))
    assert verdict.outcome is Outcome.PASSED
    assert verdict.remarks == (remark,)


def test_nothing_measured_and_a_gate_that_is_off_are_outcomes_of_their_own() -> None:
    assert verdict_on(RunResult()).outcome is Outcome.EMPTY
    assert verdict_on(replace(RunResult(), session=SessionFacts(gate="off"))).outcome is Outcome.OFF
