"""The data of charts: points, lines, ticks and bars."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import pytest
from html_session import moved, order_load, p95, timed, two_sides
from hypothesis import given
from hypothesis import strategies as st
from results import MS, budget, change

from pytest_perfbudget.core.calm_quantiles import SHARES, CalmQuantiles
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.side_times import SideTimes
from pytest_perfbudget.report.formats.html.charts import (
    HEIGHT,
    bar,
    change_ticks,
    course,
    distribution,
    forest,
    time_lines,
    time_ticks,
)
from pytest_perfbudget.report.formats.html.links import link_to
from pytest_perfbudget.report.formats.html.sides_chart import sides_chart

WITHIN = BudgetVerdict.WITHIN


class TestTicks:
    @pytest.mark.parametrize(
        ("low", "high", "labels"),
        [
            (1e6, 1e8, ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms", "100 ms"][::3]),
            (0.9e6, 60e6, ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms"]),
            (9e6, 15e6, ["10 ms", "12 ms", "14 ms"]),
            (100.0, 101.0, ["100 ns", "101 ns"]),
            (10.0, 1e9, ["10 ns", "100 ns", "1 us", "10 us", "100 us", "1 ms", "10 ms", "100 ms", "1 s"]),
        ],
    )
    def test_they_are_round_numbers(self, low: float, high: float, labels: list[str]) -> None:
        assert [label for _, label in time_ticks(low, high)] == labels

    @given(st.floats(0.1, 1e10), st.floats(1.2, 1e4))
    def test_they_rise_within_the_range_and_leave_room(self, low: float, factor: float) -> None:
        ticks = [value for value, _ in time_ticks(low, low * factor)]
        assert 1 <= len(ticks) <= 8
        assert all(one < other for one, other in pairwise(ticks))
        assert all(low * 0.999 <= one <= low * factor * 1.001 for one in ticks)

    def test_a_change_has_the_words_of_the_reports(self) -> None:
        labels = dict(change_ticks())
        assert (labels[1], labels[1.05], labels[0.5], labels[2]) == ("no change", "+5.0 %", "-50 %", "2.0x")


class TestDistribution:
    def test_it_has_the_quantiles_of_the_rounds_and_the_limits_with_their_sources(self) -> None:
        slower = moved(1.2, RegressionVerdict.REGRESSED)
        chart = distribution(timed("a.py::test", 10, p95(50, WITHIN, median_ms=10), slower))
        assert chart is not None
        assert chart["shares"] == [0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0]
        assert chart["note"] == "from 9 ms to 26 ms"
        limit, before = chart["lines"]
        assert (limit["label"], limit["share"], limit["source"]) == ("p95 limit 50 ms", 0.95, "perf_budget marker")
        assert (before["kind"], before["label"]) == ("before", "baseline 1.64 ms")
        assert 0 < before["at"] < chart["places"][0] < chart["places"][-1] < limit["at"] < HEIGHT

    def test_a_place_is_a_share_of_the_logarithmic_axis(self) -> None:
        times = RoundTimes.of([MS, 10 * MS, 10 * MS, 10 * MS, 100 * MS])
        chart = course(timed("a.py::test", 10, times=times))
        assert chart is not None
        low, middle, _, _, high = chart["places"]
        assert (low + high, middle) == (HEIGHT, HEIGHT / 2)
        assert [label for place, label in chart["ticks"] if place == middle] == ["10 ms"]

    def test_a_limit_on_a_span_is_no_line_among_the_rounds(self) -> None:
        one = timed("a.py::test", 10, p95(50, WITHIN, median_ms=10))
        both = replace(one, budgets=[*one.budgets, replace(one.budgets[0], span="db.query")])
        assert distribution(both) == distribution(one)

    def test_a_limit_on_cpu_time_is_no_line_among_wall_times(self) -> None:
        cpu = budget(WITHIN, metric="cpu_p95", keyword="cpu_p95_ms")
        chart = distribution(timed("a.py::test", 10, cpu))
        assert chart is not None
        assert chart["lines"] == []

    def test_a_load_has_the_distribution_of_its_requests(self) -> None:
        chart = distribution(order_load())
        assert chart is not None
        assert chart["source"] == "latency of 3,000 requests"
        assert 20 < len(chart["shares"]) == len(chart["places"]) <= 80

    def test_kept_rounds_have_their_whole_distribution(self) -> None:
        times = RoundTimes.of([number * MS for number in range(400, 0, -1)])
        chart = distribution(timed("a.py::test", 10, times=times))
        assert chart is not None
        assert (chart["source"], chart["note"]) == ("time of 720 rounds", "from 1 ms to 400 ms")
        assert chart["shares"] == sorted(chart["shares"])
        assert chart["places"] == sorted(chart["places"])
        assert chart["shares"][-1] == 1.0
        assert 0.995 < chart["shares"][-2] < 1
        assert 0.95 in chart["shares"]

    def test_means_of_several_calls_are_called_by_their_name(self) -> None:
        means = timed("a.py::test", 10, iterations=40, statistics={"mean": 10 * MS})
        assert distribution(means) is None
        chart = distribution(replace(means, times=RoundTimes.of([MS] * 9, 40)))
        assert chart is not None
        assert chart["source"] == "time of 720 rounds of 40 calls"

    def test_a_measurement_without_numbers_has_none(self) -> None:
        assert distribution(timed("a.py::test", 1, statistics={}, rounds=0)) is None
        assert course(timed("a.py::test", 1)) is None

    def test_the_course_keeps_the_slowest_of_neighbouring_rounds(self) -> None:
        times = RoundTimes.of([MS * (50 if number == 77 else 1) for number in range(200)])
        chart = course(timed("a.py::test", 1, times=times))
        assert chart is not None
        assert chart["source"] == "rounds in their order, the slowest of each 4"
        assert len(chart["places"]) == 50
        assert chart["places"].index(max(chart["places"])) == 77 // 4


class TestBothSides:
    def test_it_has_the_quantiles_of_both_sides_on_one_axis_and_the_limit_of_the_change(self) -> None:
        slower = moved(1.34, RegressionVerdict.REGRESSED, before=35 * MS, after=47 * MS)
        chart = sides_chart(timed("a.py::test", 47, slower, side_times=two_sides()))
        assert chart is not None
        assert chart["source"] == "300 rounds of head, 300 of baseline, measured alike"
        assert len(chart["shares"]) == len(chart["places"])
        assert len(chart["other_shares"]) == len(chart["others"])
        assert chart["places"][-1] > chart["others"][-1]
        (limit,) = chart["lines"]
        assert limit["label"] == "typical call + 5 %: 36.8 ms"
        assert chart["others"][0] < limit["at"] < chart["places"][-1]

    @pytest.mark.parametrize(
        ("other_side", "name"),
        [
            ({"against": "origin/main", "commit": "8c1d2e3", "in_pairs": True}, "origin/main (8c1d2e3)"),
            ({"against": "8c1d2e3f", "commit": "8c1d2e3", "in_pairs": True}, "8c1d2e3f"),
            ({"against": "origin/main", "commit": "", "in_pairs": True}, "origin/main"),
            ({"against": "", "commit": "8c1d2e3", "in_pairs": True}, "commit 8c1d2e3"),
            ({"against": "", "commit": "8c1d2e3", "in_pairs": False}, "baseline"),
        ],
    )
    def test_the_other_side_has_the_name_of_its_revision(self, other_side: dict[str, Any], name: str) -> None:
        slower = moved(1.34, RegressionVerdict.REGRESSED, before=35 * MS, after=47 * MS, **other_side)
        one = timed("a.py::test", 47, slower, side_times=two_sides())
        chart, lines = sides_chart(one), list(time_lines(one))
        assert chart is not None
        assert chart["names"] == ["head", name]
        assert f"300 of {name}," in chart["source"]
        assert f", of {name} " in chart["note"]
        assert [line["label"] for line in lines] == [f"{name} 35 ms"]

    def test_the_head_lies_over_the_quantiles_of_the_baseline(self) -> None:
        base = CalmQuantiles(4000, tuple(35 * MS * (1 + share / 10) for share in SHARES))
        sides = SideTimes.since_baseline(sorted(MS * (47 + at % 7) for at in range(80)), base, 1)
        slower = moved(1.34, RegressionVerdict.REGRESSED, before=36.75 * MS, after=47 * MS)
        chart = sides_chart(timed("a.py::test", 47, slower, side_times=sides))
        assert chart is not None
        assert chart["source"] == "80 rounds of head, 4,000 of baseline, both in calm weather"
        assert chart["other_shares"] == list(SHARES)
        assert len(chart["others"]) == len(SHARES)
        assert chart["note"] == "median 50 ms, of baseline 36.8 ms"
        assert chart["places"][0] > chart["others"][-1]

    def test_two_modes_of_a_side_are_named(self) -> None:
        chart = sides_chart(timed("a.py::test", 47, side_times=two_sides()))
        assert chart is not None
        head, base = chart["modes"]
        assert head == "head has two modes: 20% of the rounds take 3.1 times as long (110 ms, the others 35.8 ms)"
        assert base == ""

    def test_the_modes_of_the_own_rounds_are_named(self) -> None:
        times = RoundTimes.of([MS * (1 + number % 10 / 100) * (1 + number % 2) for number in range(100)])
        chart = distribution(timed("a.py::test", 1, times=times))
        assert chart is not None
        assert chart["modes"] == ["two modes: 50% of the rounds take 2.0 times as long (2.10 ms, the others 1.04 ms)"]

    def test_rounds_that_were_preempted_are_no_mode_of_the_code(self) -> None:
        waited = [4 * MS if at % 5 == 0 else 0 for at in range(100)]
        own = [MS * (1 + at % 10 / 100) for at in range(100)]
        seen = [sum(pair) for pair in zip(own, waited, strict=True)]
        share = "20% of the rounds (5.02 ms, the others 1.05 ms)"
        told = {"known": f"rounds that were preempted: other processes held the CPU during {share}"}
        told["not known"] = "two modes: 20% of the rounds take 4.8 times as long (5.02 ms, the others 1.05 ms)"
        for name, waits in (("known", waited), ("not known", [])):
            times = RoundTimes.of(seen, waited_ns=waits)
            chart = distribution(timed("a.py::test", 1, times=times))
            assert chart is not None
            assert chart["modes"] == [told[name]]
            assert times is not None
            sides = sides_chart(timed("a.py::test", 1, side_times=SideTimes.of([times], [times])))
            assert sides is not None
            assert sides["modes"][0] == f"head has {told[name]}"

    def test_modes_that_stay_without_the_waits_are_named(self) -> None:
        own = [MS * (1 + at % 10 / 100) * (1 + at % 2) for at in range(100)]
        waited = [MS * (at % 7 == 0) for at in range(100)]
        times = RoundTimes.of([sum(pair) for pair in zip(own, waited, strict=True)], waited_ns=waited)
        chart = distribution(timed("a.py::test", 1, times=times))
        assert chart is not None
        assert chart["modes"] == [
            "two modes: 50% of the rounds take 2.0 times as long (2.10 ms, the others 1.04 ms), "
            "without the time in which other processes held the CPU"
        ]

    def test_without_the_other_side_there_is_none(self) -> None:
        one = RoundTimes.of([1.0])
        assert one is not None
        assert sides_chart(timed("a.py::test", 1)) is None
        assert sides_chart(timed("a.py::test", 1, side_times=SideTimes.of([one], [one]))) is None


class TestBars:
    def test_a_bar_has_the_number_its_interval_and_the_limit(self) -> None:
        found = bar(budget(estimate=50.0, lower=40.0, upper=60.0, limit=100.0))
        assert found == {"at": 0.3, "low": 0.24, "high": 0.36, "limit": 0.6}

    def test_a_bar_of_a_least_rate_is_the_used_share_as_well(self) -> None:
        found = bar(budget(estimate=200.0, lower=150.0, upper=None, limit=100.0, direction=Direction.HIGHER))
        assert found == {"at": 0.3, "low": 0.4, "limit": 0.6}

    @pytest.mark.parametrize(("estimate", "upper"), [(400.0, 500.0), (50.0, 1e9), (0.0, 1.0), (160.0, None)])
    def test_the_limit_has_one_place_on_all_bars_and_a_large_number_flattens_none(
        self, estimate: float, upper: float | None
    ) -> None:
        found = bar(budget(estimate=estimate, lower=None, upper=upper, limit=100.0))
        assert found is not None
        assert found["limit"] == 0.6
        assert found["at"] == pytest.approx(min(0.006 * estimate, 1))
        assert ("is_beyond" in found) == (estimate == 400)

    def test_a_number_above_a_limit_of_zero_fills_its_bar(self) -> None:
        found = bar(budget(estimate=3.0, lower=None, upper=None, limit=0.0))
        assert found == {"at": 1, "limit": 0.6, "is_beyond": True}

    @pytest.mark.parametrize("estimate", [None, 0.0])
    def test_without_a_number_there_is_none(self, estimate: float | None) -> None:
        assert bar(budget(estimate=estimate, lower=None, upper=None, limit=0.0)) is None


class TestForest:
    def test_a_change_has_its_ratio_its_interval_and_its_limit(self) -> None:
        assert forest(change(limit=0.05)) == {"at": 1.124, "low": 1.098, "high": 1.151, "limit": 1.05}

    def test_a_limit_below_the_floor_of_a_metric_is_the_floor(self) -> None:
        calls = change(metric="calls", unit="calls", before=100, after=104, ratio=1.04, lower=None, upper=None)
        assert forest(calls) == {"at": 1.04, "limit": 1.1}

    def test_the_limit_of_a_number_that_should_be_high_is_below_it(self) -> None:
        found = forest(change(metric="a metric of a plugin", direction=Direction.HIGHER))
        assert found is not None
        assert found["limit"] == pytest.approx(0.95)

    @pytest.mark.parametrize("ratio", [None, 0.0, float("inf")])
    def test_a_ratio_that_has_no_place_has_no_row(self, ratio: float | None) -> None:
        assert forest(change(ratio=ratio)) is None


@given(st.text())
def test_a_link_holds_the_whole_name(name: str) -> None:
    link = link_to(name)
    assert unquote(link.removeprefix("#test=")) == name
    assert "&" not in link
    assert not set(" \n\"'<>") & set(link)
