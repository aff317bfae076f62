"""Each moment of an execution belongs to the innermost open spans, so self times add up to the whole."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from traces import executions, span

from pytest_perfbudget.core.spans import Execution
from pytest_perfbudget.core.spans.attribution import parents_of, self_times


def own(execution: Execution) -> tuple[dict[str, float], float]:
    found = self_times(execution, parents_of(execution.spans))
    names = [one.name for one in execution.spans]
    return dict(zip(names, found.spans, strict=True)), found.unattributed_ns


def test_a_span_within_a_span_takes_its_time_from_it() -> None:
    inner, outer = span("inner", 20, 30, id=2, parent=1), span("outer", 10, 80, id=1)
    assert own(Execution(0, 100, [inner, outer])) == ({"inner": 30, "outer": 50}, 20)


def test_spans_beside_each_other_share_their_moments() -> None:
    left, right = span("left", 0, 100, id=2, parent=1), span("right", 50, 50, id=3, parent=1)
    assert own(Execution(0, 100, [left, right, span("both", 0, 100)])) == ({"left": 75, "right": 25, "both": 0}, 0)


def test_a_span_that_outlives_its_parent_keeps_its_time() -> None:
    late = span("late", 40, 40, id=2, parent=1)
    assert own(Execution(0, 100, [late, span("parent", 0, 50)])) == ({"late": 40, "parent": 40}, 20)


def test_an_open_span_at_any_depth_takes_the_time_from_those_around_it() -> None:
    task, start = span("task", 20, 60, id=3, parent=2), span("start", 10, 20, id=2, parent=1)
    whole = span("whole", 0, 100, id=1)
    assert own(Execution(0, 100, [task, start, whole])) == ({"task": 60, "start": 10, "whole": 30}, 0)
    assert own(Execution(0, 100, [start, whole])) == ({"start": 20, "whole": 80}, 0)


def test_a_generator_that_rests_leaves_its_time_to_the_caller() -> None:
    rows = span("rows", 0, 40, id=2, parent=1, active_ns=[0, 20, 60, 80])
    read, sent = span("read", 5, 10, id=3, parent=2), span("send", 20, 40, id=4, parent=1)
    whole = span("page", 0, 100, id=1)
    assert own(Execution(0, 100, [read, rows, sent, whole])) == ({"read": 10, "rows": 30, "send": 40, "page": 20}, 0)


def test_generators_side_by_side_run_in_turns() -> None:
    left = span("left", 0, 50, id=1, active_ns=[0, 25, 50, 75])
    right = span("right", 25, 50, id=2, active_ns=[0, 25, 50, 75])
    assert own(Execution(0, 100, [left, right])) == ({"left": 50, "right": 50}, 0)


def test_the_part_outside_the_execution_does_not_count() -> None:
    assert own(Execution(100, 200, [span("early", 50, 100), span("never", 300, 50, id=2)])) == (
        {"early": 50, "never": 0},
        50,
    )


def test_a_circle_of_parents_is_cut() -> None:
    spans = [span("a", 0, 10, id=1, parent=2), span("b", 0, 10, id=2, parent=1), span("c", 0, 10, id=3, parent=3)]
    parents = parents_of(spans)
    assert sorted(parents[:2]) in ([-1, 0], [-1, 1])
    assert parents[2] == -1


def test_a_long_chain_of_parents_is_no_recursion() -> None:
    spans = [span("deep", 0, 10, id=place, parent=place - 1) for place in range(1, 5_000)]
    assert parents_of(spans)[-1] == 4_997


@given(executions())
def test_self_times_and_the_time_without_spans_add_up_to_the_execution(execution: Execution) -> None:
    found = self_times(execution, parents_of(execution.spans))
    assert min([*found.spans, found.unattributed_ns]) >= 0
    assert math.fsum([*found.spans, found.unattributed_ns]) == pytest.approx(execution.total_ns)


@given(executions())
def test_parents_form_no_circle(execution: Execution) -> None:
    parents = parents_of(execution.spans)
    for place in range(len(parents)):
        steps = 0
        while place != -1:
            place, steps = parents[place], steps + 1  # noqa: PLW2901
            assert steps <= len(parents)
