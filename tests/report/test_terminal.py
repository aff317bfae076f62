"""The whole summary section, from a result to text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from results import budget, change, measurement

from pytest_perfbudget.core.baseline_update import BaselineUpdate, UpdateAction, UpdateSummary
from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.run_result import ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.session_findings import find_missing, find_not_updated
from pytest_perfbudget.report.findings import worded
from pytest_perfbudget.report.formats.terminal import Layout, render, render_update

CALM = measurement(budget(BudgetVerdict.WITHIN, estimate=5e6, lower=4e6, upper=6e6), nodeid="a.py::test_calm")
SLOW = measurement(budget(), nodeid="a.py::test_slow")
PLAIN = Layout(width=100)


def result(*measurements: Measurement, gate: str = "fail", strict: bool = False, **more: object) -> RunResult:
    policy = Policy(GateMode(gate), strict)
    findings = worded(find(measurements, policy), alpha=0.01)
    made = RunResult(SessionFacts(gate=gate, strict=strict), None, measurements, findings)
    return replace(made, **more)  # type: ignore[arg-type]


def lines(found: RunResult, layout: Layout = PLAIN) -> list[str]:
    """Return the lines below the table's heading."""
    return render(found, layout).splitlines()[2:]


def test_a_calm_session_is_a_table_and_a_count() -> None:
    row, health, readiness, count = lines(result(CALM))
    assert readiness == "ready"
    assert row.split()[:2] == ["within", "test_calm"]
    assert health == "health 100 of 100"
    assert count == "1 budget of 1 measurement: 1 within"


@pytest.mark.parametrize(
    ("verdict", "against", "is_advised"),
    [
        (RegressionVerdict.IMPROVED, "", True),
        (RegressionVerdict.IMPROVED, "main", False),
        (RegressionVerdict.UNCHANGED, "", False),
    ],
)
def test_a_gain_over_the_baseline_is_to_be_kept(verdict: RegressionVerdict, against: str, is_advised: bool) -> None:
    gain = measurement(change(verdict, ratio=0.5, against=against))
    text = render(result(gain, compared_with=ComparedWith(against or "the baseline")), PLAIN)
    advice = "update the baseline, else a later slowdown up to the old number passes: pytest --perf-update-baseline\n"
    assert (advice in text) is is_advised


def test_the_health_names_components_the_sickest_first() -> None:
    well = replace(CALM, component="storage")
    found = lines(result(well, replace(SLOW, component="security.jwt")))
    assert found[-3] == "health 59 of 100: security.jwt 50, storage 100"


def test_the_color_of_the_health_is_its_band() -> None:
    near = measurement(budget(BudgetVerdict.WITHIN, estimate=49e6), nodeid="a.py::test_near")
    for found, color in ((CALM, 32), (near, 33), (SLOW, 31)):
        assert f"\033[{color}mhealth " in render(result(found), replace(PLAIN, color=True))


def test_measurements_without_a_limit_have_no_health() -> None:
    assert "health" not in render(result(measurement()), PLAIN)


def test_a_failure_that_its_test_has_told_is_not_told_again() -> None:
    assert lines(result(CALM, SLOW))[-1] == "2 budgets of 2 measurements: 1 exceeded, 1 within"
    assert "exceeds its budget" not in render(result(SLOW), PLAIN)


def test_a_gate_that_only_warns_tells_what_would_fail() -> None:
    text = render(result(SLOW, gate="warn"), PLAIN)
    assert "a.py::test_slow: p95 61.3 ms exceeds its budget of 50 ms (123%)\n" in text
    assert text.endswith("1 budget of 1 measurement: 1 exceeded (nothing fails: --perf-gate=warn)\n")


def test_a_gate_that_is_off_has_no_section() -> None:
    assert render(result(CALM, gate="off"), PLAIN) == ""


def test_a_session_without_perf_tests_has_none_either() -> None:
    assert render(RunResult(), PLAIN) == ""


def test_a_comparison_ends_with_the_other_side_what_was_not_selected_and_doubts() -> None:
    compared = ComparedWith("the baseline", "a doubt", [("a.py::other", "")])
    found = lines(result(measurement(change(RegressionVerdict.UNCHANGED, runs=0, ratio=1.01)), compared_with=compared))
    assert found[-6:] == [
        "1 other measurement of the baseline: not selected or not collected",
        "against the baseline: 1 unchanged",
        "a doubt",
        "health 100 of 100",
        "conditional: 1 measurement of the baseline not run (run the whole suite)",
        "1 measurement, no budget",
    ]


@pytest.mark.parametrize(
    ("against", "is_gone", "expected"),
    [
        (
            "the baseline",
            True,
            "conditional: 1 measurement of the baseline that no test makes any more "
            "(to remove: pytest --perf-update-baseline --perf-prune)",
        ),
        ("main", True, "conditional: 1 measurement of the other commit that no test makes any more"),
        ("main", False, "conditional: 1 measurement of the other side not made (let every test run to its end)"),
    ],
)
def test_the_readiness_says_what_to_do_about_a_missing_measurement(against: str, is_gone: bool, expected: str) -> None:
    missing = [Missing("a.py::gone", "", "its reason", is_gone)]
    calm = measurement(change(RegressionVerdict.UNCHANGED, runs=0, ratio=1.01))
    assert expected in lines(result(calm, compared_with=ComparedWith(against), missing=missing))


@pytest.mark.parametrize("strict", [True, False])
def test_missing_measurements_are_named_and_fail_only_if_strict(strict: bool) -> None:
    missing = [Missing("a.py::gone", "", "it is not collected")]
    findings = find_missing(missing, Policy(strict=strict), can_be_mended=True)
    found = RunResult(SessionFacts(strict=strict), ComparedWith("the baseline"), (), findings, missing)
    text = render(found, PLAIN)
    assert "missing: a.py::gone: it is not collected\n" in text
    assert "against the baseline: nothing was compared (1 missing)\n" in text
    assert ("fails the session because of --perf-strict" in text) is strict


def test_notes_on_the_configuration_are_told() -> None:
    facts = SessionFacts(notes=["mode = 'turns' is called 'sequential' now"])
    assert "note: mode = 'turns' is called 'sequential' now" in lines(result(CALM, session=facts))


def test_colour_is_ansi_and_only_if_asked_for() -> None:
    assert "\033[31m2 budgets of 2 measurements" in render(result(CALM, SLOW), replace(PLAIN, color=True))
    assert "\033" not in render(result(CALM, SLOW), PLAIN)


def test_an_update_has_a_section_of_its_own() -> None:
    update = UpdateSummary("b.json", [BaselineUpdate("a.py::t", "", UpdateAction.REFUSED)], {"a.py::u": "it fails"})
    found = result(CALM, update=update, findings=find_not_updated(update))
    assert "not_updated" not in render(found, PLAIN)
    assert render_update(found, PLAIN).splitlines()[-3:] == [
        "not updated: a.py::u: it fails",
        "b.json: 1 slower (kept)",
        "to accept the slower test: pytest --perf-update-baseline --perf-reason 'why it may be slower' a.py::t",
    ]
    assert render_update(result(CALM), PLAIN) == ""
