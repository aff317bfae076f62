"""The times of a span on a scripted clock: a reading of the CPU clock at most 5 us old is used again, with a bounded
error, and a generator has the times in which it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from span_clocks import Clocks, scripted

from pytest_perfbudget import track
from pytest_perfbudget.tracing import open_span, resting_span

RECENT_NS = 5_000


def test_a_short_span_costs_one_reading_and_has_its_exact_time() -> None:
    with scripted() as (clocks, spans):
        for _ in range(3):
            with track("short"):
                clocks.advance(RECENT_NS // 6)
        assert clocks.readings == 1
    assert [span.cpu_ns for span in spans] == [RECENT_NS // 6] * 3


@pytest.mark.parametrize(("age_ns", "readings"), [(RECENT_NS - 1, 1), (RECENT_NS, 2)])
def test_an_older_reading_is_not_used_again(age_ns: int, readings: int) -> None:
    with scripted() as (clocks, spans):
        with track("work"):
            clocks.advance(age_ns)
        assert clocks.readings == readings
    assert spans[0].cpu_ns == age_ns


def test_a_wait_is_no_cpu_time() -> None:
    with scripted() as (clocks, spans), track("query"):
        clocks.advance(1_000, waiting_ns=80_000)
    assert spans[0].cpu_ns == 1_000


@track("function")
def function(clocks: Clocks) -> None:
    clocks.advance(1_000)


@track("generator")
def generator(clocks: Clocks) -> Iterator[int]:
    clocks.advance(1_000)
    yield 1


@pytest.mark.parametrize("has_greenlets", [True, False])
def test_the_cpu_time_is_not_known_where_a_thread_runs_greenlets(
    monkeypatch: pytest.MonkeyPatch, *, has_greenlets: bool
) -> None:
    """A span that waits would have the CPU time of other greenlets, which gevent runs meanwhile without notice."""
    if has_greenlets:  # gevent and eventlet replace the function with one that tells the greenlet
        monkeypatch.setattr(threading, "get_ident", lambda: 5)
    with scripted() as (clocks, spans):
        with track("block"):
            clocks.advance(1_000)
        function(clocks)
        assert list(generator(clocks)) == [1]
    known = None if has_greenlets else 1_000
    assert [(span.name, span.cpu_ns, span.duration_ns) for span in spans] == [
        ("block", known, 1_000),
        ("function", known, 1_000),
        ("generator", known, 1_000),
    ]


def test_a_reading_of_another_thread_is_not_used() -> None:
    with scripted() as (clocks, spans):
        for clocks.thread in (1, 2, 1):
            with track("work"):
                clocks.advance(10)
        assert clocks.readings == 3
    assert [span.cpu_ns for span in spans] == [10] * 3


@track("rows")
def rows(clocks: Clocks, number: int) -> Iterator[int]:
    for row in range(number):
        clocks.advance(1_000, waiting_ns=9_000)
        yield row


def test_a_generator_has_the_intervals_in_which_it_runs() -> None:
    with scripted() as (clocks, spans):
        for _ in rows(clocks, 2):
            clocks.advance(50_000)
        list(rows(clocks, 0))
    rested, never = spans
    assert (rested.duration_ns, rested.cpu_ns) == (20_000, 2_000)
    assert list(rested.active_ns) == [0, 10_000, 60_000, 70_000, 120_000, 120_000]
    assert (never.duration_ns, never.active_ns) == (0, ())


def test_the_intervals_of_a_long_generator_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resting_span, "_MOST_INTERVALS", 2)
    with scripted() as (clocks, spans):
        for _ in rows(clocks, 5):
            clocks.advance(50_000)
    assert spans[0].duration_ns == 50_000
    assert list(spans[0].active_ns) == [0, 10_000, 60_000, 100_000]


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 8_000), st.integers(0, 8_000)), max_size=30)


@given(STEPS)
def test_the_error_of_any_span_is_at_most_the_age_of_a_reading(steps: list[tuple[bool, int, int]]) -> None:
    """Even of threads that wait in less than 5 us."""
    opened: list[tuple[open_span.OpenSpan, int]] = []
    with scripted() as (clocks, spans):
        for begins, computing_ns, waiting_ns in steps:
            if begins:
                opened.append((open_span.begin(track("work")), clocks.cpu_ns))
            elif opened:
                span, before_ns = opened.pop()
                span.end()
                assert spans[-1].cpu_ns == pytest.approx(clocks.cpu_ns - before_ns, abs=RECENT_NS)
            clocks.advance(computing_ns, waiting_ns)
        while opened:
            opened.pop()[0].end()
