"""The readiness of a session: its reasons, and that a worse verdict never makes a session readier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results import MS, budget, change, measurement

from pytest_perfbudget.core.baseline_update import UpdateSummary
from pytest_perfbudget.core.finding import DRIFT, LOOSENED, NOT_READY, NOT_UPDATED, Finding, Missing, Severity
from pytest_perfbudget.core.kinds import CALL, LOAD, MeasurementKind
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.readiness import Cause, Grade, Readiness, Reason, find_not_ready, lost_points, readiness_of
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import ComparedWith, RunResult, SessionFacts

WITHIN, UNDECIDED, EXCEEDED = BudgetVerdict.WITHIN, BudgetVerdict.UNDECIDED, BudgetVerdict.EXCEEDED
UNMEASURED = BudgetVerdict.UNMEASURED
BASELINE = ComparedWith("the baseline")
GONE = Missing("a.py::test", "", "in no collected test", is_gone=True)


def session(*results: BudgetResult | RegressionResult, **changed: Any) -> RunResult:
    """Return the result of a session with one measurement, compared with a baseline."""
    facts = SessionFacts(**changed.pop("facts", {}))
    return RunResult(
        **{"session": facts, "compared_with": BASELINE, "measurements": [measurement(*results)], **changed}
    )


def causes(result: RunResult) -> list[Cause]:
    found = readiness_of(result)
    assert found is not None
    return [one.cause for one in found.reasons]


def grade(result: RunResult) -> Grade:
    found = readiness_of(result)
    assert found is not None
    return found.grade


class TestReasons:
    """Each reason against shipping, and its grade."""

    def test_a_session_whose_budgets_hold_and_whose_numbers_were_compared_is_ready(self) -> None:
        found = session(budget(WITHIN), change(RegressionVerdict.UNCHANGED, ratio=1.0, lower=0.99))
        assert readiness_of(found) == Readiness(())
        assert grade(found) is Grade.READY

    @pytest.mark.parametrize(
        ("result", "cause", "expected"),
        [
            (budget(), Cause.EXCEEDED, Grade.NOT_READY),
            (budget(UNDECIDED), Cause.UNDECIDED, Grade.CONDITIONAL),
            (budget(UNDECIDED, rounds=12, needs_rounds=59), Cause.TOO_FEW_ROUNDS, Grade.CONDITIONAL),
            (budget(UNDECIDED, without_waits=1.0), Cause.BUSY_MACHINE, Grade.CONDITIONAL),
            (budget(UNMEASURED, estimate=None), Cause.UNMEASURED, Grade.CONDITIONAL),
            (budget(UNMEASURED, metric="rps", estimate=None), Cause.LOAD_NOT_RUN, Grade.CONDITIONAL),
            (change(), Cause.REGRESSED, Grade.NOT_READY),
            (change(RegressionVerdict.WRONG_CODE), Cause.WRONG_CODE, Grade.NOT_READY),
            (change(RegressionVerdict.UNDECIDED), Cause.NOT_CONFIRMED, Grade.CONDITIONAL),
            (
                change(RegressionVerdict.UNDECIDED, smallest_found=0.7),
                Cause.UNCERTAIN_BASELINE,
                Grade.CONDITIONAL,
            ),
            (change(RegressionVerdict.UNDECIDED, against="main"), Cause.UNDECIDED, Grade.CONDITIONAL),
            (change(RegressionVerdict.UNDECIDED, in_pairs=True), Cause.UNDECIDED, Grade.CONDITIONAL),
            (
                change(RegressionVerdict.UNDECIDED, reason="rare calls", in_pairs=True),
                Cause.UNDECIDED,
                Grade.CONDITIONAL,
            ),
            (change(RegressionVerdict.UNMEASURED), Cause.UNMEASURED, Grade.CONDITIONAL),
            (change(RegressionVerdict.NEW), Cause.NO_BASELINE, Grade.CONDITIONAL),
            (change(RegressionVerdict.FOREIGN), Cause.NO_BASELINE, Grade.CONDITIONAL),
            (change(RegressionVerdict.CHANGED), Cause.NOT_COMPARED, Grade.CONDITIONAL),
        ],
    )
    def test_a_result_that_is_not_good_is_a_reason(
        self, result: BudgetResult | RegressionResult, cause: Cause, expected: Grade
    ) -> None:
        found = session(result)
        assert causes(found) == [cause]
        assert grade(found) is expected

    @pytest.mark.parametrize(
        "result",
        [
            change(RegressionVerdict.IMPROVED),
            change(RegressionVerdict.UNCONFIRMED),
            change(RegressionVerdict.UNDECIDED, runs=0),  # the session had no suspicion
            change(RegressionVerdict.NEW, against="origin/main"),  # the other commit will never have the test
        ],
    )
    def test_a_result_that_asks_for_nothing_is_none(self, result: RegressionResult) -> None:
        assert causes(session(result)) == []

    def test_a_deselected_test_that_the_baseline_has_is_told_once(self) -> None:
        others = replace(BASELINE, others=[("a.py::test", "step")])
        found = session(budget(WITHIN), compared_with=others, facts={"left_out": ["a.py::test"]})
        assert causes(found) == [Cause.NOT_RUN]

    def test_a_skipped_test_that_the_other_side_has_is_told_once(self) -> None:
        missing = [Missing("a.py::test", "", "skipped")]
        found = session(budget(WITHIN), missing=missing, facts={"left_out": ["a.py::test"]})
        assert causes(found) == [Cause.UNFINISHED]

    @pytest.mark.parametrize(
        ("changed", "cause", "expected"),
        [
            ({"measurements": []}, Cause.NOTHING_MEASURED, Grade.NOT_READY),
            ({"facts": {"is_cut_short": True}}, Cause.ENDED_EARLY, Grade.NOT_READY),
            ({"facts": {"perf_tests": 3, "not_run": 2}}, Cause.ENDED_EARLY, Grade.NOT_READY),
            ({"facts": {"other_failures": 1}}, Cause.TESTS_FAILED, Grade.NOT_READY),
            ({"facts": {"exit_status": 1}}, Cause.SESSION_FAILED, Grade.NOT_READY),
            ({"findings": [Finding(LOOSENED, Severity.FAILURE, "")]}, Cause.FAILED, Grade.NOT_READY),
            ({"findings": [Finding(DRIFT, Severity.WARNING, "a.py::test")]}, Cause.DRIFTED, Grade.CONDITIONAL),
            ({"findings": [Finding(DRIFT, Severity.FAILURE, "a.py::test")]}, Cause.DRIFT_EXCEEDED, Grade.NOT_READY),
            ({"findings": [Finding(DRIFT, Severity.WARNING, "")]}, Cause.DRIFT_NOT_JUDGED, Grade.CONDITIONAL),
            ({"missing": [Missing("a.py::test", "", "skipped")]}, Cause.UNFINISHED, Grade.CONDITIONAL),
            ({"missing": [GONE]}, Cause.MISSING, Grade.CONDITIONAL),
            ({"missing": [GONE], "compared_with": ComparedWith("main")}, Cause.REMOVED, Grade.CONDITIONAL),
            ({"facts": {"left_out": ["a.py::test"]}}, Cause.LEFT_OUT, Grade.CONDITIONAL),
            ({"facts": {"parts": 3, "missing_parts": [2]}}, Cause.PART_MISSING, Grade.CONDITIONAL),
            ({"compared_with": replace(BASELINE, others=[("a.py::test", "")])}, Cause.NOT_RUN, Grade.CONDITIONAL),
        ],
    )
    def test_what_the_session_lacks_is_a_reason(self, changed: dict[str, Any], cause: Cause, expected: Grade) -> None:
        assert causes(session(budget(WITHIN))) == []
        found = session(budget(WITHIN), **changed)
        assert causes(found) == [cause]
        assert grade(found) is expected

    @pytest.mark.parametrize(("kind", "cause"), [(CALL, Cause.UNMEASURED), (LOAD, Cause.LOAD_NOT_RUN)])
    @pytest.mark.parametrize("reason", ["skipped by its fixture", ""], ids=["with a reason", "its budgets have it"])
    def test_a_measurement_without_numbers_is_named_once(
        self, kind: MeasurementKind, cause: Cause, reason: str
    ) -> None:
        budgets = budget(UNMEASURED, estimate=None), budget(UNMEASURED, metric="p99", estimate=None)
        for verdict in (RegressionVerdict.UNMEASURED, RegressionVerdict.NEW):
            blank = measurement(
                *budgets, change(verdict), nodeid="a.py::test", kind=kind, rounds=0, statistics={}, unmeasured=reason
            )
            found = readiness_of(session(measurements=[measurement(budget(WITHIN)), blank]))
            assert found == Readiness((Reason(cause, ("a.py::test",)),))

    def test_a_measurement_with_some_numbers_is_named_by_those_that_it_lacks(self) -> None:
        lacking = measurement(
            budget(UNMEASURED, estimate=None), change(RegressionVerdict.UNMEASURED), nodeid="a.py::test"
        )
        found = readiness_of(session(measurements=[lacking]))
        assert found == Readiness((Reason(Cause.UNMEASURED, ("a.py::test: p95", "a.py::test")),))

    @pytest.mark.parametrize("kind", ["undecided", "unmeasured", "new", "missing"])
    def test_what_fails_because_it_could_not_be_judged_is_named_once(self, kind: str) -> None:
        failure = Finding(kind, Severity.FAILURE, "a.py::test")
        found = readiness_of(session(budget(UNDECIDED), findings=[failure, failure]))
        assert found == Readiness(
            (Reason(Cause.FAILED), Reason(Cause.UNDECIDED, ("tests/test_api.py::test_login: p95",)))
        )
        assert found.grade is Grade.NOT_READY

    def test_drift_that_is_not_judged_fails_as_such_and_a_note_on_it_is_no_reason(self) -> None:
        found = session(budget(WITHIN), findings=[Finding(DRIFT, Severity.FAILURE, "")])
        assert causes(found) == [Cause.FAILED, Cause.DRIFT_NOT_JUDGED]
        assert causes(session(budget(WITHIN), findings=[Finding(DRIFT, Severity.NOTE, "")])) == []

    def test_drift_above_its_limit_is_named_if_the_gate_only_warns(self) -> None:
        drifted = Finding(DRIFT, Severity.WARNING, "a.py::test", is_gated=True)
        assert causes(session(budget(WITHIN), findings=[drifted], facts={"gate": "warn"})) == [Cause.DRIFT_EXCEEDED]

    def test_a_load_that_did_not_run_is_named_as_a_load(self) -> None:
        load = measurement(budget(UNMEASURED, estimate=None), kind=LOAD, unmeasured="no answer")
        assert causes(session(measurements=[measurement(budget(WITHIN)), load])) == [Cause.LOAD_NOT_RUN]

    @pytest.mark.parametrize(
        "undecided",
        [budget(UNDECIDED, rounds=12, needs_rounds=59), budget(UNDECIDED), change(RegressionVerdict.UNDECIDED)],
        ids=["too few requests", "close to the limit", "comparison"],
    )
    def test_a_load_that_decides_nothing_has_to_be_longer(self, undecided: BudgetResult | RegressionResult) -> None:
        of_load = measurement(undecided, kind=LOAD)
        assert causes(session(measurements=[of_load])) == [Cause.LOAD_TOO_SHORT]
        assert Cause.LOAD_TOO_SHORT not in causes(session(measurements=[replace(of_load, kind=CALL)]))

    def test_a_load_whose_limit_holds_is_long_enough(self) -> None:
        faster = change(RegressionVerdict.UNDECIDED, ratio=0.8, lower=0.63, upper=1.006, runs=0)
        assert causes(session(measurements=[measurement(faster, kind=LOAD)])) == []
        slower = replace(faster, upper=1.06)
        assert causes(session(measurements=[measurement(slower, kind=LOAD)])) == [Cause.LOAD_TOO_SHORT]

    def test_without_a_comparison_there_is_no_baseline(self) -> None:
        comparable = measurement(budget(WITHIN), max_regression=0.05)
        alone = session(compared_with=None, measurements=[comparable])
        assert causes(alone) == [Cause.NO_BASELINE]
        assert causes(replace(alone, update=UpdateSummary("b.json"))) == []
        assert causes(replace(alone, measurements=[replace(comparable, max_regression=None)])) == []  # such as a ratio

    def test_a_comparison_that_is_still_to_come_is_not_measured(self) -> None:
        assert causes(session(measurements=[measurement(change(), is_pending=True)])) == [Cause.UNMEASURED]

    def test_what_the_gate_forgives_is_unmet_all_the_same(self) -> None:
        assert grade(session(budget(), facts={"gate": "warn"})) is Grade.NOT_READY
        assert readiness_of(session(budget(), facts={"gate": "off"})) is None

    def test_reasons_are_sorted_and_name_each_place_once(self) -> None:
        one = measurement(change(RegressionVerdict.NEW), budget(), budget(metric="p99"), nodeid="a.py::test")
        found = readiness_of(session(measurements=[one, one]))
        assert found is not None
        assert found.to_dict() == {
            "grade": "not_ready",
            "reasons": [
                {"cause": "exceeded", "grade": "not_ready", "names": ["a.py::test: p95", "a.py::test: p99"]},
                {"cause": "no_baseline", "grade": "conditional", "names": ["a.py::test"]},
            ],
        }


class TestOneFault:
    """A fault is one reason, however many findings it has."""

    @pytest.mark.parametrize(
        ("known", "expected"),
        [
            ({"findings": [Finding("exceeded", Severity.FAILURE, "a.py::test")]}, []),
            ({"facts": {"other_failures": 1, "other_failed": ["a.py::test"]}}, [Cause.TESTS_FAILED]),
            ({}, [Cause.FAILED]),
        ],
        ids=["it exceeds a budget", "it failed otherwise", "the update alone fails"],
    )
    def test_a_baseline_that_a_failed_test_does_not_update_is_no_further_failure(
        self, known: dict[str, Any], expected: list[Cause]
    ) -> None:
        kept_out = Finding(NOT_UPDATED, Severity.FAILURE, "a.py::test", headline="the test failed")
        found = session(budget(WITHIN), **{**known, "findings": [*known.get("findings", []), kept_out]})
        assert causes(found) == expected


class TestFallingHealth:
    """A budget that holds and lost ground, by a change that is credible and within the tolerance."""

    SLOWER = change(RegressionVerdict.UNCHANGED, ratio=1.04, lower=1.03, upper=1.05)

    def test_a_budget_nearer_to_its_limit_is_a_reason(self) -> None:
        assert causes(session(budget(WITHIN, estimate=45 * MS), self.SLOWER)) == [Cause.HEALTH_FALLING]

    @pytest.mark.parametrize(
        ("share", "changed"),
        [
            (0.9, {"lower": 0.99}),  # may be chance
            (0.3, {}),  # far from the limit, where the mark is the same
            (0.9, {"ratio": 0.9, "lower": 0.88}),
            (0.9, {"metric": "peak"}),  # of another number
            (0.9, {"ratio": None, "lower": None}),
        ],
    )
    def test_otherwise_it_is_not(self, share: float, changed: dict[str, Any]) -> None:
        slower = replace(self.SLOWER, **changed)
        assert causes(session(budget(WITHIN, estimate=50 * MS * share), slower)) == []

    @pytest.mark.parametrize(
        ("results", "cause"),
        [
            ([budget(EXCEEDED, estimate=61 * MS), SLOWER], Cause.EXCEEDED),
            ([budget(WITHIN, estimate=45 * MS), change(ratio=1.3, lower=1.2)], Cause.REGRESSED),
        ],
        ids=["the budget is exceeded", "the time regressed"],
    )
    def test_what_a_graver_reason_tells_is_not_told_again(
        self, results: list[BudgetResult | RegressionResult], cause: Cause
    ) -> None:
        assert causes(session(*results)) == [cause]

    def test_the_points_are_those_of_the_health(self) -> None:
        now = budget(WITHIN, estimate=50 * MS)  # the whole limit: 80 points; before, half of it: 100 points
        assert lost_points(now, [change(ratio=2.0, lower=1.9)]) == pytest.approx(20)

    def test_a_count_is_exact(self) -> None:
        peak = budget(WITHIN, metric="peak", unit="bytes", limit=100.0, estimate=90.0)
        grown = change(RegressionVerdict.UNCHANGED, metric="peak", ratio=1.04, lower=None, upper=None)
        assert causes(session(peak, grown)) == [Cause.HEALTH_FALLING]


class TestRequirement:
    """The finding of a session that is less ready than it has to be."""

    UNDECIDED = Readiness([Reason(Cause.UNDECIDED, ["a"])])

    @pytest.mark.parametrize(
        ("found", "required", "fails"),
        [
            (Readiness(), Grade.READY, False),
            (UNDECIDED, Grade.READY, True),
            (UNDECIDED, Grade.CONDITIONAL, False),
            (Readiness([Reason(Cause.EXCEEDED, ["a"])]), Grade.CONDITIONAL, True),
        ],
    )
    def test_only_a_worse_grade_fails(self, found: Readiness, required: Grade, fails: bool) -> None:
        assert [one.is_failure for one in find_not_ready(found, required, Policy(), "words")] == [True] * fails

    def test_it_only_warns_with_that_gate_and_is_no_reason_itself(self) -> None:
        (found,) = find_not_ready(self.UNDECIDED, Grade.READY, Policy(GateMode.WARN), "words")
        assert (found.kind, found.severity, found.belongs_to_test) == (NOT_READY, Severity.WARNING, False)
        assert causes(session(budget(WITHIN), findings=[replace(found, severity=Severity.FAILURE)])) == []


BUDGET_ORDER = (WITHIN, UNDECIDED, UNMEASURED, EXCEEDED)
CHANGE_ORDER = (
    RegressionVerdict.IMPROVED,
    RegressionVerdict.UNCHANGED,
    RegressionVerdict.UNCONFIRMED,
    RegressionVerdict.UNDECIDED,
    RegressionVerdict.UNMEASURED,
    RegressionVerdict.REGRESSED,
    RegressionVerdict.WRONG_CODE,
)
BUDGETS = st.builds(
    lambda verdict, share: budget(verdict, estimate=50 * MS * share), st.sampled_from(BUDGET_ORDER), st.floats(0.1, 3)
)
CHANGES = st.builds(
    lambda verdict, ratio: change(verdict, ratio=ratio, lower=ratio * 0.99),
    st.sampled_from(CHANGE_ORDER),
    st.floats(0.5, 2),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(BUDGETS, max_size=3), st.lists(CHANGES, max_size=2), st.data())
def test_a_worse_verdict_never_makes_a_session_readier(
    budgets: list[BudgetResult], changes: list[RegressionResult], data: st.DataObject
) -> None:
    worse_budgets = [
        replace(one, verdict=data.draw(st.sampled_from(BUDGET_ORDER[BUDGET_ORDER.index(one.verdict) :])))
        for one in budgets
    ]
    worse_changes = [
        replace(one, verdict=data.draw(st.sampled_from(CHANGE_ORDER[CHANGE_ORDER.index(one.verdict) :])))
        for one in changes
    ]
    before, after = grade(session(*budgets, *changes)), grade(session(*worse_budgets, *worse_changes))
    assert before.meets(after)
