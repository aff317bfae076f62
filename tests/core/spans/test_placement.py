"""A span belongs to the execution of its trace, or to that in whose time it began if it has lost its trace."""

from __future__ import annotations

import pytest
from traces import span

from pytest_perfbudget.core.spans.placement import EndedExecution, placed_spans

FIRST, SECOND = EndedExecution(1, 10, 0, 100), EndedExecution(2, 20, 100, 200)


@pytest.mark.parametrize(
    ("trace", "start_ns", "parent", "home"),
    [
        pytest.param(1, 50, 10, 1, id="within its execution"),
        pytest.param(1, 150, 99, 1, id="after its execution, in a process that finishes the work"),
        pytest.param(1, 150, 10, 2, id="after its execution, in a thread that works for the next"),
        pytest.param(9, 150, 0, 2, id="without the trace of an execution"),
        pytest.param(9, 250, 0, None, id="outside all executions"),
    ],
)
def test_a_span_has_one_home(trace: int, start_ns: int, parent: int, home: int | None) -> None:
    one = span("work", start_ns, 10, trace_id=trace, parent=parent)
    placed = placed_spans([FIRST, SECOND], [one], overlap=False)
    assert placed.by_trace == {number: [one] if number == home else [] for number in (1, 2)}
    assert list(placed.stray) == ([] if home else [one])


def test_the_time_of_a_span_says_nothing_where_executions_overlap() -> None:
    one = span("work", 150, 10, trace_id=9)
    placed = placed_spans([FIRST, SECOND], [one], overlap=True)
    assert list(placed.stray) == [one]
