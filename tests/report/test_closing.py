from __future__ import annotations

import pytest
from results import budget, change, measurement

from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.health import session_health
from pytest_perfbudget.core.results import BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult, regression_tally
from pytest_perfbudget.report.closing import budgets_text, changes_text, health_text
from pytest_perfbudget.report.progress import load_progress_text, progress_text, update_log_text, update_progress_text


def test_budgets_are_counted_by_verdict() -> None:
    tally = {"exceeded": 1, "within": 2, "undecided": 0}
    assert budgets_text(tally, 1) == "3 budgets of 1 measurement: 1 exceeded, 2 within"
    assert budgets_text({}, 2) == "2 measurements, no budget"


def test_every_regression_verdict_is_counted() -> None:
    measurements = [measurement(change(), change(RegressionVerdict.UNCHANGED))]
    assert set(regression_tally(measurements, missing=2)) == {verdict.value for verdict in RegressionVerdict}
    found = RunResult(measurements=measurements, missing=[Missing("a.py::test", "", ""), Missing("b.py::test", "", "")])
    assert changes_text(found, "the baseline") == "against the baseline: 1 regressed, 2 missing, 1 unchanged"


def test_an_undecided_number_that_asks_for_nothing_is_counted_apart() -> None:
    """A suspect that looked far too fast, and that fresh processes show no slower than is allowed, asks for nothing."""
    suspect, looked_faster, calm = (
        change(RegressionVerdict.UNDECIDED, ratio=ratio, runs=runs) for ratio, runs in ((1.08, 3), (1.01, 3), (1.01, 0))
    )
    found = RunResult(measurements=[measurement(one) for one in (suspect, looked_faster, calm)])
    assert (
        changes_text(found, "main")
        == "against main: 1 undecided, 2 unsuspicious (a slowdown by up to 15.1 % may be hidden)"
    )


def test_unsuspicious_numbers_within_their_limits_have_no_interval() -> None:
    """A reader of a busy machine's report sees how large a slowdown may be that nothing shows."""
    inside, beyond = (change(RegressionVerdict.UNDECIDED, ratio=1.01, runs=0, upper=upper) for upper in (1.04, 1.32))
    found = [
        changes_text(RunResult(measurements=[measurement(*ones)]), "main") for ones in ([inside], [inside, beyond])
    ]
    assert found == [
        "against main: 1 unsuspicious",
        "against main: 2 unsuspicious (a slowdown by up to 32 % may be hidden)",
    ]


def test_a_session_that_compared_nothing_says_so() -> None:
    """It is green, if --perf-strict does not make it red."""
    unmeasured = RegressionResult("time", RegressionVerdict.UNMEASURED, reason="why")
    assert (
        changes_text(RunResult(measurements=[measurement(unmeasured)]), "the baseline")
        == "against the baseline: nothing was compared (1 unmeasured)"
    )


@pytest.mark.parametrize(
    ("caps", "text"),
    [
        ({}, "health 100 of 100: api 100, db 100"),
        (
            {"has_drifted": True},
            "health 59 of 100: api 100, db 100; at most 59, because a number drifted above max_drift",
        ),
        (
            {"is_whole": False},
            "health 89 of 100: api 100, db 100; at most 89, because the session ended early or failed for other reasons",
        ),
    ],
)
def test_the_line_about_health_says_what_caps_it(caps: dict[str, bool], text: str) -> None:
    """Otherwise a score of 59 stands above components with 100 each."""
    within = budget(BudgetVerdict.WITHIN, estimate=1e6)
    found = session_health([measurement(within, component=name) for name in ("api", "db")], **caps)
    assert found is not None
    assert health_text(found) == text


def test_a_component_below_60_shows_itself_why_the_whole_is() -> None:
    found = session_health([measurement(budget(), component="db")], is_whole=False, has_drifted=True)
    assert found is not None
    assert health_text(found) == "health 50 of 100: db 50"


def test_progress_of_a_measurement() -> None:
    assert progress_text(1200, 1_240_000_000, 5_000_000_000) == "perf: 1,200 rounds, 1.2 of 5 s"


def test_progress_of_a_load() -> None:
    text = load_progress_text(1_200, 0, 10, p95_ns=4_512_000, spent_s=12.1, duration_s=30)
    assert text == "perf: 1,200 requests, 99/s, p95 4.51 ms, 10 users, 12 of 30 s"
    text = load_progress_text(0, 0, 1, p95_ns=0, spent_s=0, duration_s=0)
    assert text == "perf: 0 requests, 0/s, p95 0 ns, 1 user, 0 s"
    text = load_progress_text(50, 1, 500, p95_ns=1_234_500_000, spent_s=1, duration_s=0)
    assert text == "perf: 50 requests, 50/s, p95 1.23 s, 1 error, 500 users, 1 s"


def test_progress_of_a_warm_up() -> None:
    assert load_progress_text(0, 0, 3, p95_ns=0, spent_s=-2.4, duration_s=30) == (
        "perf: 3 users, the load begins in 2 s"
    )


def test_progress_of_an_update() -> None:
    assert update_progress_text(3, 10, 5, 20, 95) == "perf: process 3 of 10 [#####...............] 2 min left"
    assert update_log_text(5, 5, 10, 80) == "perf: 5 tests measured for the baseline in process 1 of 10, 80 s left"
    assert update_log_text(17, 5, 10, 20) == "perf: 2 tests measured for the baseline in process 4 of 10, 20 s left"
