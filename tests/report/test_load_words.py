"""What failure texts and notes say of loads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from results import budget, change, measurement
from texts import failure, notes

from pytest_perfbudget.core.kinds import CALL, LOAD
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionVerdict


class TestUndecidedLoads:
    """What the report says of a load that was too short."""

    @pytest.mark.parametrize(
        ("changed", "text"),
        [
            (
                {"metric": "error_rate", "keyword": "max_error_rate", "unit": "%", "limit": 1.0, "needs_rounds": 597},
                "error_rate needs at least 597 requests without an error for max_error_rate=0.01, had 200: "
                "make the load at least 3 times as long",
            ),
            (
                {"metric": "error_rate", "keyword": "max_error_rate", "unit": "%", "limit": 3.0, "needs_rounds": 197},
                "error_rate: 200 requests are too few to be sure: make the load longer",
            ),
            (
                {"needs_rounds": 300},
                "p95 needs 300 requests, had 200: make the load at least 1.5 times as long",
            ),
            (
                {"effective": 12.3, "needs_rounds": 60},
                "p95 needs 60 independent requests, had 200 requests, which say as much as 12 independent requests: "
                "make the load at least 4.9 times as long",
            ),
            (
                {"effective": 90.0, "needs_rounds": 60},
                "p95: 200 requests, which say as much as 90 independent requests, are too few to be sure: "
                "make the load longer",
            ),
            (
                {"effective": 230.0, "needs_rounds": 60},
                "p95: 200 requests are too few to be sure: make the load longer",
            ),
        ],
    )
    def test_the_report_says_how_many_requests_are_missing(self, changed: dict[str, Any], text: str) -> None:
        given: dict[str, Any] = {"rounds": 200, "effective": 200.0, "lower": None, "upper": None, **changed}
        found = notes(measurement(budget(BudgetVerdict.UNDECIDED, **given), kind=LOAD))
        assert found == [f"undecided: tests/test_api.py::test_login: {text}"]

    def test_a_load_that_its_errors_ended_early_would_end_as_early_if_it_were_longer(self) -> None:
        load = LoadFacts("10 users", ended_early="error_rate exceeds its limit by far")
        given: dict[str, Any] = {"rounds": 52, "effective": 52.0, "lower": None, "upper": None, "needs_rounds": 60}
        assert notes(measurement(budget(BudgetVerdict.UNDECIDED, **given), kind=LOAD, load=load)) == [
            "undecided: tests/test_api.py::test_login: p95 needs 60 requests, had 52: "
            "the load ended early, because error_rate exceeds its limit by far"
        ]

    @pytest.mark.parametrize(
        ("used", "says"),
        [
            (1.52, ", 1.52 times as many as allowed, which may be chance"),
            (0.7, "; this load does not tell how often that happens"),
        ],
    )
    def test_requests_that_failed_are_said_even_if_the_limit_is_undecided(self, used: float, says: str) -> None:
        """Failures that come together are a single event, whose frequency one load does not tell."""
        errors = [ErrorGroup("TimeoutError", "no answer", 0, 1, count=30), ErrorGroup("OSError", "", 0, 1, count=2)]
        share = budget(
            BudgetVerdict.UNDECIDED, metric="error_rate", keyword="max_error_rate", unit="%", limit=1.0, estimate=used,
            rounds=200, lower=None, upper=None,
        )  # fmt: skip
        assert notes(measurement(share, kind=LOAD, errors=errors)) == [
            "undecided: tests/test_api.py::test_login: error_rate: 32 of 200 requests failed (30 x TimeoutError, "
            f"2 x OSError){says}: make the load longer"
        ]


class TestExceededLoads:
    """What the failure text says of a load that is too slow."""

    ERRORS = (ErrorGroup("OSError", "refused", 5_000_000, 9_000_000_000, count=70),)

    @pytest.mark.parametrize(
        ("metric", "keyword", "estimate", "limit", "direction"),
        [
            ("error_rate", "max_error_rate", 7.0, 1.0, Direction.LOWER),
            ("success_rate", "min_success_rate", 93.0, 99.0, Direction.HIGHER),
        ],
    )
    def test_too_many_errors_are_counted_and_not_estimated(
        self, metric: str, keyword: str, estimate: float, limit: float, direction: Direction
    ) -> None:
        share = budget(
            metric=metric, keyword=keyword, unit="%", estimate=estimate, limit=limit, direction=direction, rounds=1_000
        )
        text = "\n".join(failure(measurement(share, kind=LOAD, errors=self.ERRORS)))
        assert (
            "  70 errors: a service at the limit has so many by chance in at most 1 % of its loads; 1,000 req" in text
        )

    def test_connections_of_a_pool_that_were_all_in_use_are_named(self) -> None:
        share = budget(metric="error_rate", keyword="max_error_rate", unit="%", estimate=7.0, limit=1.0, rounds=1_000)
        pool = (ErrorGroup("PoolTimeout", "", 5_000_000, 9_000_000_000, count=70),)
        hint = "    all connections of the pool were in use: allow it more of them, or the service is too slow for this load"
        lines = failure(measurement(share, kind=LOAD, errors=pool))
        assert lines[lines.index(hint) - 1] == "  70 x PoolTimeout (the first at 5 ms, the last at 9 s)"
        assert hint not in failure(measurement(share, kind=LOAD, errors=self.ERRORS))

    def test_the_slowest_step_of_a_request_comes_first(self) -> None:
        steps = {"login": {"p95": 3e6}, "order": {"p95": 41e6}, "pay": {"max": 1e6}}
        slow = measurement(budget(), kind=LOAD, load=LoadFacts("10 users", steps=steps))
        assert "  p95 of the steps of a request: order 41 ms, login 3 ms" in failure(slow)
        many = {f"step {number}": {"p95": number * 1e6} for number in range(1, 9)}
        text = "\n".join(failure(replace(slow, load=LoadFacts("10 users", steps=many))))
        assert "step 8 8 ms" in text
        assert "step 4 4 ms, and 3 more" in text
        assert "steps" not in "\n".join(failure(replace(slow, load=LoadFacts("10 users"))))

    def test_a_rate_that_is_too_low_has_the_errors_unless_they_are_said_elsewhere(self) -> None:
        rate = budget(metric="rps", keyword="min_rps", unit="rps", direction=Direction.HIGHER, needs_rounds=None)
        low = measurement(rate, kind=LOAD, errors=self.ERRORS)
        assert "  70 x OSError: refused (the first at 5 ms, the last at 9 s)" in failure(low)
        share = budget(metric="error_rate", keyword="max_error_rate", unit="%", needs_rounds=None)
        assert "\n".join(failure(replace(low, budgets=[rate, share]))).count("OSError") == 1


class TestUndecidedComparisonsOfLoads:
    """The user decides how long a load is, so the report says that it was too short."""

    def test_a_load_that_does_not_tell_is_a_note_with_the_remedy(self) -> None:
        short = change(RegressionVerdict.UNDECIDED, ratio=1.02, lower=0.93, upper=1.12, runs=0)
        assert notes(measurement(short, kind=LOAD)) == [
            "undecided: tests/test_api.py::test_login: +2.0 % (95 % interval -7.0 % .. +12.0 %) does not tell whether the "
            "limit of 5 % holds: make the load longer, by requests= or duration="
        ]
        assert notes(measurement(short, kind=CALL)) == []

    def test_a_load_whose_limit_holds_needs_no_note_though_it_may_be_faster(self) -> None:
        faster = change(RegressionVerdict.UNDECIDED, ratio=0.8, lower=0.63, upper=1.006, runs=0)
        assert notes(measurement(faster, kind=LOAD)) == []
        assert len(notes(measurement(replace(faster, upper=1.06), kind=LOAD))) == 1

    def test_a_suspect_that_stays_open_has_the_remedy_too(self) -> None:
        (note,) = notes(measurement(change(RegressionVerdict.UNDECIDED), kind=LOAD))
        assert note.endswith("; make the load longer, by requests= or duration=")
        (other,) = notes(measurement(change(RegressionVerdict.UNDECIDED), kind=CALL))
        assert "load" not in other

    def test_a_load_that_is_unchanged_needs_no_note(self) -> None:
        same = change(RegressionVerdict.UNCHANGED, ratio=1.0, lower=0.98, upper=1.02, runs=0)
        assert notes(measurement(same, kind=LOAD)) == []


def test_a_reason_that_holds_for_several_limits_is_said_once() -> None:
    def unmeasured(metric: str, reason: str) -> BudgetResult:
        return budget(BudgetVerdict.UNMEASURED, metric=metric, reason=reason, estimate=None)

    late = [unmeasured(one, "the generator was late: it paused") for one in ("p95", "rps", "error_rate")]
    one = measurement(*late, unmeasured("rss", "the process ended"), kind=LOAD)
    assert notes(one) == [
        "unmeasured: tests/test_api.py::test_login: p95, rps, error_rate: the generator was late: it paused",
        "unmeasured: tests/test_api.py::test_login: rss: the process ended",
    ]
    twice = measurement(late[0], late[0], kind=LOAD)
    assert notes(twice) == ["unmeasured: tests/test_api.py::test_login: p95: the generator was late: it paused"]
    other = measurement(late[0], kind=LOAD, nodeid="a.py::test")
    assert "unmeasured: a.py::test: p95: the generator was late: it paused" in notes(one, other)
