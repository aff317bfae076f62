"""The verdict on a whole session, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from results import budget, change, measurement

from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Finding, Missing, Severity
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult, SessionFacts
from pytest_perfbudget.core.session_findings import find_missing
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.session_verdict import Outcome, failure_lines, verdict_on

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


def test_each_failed_test_has_a_line_with_its_first_reason() -> None:
    found = session(SLOW, CALM)
    found = replace(found, session=replace(found.session, other_failures=1, other_failed=["b.py::test_broken"]))
    first, slow, broken = failure_lines(found)
    assert first == "failed: 1 of 2 perf tests fails: 1 exceeded, 1 regressed. 1 test failed for other reasons."
    assert slow.startswith("FAILED a.py::test_slow: p95 ")
    assert slow.endswith(" (and 1 further failure)")
    assert broken == "FAILED b.py::test_broken: not by a budget or a comparison"


def test_of_many_failed_tests_nine_are_named() -> None:
    failures = [Finding("exceeded", Severity.FAILURE, f"a.py::test_{at}", headline="slow") for at in range(12)]
    lines = list(failure_lines(replace(session(SLOW, CALM), findings=failures)))
    assert lines[1:3] == ["FAILED a.py::test_0: slow", "FAILED a.py::test_1: slow"]
    assert (len(lines), lines[-1]) == (11, "and 3 more")


def test_what_is_known_to_be_wrong_is_counted_first() -> None:
    kinds = ["new", "undecided", "exceeded", "new"]
    failures = [Finding(kind, Severity.FAILURE, f"a.py::test_{at}") for at, kind in enumerate(kinds)]
    verdict = verdict_on(replace(session(SLOW, CALM), findings=failures))
    assert verdict.reason.endswith(": 1 exceeded, 2 new, 1 undecided.")


def test_a_session_without_failures_passes() -> None:
    verdict = verdict_on(session(CALM, exit_status=0))
    assert (verdict.outcome, verdict.remarks) == (Outcome.PASSED, ())
    assert verdict.reason == "No test fails by a budget or by a comparison."


def test_a_gate_that_only_warns_tells_what_would_fail() -> None:
    verdict = verdict_on(session(SLOW, CALM, gate="warn", exit_status=0))
    assert verdict.outcome is Outcome.WARNED
    assert verdict.reason == "1 of 2 perf tests would fail with the gate on: 1 exceeded, 1 regressed."
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


NOTHING = "No test fails by a budget or by a comparison."


@pytest.mark.parametrize(
    ("facts", "outcome", "reason"),
    [
        ({"exit_status": 1}, Outcome.OTHERWISE, f"{NOTHING} pytest ended with exit code 1 for other reasons."),
        ({"exit_status": 1, "other_failures": 2}, Outcome.OTHERWISE, f"{NOTHING} 2 tests failed for other reasons."),
        ({"exit_status": 2}, Outcome.INCOMPLETE, "The session was interrupted, so tests may be missing here."),
        (
            {"exit_status": 3, "perf_tests": 4, "not_run": 1},
            Outcome.INCOMPLETE,
            "pytest ended with an internal error: 1 of 4 perf tests has not run.",
        ),
        (
            {"exit_status": 0, "is_cut_short": True, "perf_tests": 4, "not_run": 3},
            Outcome.INCOMPLETE,
            "The session ended early, with exit code 0: 3 of 4 perf tests have not run.",
        ),
        ({"exit_status": 0, "perf_tests": 4, "not_run": 0}, Outcome.PASSED, NOTHING),
        ({"exit_status": 5}, Outcome.PASSED, NOTHING),
    ],
)
def test_only_a_whole_session_without_other_failures_passes(
    facts: dict[str, Any], outcome: Outcome, reason: str
) -> None:
    calm = session(CALM)
    found = verdict_on(replace(calm, session=replace(calm.session, **facts)))
    assert (found.outcome, found.reason, found.remarks) == (outcome, reason, ())


def test_a_failed_session_tells_its_early_end_and_names_other_failures() -> None:
    failed = session(SLOW, CALM)
    names = [f"a.py::test_{number}" for number in range(25)]
    facts = replace(failed.session, is_cut_short=True, perf_tests=40, not_run=13, other_failures=25, other_failed=names)
    verdict = verdict_on(replace(failed, session=facts))
    assert verdict.outcome is Outcome.FAILED
    assert verdict.reason == "1 of 40 perf tests fails: 1 exceeded, 1 regressed."
    assert verdict.remarks == (
        "The session ended early, with exit code 1: 13 of 40 perf tests have not run.",
        "25 tests failed for other reasons.",
    )
    assert verdict.failed == (*names[:20], "and 5 more")


def test_nothing_measured_and_a_gate_that_is_off_are_outcomes_of_their_own() -> None:
    assert verdict_on(RunResult()).outcome is Outcome.EMPTY
    assert verdict_on(replace(RunResult(), session=SessionFacts(gate="off"))).outcome is Outcome.OFF
