"""A trend: its markers, its sessions of other branches, and the metric that stands for a measurement."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_perfbudget.core.history.trend import Line, Marker, SeriesKey, Trend, TrendPoint, along_line, main_metric
from pytest_perfbudget.core.metrics import Direction

MAIN = Line(frozenset({"main"}))


def trend(*changed: dict[str, Any]) -> Trend:
    given: dict[str, Any] = {
        "at_s": 0.0, "commit": "c", "branch": "main", "is_dirty": False, "machine": "m", "python": "3.11", "lock": "l",
        "value": 1.0, "std_error": None, "lower": None, "upper": None, "verdict": "",
    }  # fmt: skip
    points = [TrendPoint(**{**given, **one}) for one in changed]
    return Trend(SeriesKey("t", "", "median"), "", "ns", Direction.LOWER, points)


def test_equal_circumstances_have_no_marker() -> None:
    assert trend({}, {}, {"value": 9.0}).markers == []


def test_a_marker_names_what_changed() -> None:
    found = trend({}, {"machine": "n", "python": "3.12"}, {"machine": "n", "python": "3.12", "lock": "k"}).markers
    assert found == [
        Marker(1, {"machine": ("m", "n"), "Python": ("3.11", "3.12")}),
        Marker(2, {"dependencies": ("l", "k")}),
    ]


def test_a_circumstance_that_is_not_known_has_not_changed() -> None:
    assert trend({"lock": ""}, {}, {"lock": ""}).markers == []


def test_a_new_version_is_a_marker_and_a_further_distribution_is_none() -> None:
    found = trend({"lock": "a 1, b 1"}, {"lock": "a 1, b 1, c 1"}, {"lock": "a 1, b 2"}, {"lock": "a 2, b 2"})
    assert found.markers == [Marker(2, {"dependencies": ("b 1", "b 2")}), Marker(3, {"dependencies": ("a 1", "a 2")})]
    assert [one["lock"] for one in found.to_dict()["points"]] == ["a 1, b 1", "a 1, b 1", "a 1, b 2", "a 2, b 2"]
    assert [one["lock"] for one in trend({"lock": "a 1"}, {}).to_dict()["points"]] == ["", "l"]


def test_another_timing_is_a_marker_and_a_timing_that_is_not_known_is_none() -> None:
    found = trend({"canaries": None}, {"canaries": False}, {"canaries": None}, {"canaries": True})
    alone, between = "without readings of the weather", "between readings of the weather (with a baseline)"
    assert found.markers == [Marker(3, {"timing": (alone, between)})]
    assert (found.timing_since("c"), trend({"canaries": False}, {"commit": "d"}).timing_since("c")) == (None, None)
    assert trend({"canaries": False}, {"commit": "d", "canaries": True}).timing_since("c") == (alone, between)
    assert trend({"canaries": False}, {"commit": "d", "canaries": True, "lock": "k"}).timing_since("c") is None


def test_no_timing_matters_where_that_of_the_last_point_does_not() -> None:
    """A migration guesses a timing of each time, and also of those of pytest-benchmark, whose rounds have but one."""
    found = trend({"canaries": False}, {"commit": "d", "canaries": True}, {"commit": "e", "canaries": None})
    assert found.markers == []
    assert len({*found.environments}) == 1
    assert found.timing_since("c") is None


def test_points_of_equal_circumstances_have_equal_environments() -> None:
    first, second, third = trend({}, {}, {"lock": "k"}).environments
    assert first == second != third


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [(["p95", "median", "time"], "time"), (["p95", "median"], "median"), (["peak", "calls"], "calls")],
)
def test_the_metric_of_a_measurement_is_its_best(metrics: list[str], expected: str) -> None:
    assert main_metric(metrics) == expected


class TestLine:
    """The sessions of other branches are left out."""

    def test_sessions_of_the_line_and_of_the_anchor_and_without_a_commit_stay(self) -> None:
        made = trend(*({"commit": one, "at_s": at} for at, one in enumerate(["tag", "main", "other", "", "main"])))
        (kept,), left_out = along_line([made], MAIN, "tag")
        assert [one.commit for one in kept.points] == ["tag", "main", "", "main"]
        assert left_out == 1

    def test_a_session_counts_once_however_many_numbers_it_has(self) -> None:
        made = trend({"commit": "main"}, {"commit": "other", "at_s": 1.0})
        assert along_line([made, made], MAIN)[1] == 1

    def test_a_trend_of_another_branch_only_is_left_out(self) -> None:
        mine, other = trend({"commit": "main"}), trend({"commit": "other"})
        assert along_line([mine, other], MAIN) == ([mine], 1)

    def test_a_history_without_a_session_of_the_line_stays_as_it_is(self) -> None:
        made = trend({"commit": "a"}, {"commit": "b"})
        assert along_line([made], MAIN) == ([made], 0)

    def test_sessions_of_the_same_branch_in_another_clone_stay_and_those_of_a_merged_branch_do_not(self) -> None:
        line = Line(frozenset({"main"}), frozenset({"main", "pulled", "feature"}), "main")
        made = trend(
            {"commit": "main", "branch": "main"},
            {"commit": "pulled", "branch": "main"},
            {"commit": "feature", "branch": "feature", "at_s": 1.0},
            {"commit": "rebased", "branch": "main", "at_s": 2.0},
        )
        (kept,), left_out = along_line([made], line)
        assert [one.commit for one in kept.points] == ["main", "pulled"]
        assert left_out == 2


class TestOrder:
    """The order of the points is that of their commits, as far as git knows it."""

    LINE = Line(frozenset("abc"), places={"a": 1, "b": 2, "c": 3})

    @pytest.mark.parametrize(
        ("ran", "ordered"),
        [
            ("a a b c c", "a a b c c"),
            ("a b c a", "a a b c"),
            ("c b a", "a b c"),
            ("a b - c a -", "a a b - c -"),
            ("- b a", "- a b"),
        ],
        ids=["in_order", "an_old_commit_again", "backwards", "without_a_commit", "before_any_commit"],
    )
    def test_an_old_commit_that_runs_again_moves_back(self, ran: str, ordered: str) -> None:
        made = trend(*({"commit": one.strip("-"), "at_s": at} for at, one in enumerate(ran.split())))
        (kept,), _ = along_line([made], self.LINE)
        assert [one.commit or "-" for one in kept.points] == ordered.split()

    def test_the_sessions_of_a_commit_stay_in_the_order_of_their_times(self) -> None:
        made = trend(*({"commit": one, "at_s": at} for at, one in enumerate("abab")))
        (kept,), _ = along_line([made], self.LINE)
        assert [one.at_s for one in kept.points] == [0, 2, 1, 3]
        assert kept.code_times_s == [0, 1, 1, 3]

    def test_without_places_the_order_is_that_of_the_times(self) -> None:
        made = trend(*({"commit": one, "at_s": at} for at, one in enumerate("aba")))
        assert along_line([made], Line(frozenset("ab"))) == ([made], 0)
