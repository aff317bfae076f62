"""The own time of a span is that without the spans in it, of the same thread and the same task."""

from __future__ import annotations

import pytest
from hypothesis import given
from traces import executions, span

from pytest_perfbudget.core.spans import Execution
from pytest_perfbudget.core.spans.attribution import parents_of
from pytest_perfbudget.core.spans.own_time import OwnTime, own_times
from pytest_perfbudget.tracing import Span


def own(*spans: Span) -> list[OwnTime]:
    return own_times(spans, parents_of(spans))


PAGE = span("page", 0, 100, cpu_ns=20, waits=(40, 5, 30))
QUERY = span("query", 10, 60, id=2, parent=1, cpu_ns=5, waits=(35, 0, 10))


def test_what_happened_in_a_span_within_the_span_is_not_its_own() -> None:
    assert own(PAGE, QUERY) == [OwnTime(40, 15, (5, 5, 20)), OwnTime(60, 5, (35, 0, 10))]


def test_another_thread_takes_nothing_away() -> None:
    assert own(PAGE, QUERY._replace(thread=9))[0] == OwnTime(100, 20, (40, 5, 30))


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(QUERY._replace(waits=None), id="nobody looked at a span that waited"),
        pytest.param(QUERY._replace(task=5), id="another task, which ran while others waited"),
    ],
)
def test_the_own_waiting_may_not_be_known(inner: Span) -> None:
    assert own(PAGE, inner)[0].waits is None


def test_a_span_that_hardly_waited_needs_no_look() -> None:
    computing = span("query", 10, 8, id=2, parent=1, cpu_ns=5)
    assert own(PAGE, computing)[0] == OwnTime(92, 15, (40, 5, 30))


@given(executions())
def test_no_own_time_is_below_0(execution: Execution) -> None:
    spans = execution.spans
    for one in own_times(spans, parents_of(spans)):
        assert one.duration_ns >= 0
        assert one.cpu_ns is None or one.cpu_ns >= 0
