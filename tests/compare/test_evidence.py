"""One rule for every comparison: from the recordings of both sides to results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from comparing import recording
from cost_graphs import costs

from pytest_perfbudget.compare.baseline_commit import _explained
from pytest_perfbudget.compare.evidence import CalledFunctions, Evidence, Origin, Sides, blamed
from pytest_perfbudget.compare.obstacles import untimed
from pytest_perfbudget.core.cost_graph import CostGraph, FunctionCost, LibraryCost
from pytest_perfbudget.core.limits import RegressionTolerance
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

TOLERANCE = RegressionTolerance(0.05, "here")
UNCHANGED = RegressionResult("time", RegressionVerdict.UNCHANGED, before=1e6, after=1e6, ratio=1.0)
SLOWER = RegressionResult("time", RegressionVerdict.REGRESSED, before=1e6, after=2e6, ratio=2.0)


def sides(before: int, after: int | None) -> Sides:
    head = recording(calls=after) if after is not None else Recording(uncounted="the profiler is busy")
    return Sides(head, recording(calls=before))


def calls(evidence: Evidence) -> RegressionResult:
    _, found = evidence.results()
    assert found.metric == "calls"
    return found


def test_a_count_within_its_tolerance_needs_no_fresh_process() -> None:
    assert calls(Evidence(UNCHANGED, TOLERANCE, sides(100, 104))).verdict is RegressionVerdict.UNCHANGED


def test_a_count_that_grew_in_every_attempt_is_regressed_by_the_least_growth() -> None:
    found = calls(Evidence(UNCHANGED, TOLERANCE, sides(100, 300), [sides(100, 200), sides(100, 204)]))
    assert (found.verdict, found.before, found.after) == (RegressionVerdict.REGRESSED, 100, 200)


def test_a_random_count_is_regressed_if_it_grew_in_eleven_attempts_and_undecided_before() -> None:
    fresh = [sides(100, 200), sides(100, 250)] * 5
    for tried, verdict in ((3, RegressionVerdict.UNDECIDED), (10, RegressionVerdict.REGRESSED)):
        assert calls(Evidence(UNCHANGED, TOLERANCE, sides(100, 300), fresh[:tried])).verdict is verdict


def test_a_count_that_one_fresh_process_does_not_confirm_is_not() -> None:
    found = calls(Evidence(UNCHANGED, TOLERANCE, sides(100, 300), [sides(100, 100)]))
    assert found.verdict is RegressionVerdict.UNCHANGED


def test_a_count_that_no_fresh_process_could_take_is_unmeasured() -> None:
    for evidence in (
        Evidence(UNCHANGED, TOLERANCE, sides(100, 300)),
        Evidence(UNCHANGED, TOLERANCE, sides(100, 300), [sides(100, None)]),
        Evidence(UNCHANGED, TOLERANCE, sides(100, 300), [sides(100, 300)], problem="it died"),
    ):
        found = calls(evidence)
        assert found.verdict is RegressionVerdict.UNMEASURED
        assert found.reason.startswith("more function calls than allowed, which could not be confirmed: ")


def test_a_count_that_the_head_does_not_have_says_why() -> None:
    found = calls(Evidence(UNCHANGED, TOLERANCE, sides(100, None)))
    assert found.reason == "its function calls could not be counted: the profiler is busy"


def test_a_skipped_test_shows_its_numbers_and_is_not_judged() -> None:
    skipped = Evidence(SLOWER, TOLERANCE, Sides(recording(calls=300), recording(calls=100), True), is_skipped=True)
    assert [one.verdict for one in skipped.results()] == [RegressionVerdict.CHANGED] * 2
    assert all(one.is_test_changed for one in skipped.results())
    lost = Evidence(untimed(RegressionVerdict.UNMEASURED, "why"), TOLERANCE, is_skipped=True)
    assert [one.verdict for one in lost.results()] == [RegressionVerdict.UNMEASURED]


def test_each_result_names_its_limit_and_the_other_side() -> None:
    evidence = Evidence(
        UNCHANGED,
        TOLERANCE,
        sides(100, 100),
        origin=Origin("main", "abc"),
        count_origin=Origin("main", "def", "2026-11-20"),
    )
    time, count = evidence.results()
    assert (time.limit, time.source, time.against, time.commit) == (0.05, "here", "main", "abc")
    assert (count.commit, count.date) == ("def", "2026-11-20")


class TestCulprits:
    def test_a_slowdown_is_in_the_functions_that_take_longer(self) -> None:
        base = Recording(functions={"web:menu": 1}, costs=costs(menu=(1, 1000, {})))
        head = Recording(functions={"web:menu": 1}, costs=costs(menu=(1, 2000, {})))
        (time,) = Evidence(SLOWER, TOLERANCE, Sides(head, base), [Sides(head, base)] * 3).results()
        assert [(one.function, one.gained_ns) for one in time.blamed] == [("web:menu", 1e6)]

    def test_processes_that_did_not_profile_do_not_count(self) -> None:
        base, head = Recording(costs=costs(menu=(1, 1000, {}))), Recording(costs=costs(menu=(1, 2000, {})))
        first, others = Sides(head, base), [Sides(Recording(), Recording())] * 2
        (time,) = Evidence(SLOWER, TOLERANCE, first, others).results()
        assert [one.function for one in time.blamed] == ["web:menu"]
        (none,) = Evidence(SLOWER, TOLERANCE, Sides(head, Recording()), others).results()
        assert none.blamed == []

    def test_the_costs_of_the_baselines_file_are_the_other_side(self) -> None:
        """They are those of calm weather, and the profiles of now are made in the weather of now."""
        stored = CalledFunctions({}, costs=costs(menu=(1, 500, {"tax": 1}), tax=(1, 500, {})))
        head = Recording(costs=costs(menu=(1, 1000, {"tax": 1}), tax=(1, 2000, {})))
        slower = replace(SLOWER, weather=2.0)
        found = Evidence(slower, TOLERANCE, Sides(head, Recording()), base_functions=lambda: stored).results()
        assert [(one.function, one.gained_ns) for one in found[0].blamed] == [("web:tax", 1e6)]

    def test_a_library_function_that_the_baselines_file_leaves_out_is_not_called_only_now(self) -> None:
        """The file keeps those with a twentieth of the time of their caller, and the calls of all functions."""
        base = CostGraph({"web:sign": FunctionCost(1, 1e6, {}, {"dumps": LibraryCost(100, 9e5)})})
        library = {"dumps": LibraryCost(100, 9.2e5), "update": LibraryCost(100, 6e4), "strip": LibraryCost(100, 5.2e5)}
        head = Recording(costs=CostGraph({"web:sign": FunctionCost(1, 1.6e6, {}, library)}))
        counted = {"update, from web:sign": 100, "dumps, line 1": 100}
        stored = CalledFunctions(counted, costs=base)
        (time, *_) = Evidence(SLOWER, TOLERANCE, Sides(head, Recording()), base_functions=lambda: stored).results()
        (found,) = time.blamed
        assert (found.callee, found.before, found.after) == ("strip", 0.0, 100.0)
        assert found.also == ()

    def test_without_profiled_times_in_those_that_are_called_more_often(self) -> None:
        head = Recording(functions={"a:f": 41})
        known = CalledFunctions({"a:f": 1})
        found = Evidence(SLOWER, TOLERANCE, Sides(head, Recording()), base_functions=lambda: known).results()
        assert [(one.function, one.before, one.after) for one in found[0].grown] == [("a:f", 1, 41)]

    def test_of_an_unknown_other_side_nothing_is_made_up(self) -> None:
        head = Recording(functions={"a:f": 41})
        (time,) = Evidence(SLOWER, TOLERANCE, Sides(head, Recording()), base_functions=lambda: None).results()
        assert time.grown == []

    def test_an_unchanged_time_has_none(self) -> None:
        base, head = Recording(functions={"a:f": 1}), Recording(functions={"a:f": 41})
        (time,) = Evidence(UNCHANGED, TOLERANCE, Sides(head, base)).results()
        assert time.grown == ()


def test_the_parts_of_functions_are_of_the_slowdown_that_was_measured_without_a_profiler() -> None:
    base, head = (Recording(costs=costs(menu=(1, own, {"tax": 1}), tax=(1, 100, {}))) for own in (100, 180))
    time = RegressionResult("time", RegressionVerdict.REGRESSED, before=100e3, after=140e3)
    (found,) = blamed([Sides(head, base)], time)
    assert found.function == "web:menu"
    assert found.of_ns == pytest.approx(40e3)
    assert found.gained_ns == pytest.approx(40e3)


def test_pairs_beside_the_commit_of_the_baseline_name_changed_functions_that_no_profile_has() -> None:
    found = _explained(SLOWER, [Sides(Recording(), Recording())], cast("Any", None), lambda: ["web:square"])
    assert [one.function for one in found.blamed] == ["web:square"]
    assert found.in_pairs


def test_changed_functions_of_modules_that_the_test_runs_come_first() -> None:
    one = Sides(Recording(functions={"web:ask": 1}), Recording(functions={"web:ask": 1}))
    found = Evidence(SLOWER, TOLERANCE, one, [one], changed_functions=lambda: ["other:sum", "web:square"]).results()[0]
    assert [blame.function for blame in found.blamed] == ["web:square", "other:sum"]
