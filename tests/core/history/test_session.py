"""A session in short: the points of a result, and the form in which sessions travel."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from full_result import FULL
from histories import point, session
from hypothesis import given
from hypothesis import strategies as st
from results import MS, budget, change, measurement

from pytest_perfbudget.core.history.session import Circumstances, HistoryPoint, HistorySession, history_session
from pytest_perfbudget.core.kept_blocks import KeptBlocks
from pytest_perfbudget.core.kinds import BENCHMARK, BODY, LOAD, TIMER, MeasurementKind
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.weather import BlockTime

HERE = Circumstances("1", 0.0)
BLOCKS = KeptBlocks.of([BlockTime(MS, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))])


def points(*measurements: Measurement) -> dict[str, HistoryPoint]:
    return {one.metric: one for one in history_session(RunResult(measurements=measurements), HERE).points}


class TestPoints:
    """Which numbers of a measurement the history keeps."""

    def test_a_budgets_estimate_has_its_bounds_and_its_verdict(self) -> None:
        judged = budget(BudgetVerdict.EXCEEDED, estimate=5.0, lower=4.0, upper=None)
        kept = points(measurement(judged, statistics={"p95": 5.0}))["p95"]
        assert (kept.value, kept.lower, kept.upper, kept.verdict) == (5.0, 4.0, None, "exceeded")

    @pytest.mark.parametrize("verdict", [BudgetVerdict.WITHIN, BudgetVerdict.EXCEEDED])
    @pytest.mark.parametrize("metric", ["median", "p95"])
    def test_a_limited_number_is_that_of_all_rounds(self, metric: str, verdict: BudgetVerdict) -> None:
        """The verdict rests on the first rounds; their number would be a change point that no commit has made."""
        judged = budget(verdict, metric=metric, estimate=3 * MS, lower=2.9 * MS, upper=9 * MS, rounds=6)
        times = RoundTimes.of([MS + 10 * (number * 37 % 101) for number in range(2000)])
        limited = points(measurement(judged, statistics={metric: MS}, times=times))[metric]
        unlimited = points(measurement(statistics={metric: MS}, times=times))[metric]
        assert (limited.value, limited.std_error) == (unlimited.value, unlimited.std_error) == (MS, limited.std_error)
        assert (limited.lower, limited.upper, limited.limit, limited.verdict) == (
            None, None, judged.limit, verdict.value,
        )  # fmt: skip

    def test_a_limit_on_cpu_time_has_the_number_of_all_rounds_too(self) -> None:
        judged = budget(BudgetVerdict.WITHIN, metric="cpu_p95", estimate=3 * MS)
        assert points(measurement(judged, statistics={"cpu_p95": MS}))["cpu_p95"].value == MS

    def test_a_limit_on_a_load_counts_failed_requests_which_its_statistics_do_not(self) -> None:
        judged = budget(BudgetVerdict.EXCEEDED, estimate=61 * MS)
        assert points(measurement(judged, kind=LOAD, statistics={"p95": MS}))["p95"].value == 61 * MS

    def test_a_number_without_waits_does_not_keep_the_bounds_of_the_number_with_waits(self) -> None:
        """The budget's bounds are 3 and 9 ms, and without waits the p95 is 1 ms: a value outside of its interval."""
        judged = budget(BudgetVerdict.WITHIN, estimate=4 * MS, lower=3 * MS, upper=9 * MS)
        times = RoundTimes.of([MS] * 60)
        made = measurement(judged, statistics={"p95": 4 * MS}, without_waits={"p95": MS}, times=times)
        kept = points(made)["p95"]
        assert (kept.value, kept.lower, kept.upper, kept.limit) == (MS, None, None, judged.limit)
        calm = points(measurement(judged, statistics={"p95": 4 * MS}, without_waits={"p95": 4 * MS}, times=times))[
            "p95"
        ]
        assert (calm.value, calm.lower, calm.upper) == (4 * MS, 3 * MS, 9 * MS)

    def test_a_time_against_the_baseline_is_corrected_and_has_its_error(self) -> None:
        compared = change(RegressionVerdict.UNCHANGED, after=3 * MS, log_std_error=0.02)
        kept = points(measurement(compared))["time"]
        assert (kept.value, kept.std_error, kept.verdict) == (3 * MS, 0.02, "unchanged")

    def test_a_time_beside_another_commit_is_no_point_of_a_trend(self) -> None:
        assert "time" not in points(measurement(change(after=3 * MS, against="origin/main")))

    def test_a_count_beside_another_commit_is_one(self) -> None:
        counted = change(metric="calls", unit="calls", before=100, after=120, against="origin/main")
        assert points(measurement(counted))["calls"].value == 120

    def test_the_median_has_the_error_of_its_rounds(self) -> None:
        times_ns = [1000.0 + 10 * (number * 37 % 101) for number in range(200)]
        kept = points(measurement(statistics={"median": 1500.0, "max": 9.0}, times=RoundTimes.of(times_ns)))
        assert 0.001 < (kept["median"].std_error or 0) < 0.05
        assert "max" not in kept

    def test_a_measurement_without_numbers_has_no_point(self) -> None:
        assert points(measurement(budget(BudgetVerdict.UNMEASURED, estimate=None), statistics={})) == {}

    @pytest.mark.parametrize(
        ("kind", "blocks", "expected"),
        [
            (BODY, None, False),
            (BODY, BLOCKS, True),
            (TIMER, BLOCKS, True),
            (BENCHMARK, BLOCKS, None),
            (LOAD, None, None),
        ],
    )
    def test_a_time_says_how_its_rounds_were_timed_and_a_count_does_not(
        self, kind: MeasurementKind, blocks: KeptBlocks | None, *, expected: bool | None
    ) -> None:
        """pytest-benchmark times its rounds itself, and a comparison times others beside these."""
        counted = change(metric="calls", unit="calls", before=100, after=120)
        found = points(measurement(counted, kind=kind, blocks=blocks, statistics={"median": MS}))
        assert (found["median"].canaries, found["calls"].canaries) == (expected, None)

    def test_a_number_that_is_not_finite_is_left_out(self) -> None:
        assert points(measurement(statistics={"median": math.inf})) == {}

    def test_every_kind_of_measurement_becomes_points_that_travel(self) -> None:
        made = history_session(FULL, HERE)
        assert {one.metric for one in made.points} >= {"p95", "median", "time", "calls", "ratio", "rps", "error_rate"}
        keys = [(one.test, one.name, one.metric) for one in made.points]
        assert len(set(keys)) == len(keys)
        assert HistorySession.from_dict(json.loads(json.dumps(made.to_dict()))) == made


NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.builds(
    point, st.floats(allow_nan=False, allow_infinity=False), test=st.text(), name=st.text(), std_error=NUMBERS,
    lower=NUMBERS, upper=NUMBERS, direction=st.sampled_from(Direction), verdict=st.text(), canaries=st.none() | st.booleans(),
)  # fmt: skip


class TestTravel:
    """The form in which a session goes through JSON."""

    @given(made=st.builds(session, points=st.lists(POINTS, max_size=3), branch=st.text(), is_dirty=st.booleans()))
    def test_a_session_survives_json(self, made: HistorySession) -> None:
        assert HistorySession.from_dict(json.loads(json.dumps(made.to_dict()))) == made

    def test_a_session_of_version_1_has_the_timing_that_its_numbers_show(self) -> None:
        """Version 1 does not say that the rounds were timed between canaries, as a time against a baseline needs them."""
        made = session(points=[point(), point(metric="time"), point(name="new"), point(metric="calls", unit="calls")])
        rows = [row[:-1] for row in made.to_dict()["points"]]
        found = HistorySession.from_dict({**made.to_dict(), "version": 1, "points": rows})
        assert [one.canaries for one in found.points] == [True, True, False, None]
        assert [replace(one, canaries=None) for one in found.points] == made.points

    def test_a_whole_number_is_a_number_that_sqlite_keeps(self) -> None:
        found = HistorySession.from_dict({**session().to_dict(), "at_s": 10**30})
        assert isinstance(found.circumstances.at_s, float)

    @pytest.mark.parametrize(
        "damage",
        [
            {"version": 3}, {"id": 5}, {"at_s": None}, {"at_s": 10**400}, {"at_s": math.nan}, {"is_dirty": 1}, {"points": [[1, 2]]},
            {"points": None}, {"points": [["t", "", "", "p95", "ns", "sideways", 1.0, None, None, None, ""]]},
        ],
        ids=str,
    )  # fmt: skip
    def test_a_damaged_session_is_refused(self, damage: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"version must|damaged|sideways"):
            HistorySession.from_dict({**session().to_dict(), **damage})

    @given(
        data=st.recursive(
            st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
        )
    )
    def test_what_is_no_session_is_refused(self, data: object) -> None:
        with pytest.raises(ValueError, match=r"version must be one of \(1, 2\)"):
            HistorySession.from_dict(data)
