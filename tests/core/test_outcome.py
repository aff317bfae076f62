"""The outcome of a pull request's gate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from results import budget, measurement

from pytest_perfbudget.core.finding import Finding, Severity
from pytest_perfbudget.core.outcome import EXIT_CODES, Outcome, classify
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult, SessionFacts


def session(*kinds: str, severity: Severity = Severity.FAILURE) -> RunResult:
    tests = ["" if kind in ("nothing_compared", "not_ready") else "a.py::test" for kind in kinds]
    found = [Finding(kind, severity, test, headline="no baseline") for kind, test in zip(kinds, tests, strict=True)]
    return RunResult(findings=found)


@pytest.mark.parametrize(
    ("kinds", "outcome", "reason"),
    [
        (("regressed",), Outcome.REGRESSED, "1 test regressed."),
        (("exceeded",), Outcome.EXCEEDED, "1 test over a budget."),
        (("wrong_code", "wrong_code"), Outcome.WRONG_CODE, "1 test ran other code."),
        # A verdict on the pull request comes before a problem of the comparison.
        (
            ("unmeasured", "exceeded", "regressed"),
            Outcome.REGRESSED,
            "1 test unmeasured, 1 test over a budget, 1 test regressed.",
        ),
        (("unmeasured",), Outcome.ERROR, "The pull request could not be judged: 1 test unmeasured."),
        (("nothing_compared",), Outcome.ERROR, "The pull request could not be judged: nothing compared."),
        (
            ("loosened",),
            Outcome.ERROR,
            "The pull request weakens its own gate in 1 place, listed with this verdict: undo that, or let a "
            "reviewer accept it by the label perf-accepted (or the accept-label of the workflow).",
        ),
        (("not_ready",), Outcome.ERROR, "The pull request is less ready than it has to be: no baseline."),
        (("not_ready", "exceeded"), Outcome.EXCEEDED, "not ready, 1 test over a budget."),
        ((), Outcome.ERROR, "Tests failed, for other reasons than their numbers."),
    ],
)
def test_a_failed_session_has_the_gravest_outcome_of_its_findings(
    kinds: tuple[str, ...], outcome: Outcome, reason: str
) -> None:
    found = classify(session(*kinds), 1)
    assert (found.outcome, found.reason) == (outcome, reason)


def test_the_error_of_a_start_that_failed_is_the_reason() -> None:
    found = classify(None, 4, problem="unrecognized arguments: --speed")
    assert (found.outcome, found.reason) == (Outcome.ERROR, "pytest could not start: unrecognized arguments: --speed")
    assert len(classify(None, 4, problem="x" * 900).reason) < 400
    assert classify(None, 4).reason == "pytest could not start: its message in the log names the mistake."


@pytest.mark.parametrize("kinds", [("loosened",), ("loosened", "nothing_compared")])
@pytest.mark.parametrize("exit_code", [1, 5])
def test_whoever_leaves_out_every_perf_test_weakens_the_gate(kinds: tuple[str, ...], exit_code: int) -> None:
    found = classify(session(*kinds), exit_code)
    assert found.outcome is Outcome.ERROR
    assert found.reason.startswith("The pull request weakens its own gate in 1 place, listed with this verdict: undo")
    warned = classify(session(*kinds, severity=Severity.WARNING), 5)
    assert warned.reason.startswith("No perf test was collected: restore those of the base")


def test_a_weakened_gate_is_accepted_by_the_label_that_the_workflow_names() -> None:
    assert classify(session("loosened"), 1, label="slower-is-fine").reason.endswith(
        "undo that, or let a reviewer accept it by the label slower-is-fine."
    )


def test_tests_that_fail_for_other_reasons_are_named() -> None:
    names = ["a.py::test_sum", "x" * 900, "c.py", "d.py", "e.py"]
    found = classify(RunResult(SessionFacts(other_failed=names)), 1)
    shown = f"a.py::test_sum, {'x' * 100}, c.py and 2 more"
    assert found.reason == f"Tests failed, for other reasons than their numbers: {shown}."


def test_a_session_that_ended_early_has_not_passed() -> None:
    early = RunResult(SessionFacts(is_cut_short=True))
    assert classify(early, 0).outcome is Outcome.ERROR
    assert classify(replace(early, findings=session("regressed").findings), 1).outcome is Outcome.REGRESSED


def test_what_fails_nothing_is_passed() -> None:
    assert classify(session("regressed", severity=Severity.WARNING), 0).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("verdict", "remark"), [("within", ""), ("undecided", " 1 test has numbers that are not judged.")]
)
def test_a_green_verdict_says_that_a_number_is_not_judged(verdict: str, remark: str) -> None:
    found = measurement(budget(BudgetVerdict(verdict)), nodeid="a.py::test")
    assert (
        classify(RunResult(measurements=[found]), 0).reason == f"No test fails by a budget or by a comparison.{remark}"
    )


def test_a_green_verdict_counts_the_limits_that_are_loosened() -> None:
    """A limit of many tests counts once; a test that is left out is no limit."""
    limit = Finding("loosened", Severity.WARNING, "a.py::test", metric="p95_ms", headline="p95_ms = 20 -> 200")
    other = replace(limit, test="", metric="strict", headline="strict = true -> false")
    findings = [limit, replace(limit, test="b.py::test"), other, replace(limit, metric="", headline="gone")]
    found = classify(RunResult(findings=findings), 0)
    assert (found.outcome, found.loosened) == (Outcome.PASSED, 2)
    assert found.reason.endswith("after the merge, those of the pull request hold: a reviewer has to agree.")
    assert classify(RunResult(findings=findings), 0, is_accepted=True).reason.endswith("because they are accepted.")
    honest = classify(session(), 0)
    assert (honest.loosened, honest.reason) == (0, "No test fails by a budget or by a comparison.")
    slower = classify(RunResult(findings=[*findings, *session("regressed").findings]), 1)
    assert (slower.outcome, slower.loosened) == (Outcome.REGRESSED, 2)


def test_a_green_verdict_counts_the_tests_that_are_left_out_with_acceptance() -> None:
    gone = Finding("loosened", Severity.WARNING, "a.py::test", headline="removes the perf test, accepted")
    accepted = replace(gone, is_accepted=True)
    findings = [accepted, replace(accepted, name="parse"), replace(accepted, test="b.py::test"), gone]
    assert classify(RunResult(findings=findings), 0, is_accepted=True).left_out == 2
    assert classify(RunResult(findings=[gone]), 0).left_out == 0


@pytest.mark.parametrize("code", [2, 3, 4, 5, -9, 137])
def test_a_tool_that_failed_is_an_error_and_never_a_regression(code: int) -> None:
    assert classify(session(), code).outcome is Outcome.ERROR
    assert classify(None, code).outcome is Outcome.ERROR
    if code > 1:
        assert classify(session("regressed"), min(code, 5)).outcome is Outcome.ERROR


def test_a_session_without_a_report_is_an_error_even_if_pytest_ended_well() -> None:
    assert classify(None, 0).reason == "pytest wrote no report, and ended with exit code 0."


def test_each_outcome_has_an_exit_code_of_its_own() -> None:
    assert set(EXIT_CODES) == set(Outcome)
    assert len(set(EXIT_CODES.values())) == len(Outcome)


@pytest.mark.parametrize("gate", ["warn", "off"])
def test_a_gate_that_is_not_on_is_an_error(gate: str) -> None:
    found = classify(RunResult(SessionFacts(gate=gate)), 0)
    assert (found.outcome, f"--perf-gate={gate}" in found.reason) == (Outcome.ERROR, True)
