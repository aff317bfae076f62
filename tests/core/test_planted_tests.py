"""Which tests see a planted slowdown, and how the self-test words and judges that."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.kinds import CALL
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.core.planted_tests import planted_tests
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.gate.self_test import self_test_verdict
from pytest_perfbudget.report.self_test import self_test_lines

REGRESSED, UNCHANGED = RegressionVerdict.REGRESSED, RegressionVerdict.UNCHANGED
FOUND = GateVerdict(Outcome.REGRESSED, "1 regressed.")


def measured(
    test: str,
    verdict: RegressionVerdict | None,
    ratio: float | None = 1.3,
    more_calls: int | None = 40,
    reason: str = "",
) -> Measurement:
    """A measurement of a planted checkout; None stands for what was not compared."""
    changes = []
    if verdict is not None:
        changes.append(RegressionResult("time", verdict, ratio=ratio, limit=0.05, source="the table", reason=reason))
    if more_calls is not None:
        calls = REGRESSED if more_calls else UNCHANGED
        changes.append(RegressionResult("calls", calls, before=7, after=7 + more_calls))
    return Measurement(test, "", CALL, changes=changes)


@pytest.mark.parametrize(
    ("measurements", "outcome", "reason", "lines"),
    [
        ([measured("a", REGRESSED)], Outcome.PASSED, "The gate is awake: 1 perf test found 2 functions", []),
        (
            [measured("a", REGRESSED), measured("b", UNCHANGED, 1.0, 0)],
            Outcome.PASSED,
            "slowdown of 30%. 1 of 2 perf tests runs none of these functions: b.",
            ["not tried: b: its measured code runs none of the slowed functions"],
        ),
        (
            [measured("a", REGRESSED), measured("b", UNCHANGED, 1.02)],
            Outcome.ERROR,
            "The gate is partly blind to 2 functions with a planted slowdown of 30%: 1 of 2 perf tests stays blind: b.",
            ["blind: b: its time is unchanged at +2.0 %, limit 5 % from the table"],
        ),
        (
            [measured("a", REGRESSED), *(measured(one, UNCHANGED) for one in "bcdef")],
            Outcome.ERROR,
            "5 of 6 perf tests stay blind: b, c, d and 2 more.",
            [f"blind: {one}: its time is unchanged at +30 %, limit 5 % from the table" for one in "bcdef"],
        ),
        (
            [measured("a", RegressionVerdict.UNMEASURED, None, reason="too noisy"), measured("b", None)],
            Outcome.ERROR,
            "The gate is blind to 2 functions with a planted slowdown of 30%: 2 of 2 perf tests stay blind: a, b.",
            ["blind: a: its time is unmeasured: too noisy", "blind: b: its time was not compared"],
        ),
        (
            [measured("a", UNCHANGED, 1.0, None)],
            Outcome.ERROR,
            "1 of 1 perf test stays blind: a.",
            ["blind: a: its time is unchanged at +0.0 %, limit 5 % from the table"],
        ),
    ],
    ids=["awake", "untouched", "blind", "many blind", "calls only", "calls unknown"],
)
def test_each_test_that_does_not_see_the_slowdown_is_named(
    *, measurements: list[Measurement], outcome: Outcome, reason: str, lines: list[str]
) -> None:
    tests = planted_tests(measurements)
    verdict = self_test_verdict(FOUND, tests, 2)
    assert verdict.outcome is outcome
    assert reason in verdict.reason
    assert list(self_test_lines(tests)) == lines


def test_a_test_sees_the_slowdown_by_any_of_its_measurements() -> None:
    tests = planted_tests([measured("a", UNCHANGED), measured("a", REGRESSED), Measurement("b", "", CALL)])
    assert (tests.seeing, tests.blind, tests.number) == (["a"], {}, 1)


def test_a_gate_without_a_regression_is_blind_whatever_its_tests_say() -> None:
    passed = GateVerdict(Outcome.PASSED, "No test fails.")
    told = self_test_verdict(passed, planted_tests([measured("a", UNCHANGED, 1.0, 0)]), 1)
    assert told.outcome is Outcome.ERROR
    assert told.reason == (
        "The gate is blind: it has 1 function with a planted slowdown of 30% before it, and says passed. "
        "1 of 1 perf test runs none of these functions: a."
    )
    assert self_test_verdict(passed, planted_tests([]), 1).reason.endswith("says passed. No test fails.")
