"""Spans and executions for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from pytest_perfbudget.core.spans import Execution
from pytest_perfbudget.tracing import Span


def span(
    name: str,
    start_ns: int,
    duration_ns: int,
    *,
    id: int = 1,  # noqa: A002 - as spans name it
    parent: int = 0,
    cpu_ns: int | None = None,
    trace_id: int = 7,
    attributes: Mapping[str, Any] | None = None,
    active_ns: Sequence[int] = (),
    waits: tuple[int, int, int] | None = None,
    error: str = "",
) -> Span:
    """Return a span that has ended."""
    span = Span(name, trace_id, id, parent, start_ns, duration_ns, cpu_ns, attributes or {}, error)
    return span._replace(active_ns=active_ns, waits=waits)


_WAIT = st.integers(-100, 500)
_INTERVALS = st.lists(st.integers(0, 500), max_size=3).map(lambda ends: sorted([*ends, *(end + 9 for end in ends)]))


@st.composite
def executions(draw: st.DrawFn) -> Execution:
    """Draw an execution with spans in any relation to each other, as threads and other processes make them."""
    start = draw(st.integers(0, 1_000))
    end = start + draw(st.integers(0, 1_000))
    number = draw(st.integers(0, 8))
    spans = [
        span(
            draw(st.sampled_from("abc")),
            draw(st.integers(start - 50, end + 50)),
            draw(st.integers(0, 500)),
            id=place + 1,
            parent=draw(st.integers(0, number)),
            cpu_ns=draw(st.none() | st.integers(0, 500)),
            active_ns=draw(_INTERVALS),
            waits=draw(st.none() | st.tuples(_WAIT, _WAIT, _WAIT)),
        )
        for place in range(number)
    ]
    return Execution(start, end, spans)
