"""Which results fail a test, which fail the session, and which are only told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from results import budget, change, measurement

from pytest_perfbudget.core.baseline_update import BaselineUpdate, UpdateAction, UpdateSummary
from pytest_perfbudget.core.decision import find, is_near, is_unsuspicious
from pytest_perfbudget.core.finding import Finding, Missing, Severity
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.session_findings import fails_session, find_missing, find_not_updated

FAIL, STRICT, WARN = Policy(), Policy(strict=True), Policy(GateMode.WARN)


def found(one: Measurement, policy: Policy = FAIL) -> list[Finding]:
    return [case.finding for case in find([one], policy)]


def severities(one: Measurement, policy: Policy = FAIL) -> list[tuple[str, str]]:
    return [(finding.kind, finding.severity.value) for finding in found(one, policy)]


@pytest.mark.parametrize(
    ("verdict", "by_default", "strict"),
    [
        (BudgetVerdict.EXCEEDED, "failure", "failure"),
        (BudgetVerdict.UNDECIDED, "warning", "failure"),
        (BudgetVerdict.UNMEASURED, "warning", "failure"),
    ],
)
def test_an_exceeded_budget_fails_and_an_unjudged_one_if_strict(
    verdict: BudgetVerdict, by_default: str, strict: str
) -> None:
    one = measurement(budget(verdict))
    assert severities(one) == [(verdict.value, by_default)]
    assert severities(one, STRICT) == [(verdict.value, strict)]
    assert severities(one, WARN) == [(verdict.value, "warning")]


def test_a_budget_whose_number_is_required_fails_without_a_number() -> None:
    one = measurement(replace(budget(BudgetVerdict.UNMEASURED), is_required=True))
    assert severities(one) == [("unmeasured", "failure")]
    assert severities(one, WARN) == [("unmeasured", "warning")]
    assert severities(replace(one, is_expected_to_fail=True)) == [("unmeasured", "warning")]


def test_a_finding_says_whether_it_fails_while_the_gate_is_on() -> None:
    exceeded = measurement(budget(BudgetVerdict.EXCEEDED))
    near = measurement(budget(BudgetVerdict.WITHIN, estimate=41e6))
    undecided = measurement(budget(BudgetVerdict.UNDECIDED))
    assert [found(one, WARN)[0].is_gated for one in (exceeded, near, undecided)] == [True, False, False]
    assert found(undecided, Policy(GateMode.WARN, strict=True))[0].is_gated


def test_a_test_without_a_measurement_is_a_warning_and_fails_if_strict() -> None:
    one = replace(measurement(), unmeasured="never called")
    assert severities(one) == [("unmeasured", "warning")]
    assert severities(one, STRICT) == [("unmeasured", "failure")]


def test_a_test_without_a_measurement_is_unmeasured_once_and_not_new_as_well() -> None:
    never = replace(measurement(), unmeasured="never called")
    unmeasured = change(RegressionVerdict.UNMEASURED, reason="never called")
    (one,) = found(replace(never, changes=[replace(unmeasured, against="main", is_required=True)]))
    assert (one.kind, one.severity, one.metric) == ("unmeasured", Severity.FAILURE, "time")
    assert severities(replace(never, changes=[unmeasured])) == [("unmeasured", "warning")]
    for verdict in (RegressionVerdict.NEW, RegressionVerdict.FOREIGN):
        lacked = [change(verdict, reason="the baseline does not have this measurement")]
        assert severities(replace(never, changes=lacked)) == [("unmeasured", "warning")]
        assert severities(replace(never, changes=lacked), STRICT) == [("unmeasured", "failure")]
        assert severities(replace(never, unmeasured="", changes=lacked)) == [(verdict.value, "note")]
        blank = measurement(budget(BudgetVerdict.UNMEASURED, estimate=None), rounds=0, statistics={})
        assert severities(replace(blank, changes=lacked)) == [("unmeasured", "warning")]  # its budget has the reason


def test_a_load_that_may_have_become_easier_is_a_warning_and_another_foreign_number_is_a_note() -> None:
    foreign = change(RegressionVerdict.FOREIGN, reason="another load than in the baseline")
    for needs_reason, severity in ((True, "warning"), (False, "note")):
        one = replace(measurement(), changes=[replace(foreign, needs_reason=needs_reason)])
        assert severities(one) == [("foreign", severity)]
        assert severities(one, STRICT) == [("foreign", "failure")]


def test_a_comparison_that_is_unmeasured_for_another_reason_is_told_as_well() -> None:
    one = replace(
        measurement(),
        unmeasured="never called",
        changes=[change(RegressionVerdict.UNMEASURED, reason="other parameters")],
    )
    assert severities(one) == [("unmeasured", "warning"), ("unmeasured", "warning")]


def test_a_budget_that_holds_is_no_finding_unless_it_is_near_its_limit() -> None:
    assert severities(measurement(budget(BudgetVerdict.WITHIN, estimate=39e6))) == []
    assert severities(measurement(budget(BudgetVerdict.WITHIN, estimate=41e6))) == [("near_limit", "warning")]
    assert severities(measurement(budget(BudgetVerdict.WITHIN, estimate=41e6)), STRICT) == [("near_limit", "warning")]


def test_a_number_of_calls_is_exact_and_never_near_its_limit() -> None:
    assert is_near(budget(BudgetVerdict.WITHIN, metric="peak", estimate=50e6), 0.8)
    assert not is_near(budget(BudgetVerdict.WITHIN, metric="calls", estimate=50e6), 0.8)


@pytest.mark.parametrize("verdict", RegressionVerdict)
def test_a_regression_fails_and_an_uncompared_number_if_strict(verdict: RegressionVerdict) -> None:
    one = measurement(change(verdict, runs=0))
    fails = {kind for kind, severity in severities(one) if severity == "failure"}
    assert bool(fails) is (verdict in (RegressionVerdict.REGRESSED, RegressionVerdict.WRONG_CODE))
    strictly = {kind for kind, severity in severities(one, STRICT) if severity == "failure"}
    assert bool(strictly) is (verdict is RegressionVerdict.REGRESSED or verdict.is_unjudged)
    assert not {kind for kind, severity in severities(one, WARN) if severity == "failure"}


@pytest.mark.parametrize(("ratio", "is_told"), [(1.08, True), (1.03, False), (0.7, False)])
def test_a_suspect_that_is_no_slower_than_allowed_in_fresh_processes_asks_for_nothing(
    ratio: float, *, is_told: bool
) -> None:
    """A test that looked far too fast here is a suspect, too, and a few fresh processes prove little more."""
    suspect = change(RegressionVerdict.UNDECIDED, ratio=ratio, limit=0.05, runs=1)
    assert severities(measurement(suspect)) == [("undecided", "warning")] * is_told


def test_an_undecided_comparison_with_a_reason_is_a_warning_without_fresh_processes_too() -> None:
    hidden = change(RegressionVerdict.UNDECIDED, ratio=1.01, limit=0.05, runs=0, reason="rare calls look slower")
    assert severities(measurement(hidden)) == [("undecided", "warning")]
    assert not is_unsuspicious(measurement(hidden), hidden)


def test_a_test_that_the_other_commit_will_never_have_does_not_fail() -> None:
    new = change(RegressionVerdict.NEW)
    assert severities(measurement(new), STRICT) == [("new", "failure")]
    assert severities(measurement(change(RegressionVerdict.NEW, against="main")), STRICT) == [("new", "note")]


def test_a_finding_knows_its_test_its_place_and_its_metric() -> None:
    (one,) = found(measurement(budget(), name="parse", file="tests/test_api.py", line=12))
    assert (one.id, one.file, one.line, one.metric) == (
        "tests/test_api.py::test_login parse",
        "tests/test_api.py",
        12,
        "p95",
    )


def test_doubts_are_notes() -> None:
    assert severities(measurement(warnings=["a tracer was active"])) == [("doubt", "note")]


@pytest.mark.parametrize(
    ("policy", "can_be_mended", "fails"),
    [
        (FAIL, True, False),
        (STRICT, True, True),
        (STRICT, False, False),
        (Policy(GateMode.WARN, strict=True), True, False),
    ],
)
def test_a_missing_measurement_fails_the_session_if_strict_and_if_it_can_be_mended(
    policy: Policy, can_be_mended: bool, fails: bool
) -> None:
    missing = find_missing([Missing("a.py::t", "", "gone")], policy, can_be_mended=can_be_mended)
    assert [one.severity for one in missing] == [Severity.FAILURE if fails else Severity.WARNING]
    assert fails_session(missing) is fails


def test_failures_of_tests_are_no_failure_of_the_session_by_itself() -> None:
    assert not fails_session(found(measurement(budget(), change())))


REFUSED = BaselineUpdate("a.py::t", "", UpdateAction.REFUSED)
UNSURE = BaselineUpdate("a.py::t", "", UpdateAction.UNDECIDED)


@pytest.mark.parametrize(
    ("update", "fails"),
    [
        (UpdateSummary("b.json", [BaselineUpdate("a.py::t", "", UpdateAction.NEW)]), False),
        (UpdateSummary("b.json", [REFUSED]), True),
        (UpdateSummary("b.json", [UNSURE]), False),
        (UpdateSummary("b.json", [UNSURE], is_accepting=True), True),
        (UpdateSummary("b.json", kept_out={"a.py::t": "it fails"}), True),
        (UpdateSummary("b.json", left_out={"a.py::t": "it may be called once only"}), False),
        (UpdateSummary("b.json", problem="the disk is full"), True),
    ],
)
def test_an_update_that_leaves_something_out_fails_the_session(update: UpdateSummary, fails: bool) -> None:
    assert fails_session(find_not_updated(update)) is fails


@pytest.mark.parametrize(("successes", "is_told"), [(100.0, False), (99.05, True)])
def test_a_rate_of_success_is_near_its_limit_by_the_failures_that_it_allows(successes: float, is_told: bool) -> None:
    result = budget(
        BudgetVerdict.WITHIN,
        metric="success_rate",
        unit="%",
        direction=Direction.HIGHER,
        limit=99.0,
        estimate=successes,
    )
    assert is_near(result, 0.9) is is_told
