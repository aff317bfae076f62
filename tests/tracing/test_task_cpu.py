"""The CPU time of coroutines that share a thread: that of their own steps, or not known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import trio
from span_clocks import Clocks, scripted

from pytest_perfbudget import track
from pytest_perfbudget.tracing import Span, add_sink, remove_sink
from pytest_perfbudget.tracing.steps import driven
from pytest_perfbudget.tracing.task import running_tasks

STEP_NS = 20_000


async def work(clocks: Clocks, steps: int = 3) -> None:
    for _ in range(steps):
        clocks.advance(STEP_NS)
        await asyncio.sleep(0)


async def wait(clocks: Clocks, steps: int = 4) -> None:
    for _ in range(steps):
        clocks.advance(0, waiting_ns=STEP_NS)
        await asyncio.sleep(0)


def cpu_of(run: Callable[[Clocks], Coroutine[Any, Any, object]], *names: str) -> list[int | None]:
    """Return the CPU time of the spans of these names, with a coroutine that computes beside them."""
    with scripted() as (clocks, spans):

        async def all_of_them() -> None:
            await asyncio.gather(run(clocks), work(clocks))

        asyncio.run(all_of_them())
    assert not running_tasks
    found = {span.name: span.cpu_ns for span in spans}
    return [found[name] for name in names]


waiting, working = track("waiting")(wait), track("working")(work)


def test_a_coroutine_that_waits_has_no_cpu_time_of_others() -> None:
    async def run(clocks: Clocks) -> None:
        await asyncio.gather(waiting(clocks), working(clocks))

    assert cpu_of(run, "waiting", "working") == [0, 3 * STEP_NS]


def test_a_block_of_a_tracked_coroutine_has_the_cpu_time_of_its_task() -> None:
    @track("page")
    async def page(clocks: Clocks) -> None:
        with track("first"):
            await wait(clocks)
        with track("second"):
            await work(clocks)

    assert cpu_of(page, "first", "second", "page") == [0, 3 * STEP_NS, 3 * STEP_NS]


def test_a_block_that_may_be_suspended_without_notice_has_an_unknown_cpu_time() -> None:
    @contextmanager
    def session() -> Iterator[None]:
        with track("session"):
            yield

    async def page(clocks: Clocks) -> None:
        with track("block"):
            await wait(clocks)
        with session():
            await wait(clocks)
        with ExitStack() as stack:
            stack.enter_context(track("stack"))
            await wait(clocks)

    assert cpu_of(page, "block", "session", "stack") == [None, None, None]


def test_such_a_block_in_trio_has_an_unknown_cpu_time_too() -> None:
    async def page(clocks: Clocks) -> None:
        with ExitStack() as stack:
            stack.enter_context(track("stack"))
            clocks.advance(STEP_NS)
            await trio.lowlevel.checkpoint()
        await track("coroutine")(trio_steps)(clocks)

    async def trio_steps(clocks: Clocks) -> None:
        clocks.advance(STEP_NS)
        await trio.lowlevel.checkpoint()

    with scripted() as (clocks, spans):
        trio.run(page, clocks)
    assert [span.cpu_ns for span in spans] == [None, STEP_NS]


def test_a_block_of_code_without_an_event_loop_has_a_known_cpu_time() -> None:
    with scripted() as (clocks, spans), ExitStack() as stack:
        stack.enter_context(track("stack"))
        clocks.advance(STEP_NS)
        stack.close()
    assert [span.cpu_ns for span in spans] == [STEP_NS]


def test_a_plain_function_cannot_be_suspended() -> None:
    @track("function")
    def compute(clocks: Clocks) -> None:
        with track("block"):
            clocks.advance(STEP_NS)

    async def page(clocks: Clocks) -> None:
        await asyncio.sleep(0)
        compute(clocks)

    assert cpu_of(page, "function", "block") == [STEP_NS, STEP_NS]


def test_a_task_that_a_coroutine_starts_is_no_part_of_its_cpu_time() -> None:
    @track("page")
    async def page(clocks: Clocks) -> None:
        with track("start"):
            task = asyncio.create_task(working(clocks))
            with track("wait"):
                await task

    assert cpu_of(page, "wait", "start", "page", "working") == [0, 0, 0, 3 * STEP_NS]


@track("rows")
async def rows(clocks: Clocks) -> AsyncIterator[int]:
    await wait(clocks)
    await work(clocks, 1)
    yield 1


def test_an_asynchronous_generator_has_the_cpu_time_of_its_task_if_that_is_known() -> None:
    async def read(clocks: Clocks) -> None:
        async for _ in rows(clocks):
            clocks.advance(STEP_NS)

    assert cpu_of(read, "rows") == [None]
    assert cpu_of(track("page")(read), "rows", "page") == [STEP_NS, 2 * STEP_NS]


def test_a_function_that_returns_a_coroutine_has_the_cpu_time_of_its_task_if_that_is_known() -> None:
    @track("call")
    def call(clocks: Clocks) -> Awaitable[None]:
        return wait(clocks)

    async def page(clocks: Clocks) -> None:
        await call(clocks)

    assert cpu_of(page, "call") == [None]
    assert cpu_of(track("page")(page), "call") == [0]


def test_a_span_that_ends_in_another_task_has_an_unknown_cpu_time() -> None:
    block = track("block")

    @track("page")
    async def page(clocks: Clocks) -> None:
        block.__enter__()

        @track("task")
        async def task() -> None:
            await wait(clocks)
            block.__exit__(None, None, None)

        await asyncio.create_task(task())

    assert cpu_of(page, "block", "page") == [None, 0]


class TestPassesEverythingThrough:
    def test_results_and_errors(self) -> None:
        async def result() -> int:
            await asyncio.sleep(0)
            return 7

        async def error() -> None:
            await asyncio.sleep(0)
            raise KeyError

        assert asyncio.run(self.main(result())) == 7
        with pytest.raises(KeyError):
            asyncio.run(self.main(error()))

    def test_a_cancellation_reaches_the_coroutine(self) -> None:
        seen = []

        async def cancelled() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        async def main() -> None:
            task = asyncio.create_task(self.main(cancelled()))
            await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert seen == ["cancelled"]

    def test_a_coroutine_that_is_closed_is_closed(self) -> None:
        seen = []

        async def closed() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                seen.append(dict(running_tasks))

        outer = self.main(closed())
        with suppress(RuntimeError):  # no event loop
            outer.send(None)
        outer.close()
        assert len(seen[0]) == 1
        assert not running_tasks

    @staticmethod
    async def main(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await driven(coroutine)


def test_without_a_need_for_cpu_times_no_step_is_timed() -> None:
    """As of a monitor, which costs a service as little as possible."""
    seen: list[dict[int, object]] = []

    @track("page")
    async def page() -> None:
        seen.append({**running_tasks})

    for needs_cpu in (False, True):
        found: list[Span] = []
        take = found.append
        add_sink(take, needs_cpu=needs_cpu)  # type: ignore[arg-type]
        try:
            asyncio.run(page())
        finally:
            remove_sink(take)  # type: ignore[arg-type]
        assert len(found) == 1
    assert [len(one) for one in seen] == [0, 1]
