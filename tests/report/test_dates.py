"""Dates of sessions: the time of day stands where several sessions are of one day."""

from __future__ import annotations

from pytest_perfbudget.report.dates import Dates

HOUR_S, DAY_S = 3_600.0, 86_400.0
START_S = 1_790_000_000.0  # 21 September 2026, 14:13 UTC


def test_sessions_of_different_days_have_dates_only() -> None:
    dates = Dates([START_S, START_S + DAY_S])
    assert dates.of(START_S) == "2026-09-21"
    assert dates.span(" to ") == "2026-09-21 to 2026-09-22"


def test_sessions_of_one_day_have_the_time_as_well() -> None:
    dates = Dates([START_S, START_S + HOUR_S, START_S + DAY_S])
    assert dates.of(START_S + HOUR_S) == "2026-09-21 15:13 UTC"
    assert dates.of(START_S + DAY_S) == "2026-09-22"
    assert Dates([START_S, START_S + HOUR_S]).span(" to ") == "2026-09-21 14:13 to 15:13 UTC"


def test_a_session_with_several_numbers_is_one_session() -> None:
    assert Dates([START_S, START_S]).of(START_S) == "2026-09-21"


def test_sessions_of_a_single_minute_name_the_moment_once() -> None:
    assert Dates([START_S, START_S + 20]).span(" to ") == "2026-09-21 14:13 UTC"
    assert Dates([START_S, START_S + 60]).span(" to ") == "2026-09-21 14:13 to 14:14 UTC"
