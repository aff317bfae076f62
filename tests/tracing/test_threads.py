"""Threads continue the span in which they were started, while a test records spans."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from gathered_spans import gathered

from pytest_perfbudget import track
from pytest_perfbudget.tracing import Span
from pytest_perfbudget.tracing.threads import inherited


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    with gathered() as found:
        yield found


@track("work")
def work() -> str:
    return "done"


class Worker(threading.Thread):
    def run(self) -> None:
        work()


def by_thread() -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "run" not in vars(thread)  # a thread that holds a method of its own would keep itself alive


def by_subclass() -> None:
    worker = Worker()
    worker.start()
    worker.join()


def by_timer() -> None:
    timer = threading.Timer(0, work)
    timer.start()
    timer.join()


def by_pool() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == "done"


def by_asyncio() -> None:
    asyncio.run(asyncio.to_thread(work))


WAYS = [by_thread, by_subclass, by_timer, by_pool, by_asyncio]


@pytest.mark.parametrize("way", WAYS)
def test_a_span_of_a_thread_is_a_child_of_the_span_that_started_the_thread(
    way: Callable[[], None], spans: list[Span]
) -> None:
    with inherited(), track("outer"):
        way()
    inner, outer = spans
    assert (inner.parent_id, inner.trace_id) == (outer.span_id, outer.trace_id)
    assert inner.thread != outer.thread


@pytest.mark.skipif("sys.version_info >= (3, 14)", reason="free-threaded builds inherit by themselves")
@pytest.mark.parametrize("way", [by_thread, by_pool])
def test_nothing_is_inherited_while_no_test_records(way: Callable[[], None], spans: list[Span]) -> None:
    with inherited():
        pass
    with track("outer"):
        way()
    assert spans[0].parent_id == 0


def test_a_pool_that_lives_on_belongs_to_each_caller_in_turn(spans: list[Span]) -> None:
    with inherited(), ThreadPoolExecutor(1) as pool:
        for name in ("first", "second"):
            with track(name):
                pool.submit(work).result()
        pool.submit(work).result()
    one, first, other, second, outside = spans
    assert [one.parent_id, other.parent_id, outside.parent_id] == [first.span_id, second.span_id, 0]


def test_a_thread_that_has_run_says_so_as_usual() -> None:
    thread = threading.Thread(target=work)
    with inherited(), gathered(), track("outer"):
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="only be started once"):
            thread.start()


def test_the_methods_of_threads_are_as_before() -> None:
    before = (threading.Thread.start, ThreadPoolExecutor.submit)
    with inherited(), inherited():
        assert threading.Thread.start is not before[0]
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before
