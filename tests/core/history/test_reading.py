"""The reading of a trend: its state, its forecast, and the circumstances that are no change of the code."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from pytest_perfbudget.core.drift import Drift, DriftVerdict
from pytest_perfbudget.core.forecast import crossing
from pytest_perfbudget.core.history.creep import Creep
from pytest_perfbudget.core.history.reading import Reading, TrendState, read_trend
from pytest_perfbudget.core.history.trend import SeriesKey, Trend, TrendPoint
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.report.history import Page, history_list, history_text

DAY_S = 86_400.0


def reading(
    levels: list[float],
    direction: Direction = Direction.LOWER,
    every_s: float = DAY_S,
    creep: Creep | None = None,
    **changed: Any,
) -> Reading:
    """Return the reading of a trend with noise of 1 %; a list in `changed` has a value for each point."""
    chosen = random.Random(7)
    given: dict[str, Any] = {
        "commit": "c", "branch": "main", "is_dirty": False, "machine": "m", "python": "3.11", "lock": "l",
        "std_error": None, "lower": None, "upper": None, "verdict": "",
    }  # fmt: skip
    points = [
        TrendPoint(
            at_s=day * every_s,
            value=level * math.exp(chosen.gauss(0, 0.01)) if level else 0.0,
            **{**given, **{name: one[day] if isinstance(one, list) else one for name, one in changed.items()}},
        )
        for day, level in enumerate(levels)
    ]
    return read_trend(Trend(SeriesKey("t", "", "median"), "", "ns", direction, points), creep)


PAGE = Page(80, unicode=True)
STEP = [100.0] * 15 + [110.0] * 15
RISE = [100 * 1.01**day for day in range(30)]


@pytest.mark.parametrize(
    ("levels", "direction", "state"),
    [
        (STEP, Direction.LOWER, TrendState.WORSE),
        (STEP, Direction.HIGHER, TrendState.BETTER),
        (STEP[::-1], Direction.LOWER, TrendState.BETTER),
        (RISE, Direction.LOWER, TrendState.WORSENING),
        (RISE, Direction.HIGHER, TrendState.IMPROVING),
        ([100.0] * 29 + [130.0], Direction.LOWER, TrendState.CANDIDATE),
        ([100.0] * 30, Direction.LOWER, TrendState.STEADY),
        ([100.0] * 4, Direction.LOWER, TrendState.UNJUDGED),
        ([0.0] * 30, Direction.LOWER, TrendState.STEADY),
        ([0.0] * 29 + [5.0], Direction.LOWER, TrendState.UNJUDGED),
    ],
)
def test_the_state_is_that_of_the_last_change(levels: list[float], direction: Direction, state: TrendState) -> None:
    assert reading(levels, direction).state is state


def test_the_step_of_another_machine_is_no_change() -> None:
    assert reading(STEP, machine=["old"] * 15 + ["new"] * 15).state is TrendState.STEADY


@pytest.mark.parametrize(("before", "state"), [(False, TrendState.STEADY), (True, TrendState.WORSE)])
def test_the_step_of_another_timing_is_no_change(before: bool, state: TrendState) -> None:
    """Readings of the weather between the rounds, as a baseline needs them, leave the caches colder."""
    found = reading(STEP, canaries=[before] * 15 + [True] * 15)
    assert found.state is state
    assert ("| 1970-01-16 another timing, no change of the code:" in history_text([found], PAGE)) is not before


def test_a_creep_in_much_noise_is_perhaps_a_trend_without_a_forecast() -> None:
    """12 sessions of a number that grows by 24 % in all: the interval of the slope is clear of zero."""
    chosen = random.Random(0)
    crept = [100 * 1.24 ** (day / 11) * math.exp(chosen.gauss(0, 0.05)) for day in range(12)]
    found = reading(crept, limit=130.0)
    assert (found.state, found.changes, found.crossing) == (TrendState.PERHAPS_MOVING, (), None)
    assert found.growth is not None
    assert crossing(found.growth, 130.0) is not None  # were the growth a trend, it would cross the limit
    assert (found.growth.is_sure, found.growth.lower > 0) == (False, True)
    listed = history_list([found], PAGE)
    assert listed.startswith(
        "1 measurement from 1970-01-01 to 1970-01-12, none moved\n\nNo change found, but perhaps a"
    )
    assert ", perhaps +" in listed
    shown = history_text([found], PAGE)
    assert "\n  perhaps +" in shown
    assert shown.endswith("\n      too unsure for a forecast: further sessions tell\n")
    assert reading([100 * math.exp(chosen.gauss(0, 0.04)) for _ in range(12)]).state is TrendState.STEADY


def test_a_lock_that_is_not_known_is_that_of_the_point_before() -> None:
    locks = ["l", ""] * 15
    found = reading(STEP, lock=locks)
    assert found.trend.markers == []
    assert [one.index for one in found.changes] == [15]
    assert reading(STEP, lock=["", *["l"] * 14, "", *["k"] * 14]).trend.markers[0].index == 16


def test_a_rise_crosses_its_limit_and_a_level_has_no_forecast() -> None:
    found = reading(RISE, limit=150.0)
    assert found.crossing is not None
    assert found.crossing.at / DAY_S == pytest.approx(math.log(1.5) / math.log(1.01), abs=2)
    assert found.crossing.earliest < found.crossing.at < found.crossing.latest
    assert reading(RISE).crossing is None
    assert reading([100.0] * 30, limit=150.0).crossing is None


def test_an_exact_count_that_creeps_gets_worse_bit_by_bit_and_crosses_its_limit() -> None:
    points = [replace(one, value=1000.0 + 12 * day) for day, one in enumerate(reading(RISE, limit=1400.0).trend.points)]
    found = read_trend(Trend(SeriesKey("t", "", "calls"), "", "calls", Direction.LOWER, points))
    assert found.state is TrendState.WORSENING
    assert found.crossing is not None
    assert found.crossing.at / DAY_S == pytest.approx(400 / 12)


def test_the_limit_is_that_of_the_last_budget() -> None:
    assert reading([100.0] * 6, limit=[200.0, 180.0, None, 150.0, None, None]).limit == 150.0


@pytest.mark.parametrize("count", range(6, 12))
def test_a_steady_growth_of_a_few_sessions_gets_worse(count: int) -> None:
    found = reading([100 * 1.1**day for day in range(count)])
    assert (found.state, found.changes) == (TrendState.WORSENING, ())
    assert reading([100.0] * count).state is TrendState.STEADY


def test_a_growth_since_a_bend_has_the_rate_since_the_bend() -> None:
    found = reading([100.0] * 20 + [100 * 1.05**day for day in range(14)], std_error=0.01)
    assert (found.state, found.changes) == (TrendState.WORSENING, ())
    assert found.growth is not None
    assert found.growth.rate == pytest.approx(math.log(1.05), rel=0.02)
    level = reading([100 * 1.05**day for day in range(14)] + [100 * 1.05**13] * 20, std_error=0.01)
    assert (level.state, level.growth) == (TrendState.STEADY, None)


@pytest.mark.parametrize("top", [180.0, 300.0, 900.0])
@pytest.mark.parametrize("noise", [0.0, 0.003, 0.01])
def test_a_number_that_grows_by_the_same_amount_after_a_steady_time_gets_worse(top: float, noise: float) -> None:
    chosen = random.Random(1)
    line = [100.0] * 30 + [100 + (top - 100) * day / 40 for day in range(1, 41)]
    found = reading([one * math.exp(chosen.gauss(0, noise)) for one in line])
    assert (found.state, found.changes) == (TrendState.WORSENING, ())


def test_a_growth_that_ends_again_is_never_better() -> None:
    """Two bends are no line with a bend, so there are steps, and all of them lie along the growth."""
    line = [100.0] * 20 + [100 * 1.02**day for day in range(40)] + [100 * 1.02**40] * 20
    assert reading(line).state is TrendState.WORSE


def test_what_gets_worse_is_told_before_an_improvement() -> None:
    found = reading([100 * 1.02**day for day in range(30)] + [80 * 1.02**day for day in range(30, 60)])
    assert [one.index for one in found.changes] == [30]
    assert found.state is TrendState.WORSENING
    found = reading([100.0] * 20 + [80.0] * 19 + [160.0])
    assert (found.changes[-1].ratio < 1, found.state) == (True, TrendState.CANDIDATE)


def test_a_last_session_after_a_fix_is_no_longer_worse() -> None:
    """The session may be an outlier, and the fix: the next sessions tell."""
    slow = [100.0] * 20 + [160.0] * 15
    assert reading(slow).state is TrendState.WORSE
    fixed = reading([*slow, 100.0])
    assert fixed.state is TrendState.CANDIDATE
    assert reading([*slow, 100.0, 100.0]).state is TrendState.BETTER
    assert reading([*slow, 250.0]).state is TrendState.WORSE
    faster = [100.0] * 20 + [60.0] * 15
    assert reading([*faster, 100.0], Direction.HIGHER).state is TrendState.CANDIDATE


@pytest.mark.parametrize(
    ("levels", "state", "said"),
    [
        ([100.0] * 20 + [160.0] * 15 + [100.0], TrendState.CANDIDATE, "-37 % at c, after +60 % since c"),
        ([100.0] * 20 + [60.0] * 15 + [100.0], TrendState.CANDIDATE, "+67 % at c, after -40 % since c"),
        ([100.0] * 20 + [160.0] * 15, TrendState.WORSE, "+60 % since c"),
        ([100.0] * 29 + [130.0], TrendState.CANDIDATE, "+32 % at c"),
        (
            [100 * 1.02**day for day in range(30)] + [80 * 1.02**day for day in range(30, 60)],
            TrendState.WORSENING,
            "+2.0 % a day",
        ),
    ],
)
def test_the_list_tells_what_the_state_is_from(levels: list[float], state: TrendState, said: str) -> None:
    found = reading(levels)
    assert found.state is state
    assert history_list([found], Page(120, unicode=True)).endswith(f"{said}\n")


def test_newest_points_that_are_all_uncertain_judge_nothing() -> None:
    assert reading([100.0] * 20 + [200.0] * 20, std_error=[0.01] * 20 + [0.2] * 20).state is TrendState.UNJUDGED
    assert reading([100.0] * 20 + [200.0] * 20, std_error=[0.01] * 20 + [0.1] * 20).state is TrendState.WORSE


def test_uncertain_sessions_show_no_growth() -> None:
    """The last third ran on a busy machine: its numbers rise, and their errors say that this means nothing."""
    rising = [100.0] * 20 + [100 * 1.05**day for day in range(10)]
    certain, uncertain = reading(rising, std_error=0.01), reading(rising, std_error=[0.01] * 20 + [0.5] * 10)
    assert (certain.state, certain.changes) == (TrendState.WORSENING, ())
    assert (uncertain.state, uncertain.growth) == (TrendState.UNJUDGED, None)
    assert uncertain.to_dict()["left_out"] == list(range(20, 30))


def test_a_trend_of_uncertain_sessions_is_unjudged() -> None:
    assert reading([100.0] * 12, std_error=[0.01] * 4 + [0.5] * 8).state is TrendState.UNJUDGED


@pytest.mark.parametrize(
    ("every_s", "said"),
    [(DAY_S, "trend +1.0 % a day"), (1800.0, "trend +2.0 % an hour"), (60.0, "trend +1.0 % a minute")],
)
def test_a_growth_is_given_for_a_period_that_the_sessions_span(every_s: float, said: str) -> None:
    assert said in history_text([reading(RISE, every_s=every_s)], Page(80, unicode=True))


def test_a_drift_above_its_limit_outranks_a_last_point_that_may_be_an_outlier() -> None:
    creep = Creep(Drift(DriftVerdict.EXCEEDED, 1.12, 1.09, 1.15, 0.05, 0.05, 1e-6), 100.0, 112.0, 8, 1, 20)
    levels = [100.0] * 29 + [130.0]
    assert reading(levels, creep=creep).state is TrendState.WORSENING
    within = replace(creep, drift=replace(creep.drift, verdict=DriftVerdict.WITHIN))
    assert reading(levels, creep=within).state is TrendState.CANDIDATE
