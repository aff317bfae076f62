"""`track` makes a span of each call of a function of any kind, and of each block."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack

import pytest
from gathered_spans import gathered

from pytest_perfbudget import track
from pytest_perfbudget.tracing import Span, current


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    """The spans that end during the test, in the order of their ends."""
    with gathered() as found:
        yield found


class TestOff:
    def test_nothing_is_recorded_without_a_sink(self) -> None:
        with track("work"):
            assert current() is None

    def test_a_block_that_began_before_the_sink_is_no_span(self) -> None:
        later = ExitStack()
        with track("outer"):
            found = later.enter_context(gathered())
            with track("inner"):
                pass
        later.close()
        assert [span.name for span in found] == ["inner"]

    def test_a_block_that_ends_after_the_sink_leaves_no_parent_behind(self) -> None:
        with ExitStack() as earlier:
            found = earlier.enter_context(gathered())
            with track("outer"):
                earlier.close()
        assert current() is None
        assert found == []

    def test_a_query_that_is_made_again_makes_no_object(self) -> None:
        """An object takes longer than the rest of a block that is off."""
        sql = "SELECT 1"
        assert track("db.query", statement=sql) is track("db.query", statement=sql)
        assert track("db.query") is track("db.query")

    def test_a_block_of_an_exit_stack_does_nothing_and_hides_no_error(self) -> None:
        stack = ExitStack()
        stack.enter_context(track("work"))
        with pytest.raises(KeyError), stack:
            dict[str, int]()["x"]

    def test_a_block_hides_no_error(self) -> None:
        with pytest.raises(KeyError), track("work"):
            dict[str, int]()["x"]

    def test_the_import_brings_in_nothing_heavy(self) -> None:
        program = (
            "import sys; from pytest_perfbudget import track; "
            "print(*{'pytest', 'scipy', 'numpy', 'rich', 'asyncio', 'logging', 'json', 'opentelemetry'} & set(sys.modules))"
        )
        found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == ""


class TestBlock:
    def test_a_span_has_a_name_attributes_and_its_place(self, spans: list[Span]) -> None:
        with track("db.query", statement="SELECT 1"):
            pass
        (span,) = spans
        assert (span.name, span.attributes, span.file) == ("db.query", {"statement": "SELECT 1"}, __file__)
        assert span.duration_ns >= 0
        assert span.cpu_ns is not None

    def test_each_query_of_a_name_has_its_own_statement(self, spans: list[Span]) -> None:
        for sql in ("SELECT 1", "SELECT 1", "SELECT 2", "SELECT 1"):
            with track("db.query", statement=sql):
                pass
        assert [span.attributes for span in spans] == [{"statement": f"SELECT {one}"} for one in (1, 1, 2, 1)]

    def test_further_attributes_stand_beside_the_statement(self, spans: list[Span]) -> None:
        with track("db.query", statement="SELECT 1", attributes={"db": "shop"}), track("sum", attributes={"items": 3}):
            pass
        assert [span.attributes for span in spans] == [{"items": 3}, {"statement": "SELECT 1", "db": "shop"}]

    def test_an_object_of_a_query_keeps_its_statement_while_others_are_made(self, spans: list[Span]) -> None:
        query = track("db.query", statement="SELECT 1")
        track("db.query", statement="SELECT 2")
        with query:
            pass
        assert spans[0].attributes == {"statement": "SELECT 1"}

    def test_a_frozen_clock_freezes_no_span(self, spans: list[Span], monkeypatch: pytest.MonkeyPatch) -> None:
        """A span of no time would keep any limit."""
        monkeypatch.setattr(time, "perf_counter_ns", lambda: 0)
        with track("work"):
            sum(range(1000))
        assert spans[0].duration_ns > 0

    def test_blocks_nest(self, spans: list[Span]) -> None:
        with track("outer"), track("inner"):
            pass
        inner, outer = spans
        assert inner.parent_id == outer.span_id
        assert inner.trace_id == outer.trace_id
        assert outer.parent_id == 0

    def test_the_same_object_nests_in_itself(self, spans: list[Span]) -> None:
        work = track("work")
        with work, work:
            pass
        inner, outer = spans
        assert inner.parent_id == outer.span_id

    def test_an_error_is_noted_and_goes_on(self, spans: list[Span]) -> None:
        with pytest.raises(ValueError, match="invalid literal"), track("work"):
            int("x")
        assert [span.error for span in spans] == ["ValueError: invalid literal for int() with base 10: 'x'"]


class TestFunction:
    def test_a_function_and_a_method_keep_their_names_and_results(self, spans: list[Span]) -> None:
        class Shop:
            @track("shop.price")
            def price(self, amount: int) -> int:
                """Return the price."""
                return 2 * amount

        assert Shop().price(amount=3) == 6
        assert Shop.price.__doc__ == "Return the price."
        assert [span.name for span in spans] == ["shop.price"]

    def test_the_place_is_the_line_of_the_call(self, spans: list[Span]) -> None:
        @track("work")
        def work() -> None:
            pass

        frame = inspect.currentframe()
        assert frame is not None
        line = frame.f_lineno + 1
        work()
        assert spans[0].line == line

    def test_a_decorator_applied_while_off_works_once_on(self) -> None:
        @track("work")
        def work() -> str:
            return "done"

        assert work() == "done"
        with gathered() as found:
            assert work() == "done"
        assert len(found) == 1

    def test_an_error_ends_the_span(self, spans: list[Span]) -> None:
        @track("work")
        def work() -> None:
            dict[str, int]()["x"]

        with pytest.raises(KeyError):
            work()
        assert [span.error for span in spans] == ["KeyError: 'x'"]
        assert current() is None


class TestCoroutine:
    def test_tasks_side_by_side_have_their_own_children(self, spans: list[Span]) -> None:
        @track("request")
        async def request(name: str) -> None:
            await asyncio.sleep(0)
            with track(name):
                await asyncio.sleep(0)

        async def both() -> None:
            await asyncio.gather(request("a"), request("b"))

        asyncio.run(both())
        parents = {span.span_id: span for span in spans if span.name == "request"}
        children = [span for span in spans if span.name != "request"]
        assert {span.name for span in children} == {"a", "b"}
        assert {span.parent_id for span in children} == set(parents)
        assert inspect.iscoroutinefunction(request)


class TestGenerator:
    def test_the_consumer_is_no_child_of_the_generator(self, spans: list[Span]) -> None:
        @track("rows")
        def rows() -> Iterator[int]:
            with track("fetch"):
                yield 1
            yield 2

        for _ in rows():
            with track("consumer"):
                pass
        by_name = {span.name: span for span in spans}
        assert by_name["consumer"].parent_id == 0
        assert [span.name for span in spans].count("rows") == 1
        assert inspect.isgeneratorfunction(rows)

    def test_sent_values_errors_and_the_return_value_pass_through(self, spans: list[Span]) -> None:
        @track("echo")
        def echo() -> Generator[object, object, str]:
            got = yield "ready"
            try:
                yield got
            except ValueError:
                yield "caught"
            return "end"

        generator = echo()
        assert next(generator) == "ready"
        assert generator.send(5) == 5
        assert generator.throw(ValueError()) == "caught"
        with pytest.raises(StopIteration) as stop:
            next(generator)
        assert stop.value.value == "end"
        assert [span.name for span in spans] == ["echo"]

    def test_a_generator_that_is_closed_early_ends_its_span(self, spans: list[Span]) -> None:
        closed = []

        @track("rows")
        def rows() -> Iterator[int]:
            try:
                yield 1
            finally:
                closed.append(True)

        generator = rows()
        next(generator)
        generator.close()  # type: ignore[attr-defined]
        assert closed
        assert [span.name for span in spans] == ["rows"]
        assert current() is None

    @pytest.mark.parametrize("is_on", [False, True])
    def test_an_asynchronous_generator_passes_everything_through(self, is_on: bool) -> None:
        @track("rows")
        async def rows() -> AsyncIterator[object]:
            got = yield "ready"
            try:
                yield got
            except ValueError:
                yield "caught"

        async def use() -> list[object]:
            generator = rows()
            items = [
                await anext(generator),
                await generator.asend(5),  # type: ignore[attr-defined]
                await generator.athrow(ValueError()),  # type: ignore[attr-defined]
            ]
            await generator.aclose()  # type: ignore[attr-defined]
            return items

        with ExitStack() as stack:
            found = stack.enter_context(gathered()) if is_on else []
            assert asyncio.run(use()) == ["ready", 5, "caught"]
        assert [span.name for span in found] == ["rows"] * is_on


def rows(name: str) -> Iterator[int]:
    with track(name):
        yield 1
        yield 2


class TestBlockAroundYield:
    def test_generators_side_by_side_end_each_its_own_span(self, spans: list[Span]) -> None:
        with track("whole"):
            for _ in zip(rows("left"), rows("right"), strict=True):
                pass
            with track("after"):
                pass
        assert current() is None
        by_name = {span.name: span for span in spans}
        assert sorted(by_name) == ["after", "left", "right", "whole"]
        assert by_name["after"].parent_id == by_name["left"].parent_id == by_name["whole"].span_id

    def test_spans_of_the_same_name_are_not_swapped(self, spans: list[Span]) -> None:
        first, second = rows("rows"), rows("rows")
        begun = [next(first), next(second)]
        assert len([*first, *second, *begun]) == 4
        assert spans[0].span_id < spans[1].span_id
        assert spans[0].start_ns < spans[1].start_ns

    def test_a_block_that_ends_in_another_context_ends_and_is_no_parent_from_then_on(self, spans: list[Span]) -> None:
        generator, elsewhere = rows("rows"), contextvars.copy_context()
        elsewhere.run(next, generator)
        assert list(generator) == [2]
        elsewhere.run(work)
        assert [(span.name, span.parent_id) for span in spans] == [("rows", 0), ("in thread", 0)]

    def test_a_block_that_a_stack_enters_ends_with_the_stack(self, spans: list[Span]) -> None:
        with ExitStack() as stack:
            for name in ("outer", "inner", "inner"):
                stack.enter_context(track(name))
        assert [span.name for span in spans] == ["inner", "inner", "outer"]
        assert [spans[0].parent_id, spans[1].parent_id] == [spans[1].span_id, spans[2].span_id]


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError


class TestErrors:
    @pytest.mark.parametrize(
        "error", [GeneratorExit(), StopIteration(), StopAsyncIteration(), asyncio.CancelledError()]
    )
    def test_an_intended_end_is_no_error(self, spans: list[Span], error: BaseException) -> None:
        with pytest.raises(type(error)), track("work"):
            raise error
        assert [span.error for span in spans] == [""]

    def test_an_error_without_a_text_stays_itself(self, spans: list[Span]) -> None:
        with pytest.raises(UnprintableError), track("work"):
            raise UnprintableError
        assert [span.error for span in spans] == ["UnprintableError"]

    def test_a_generator_whose_cleanup_fails_ends_its_span(self, spans: list[Span]) -> None:
        @track("rows")
        def failing() -> Iterator[int]:
            try:
                yield 1
            finally:
                raise ValueError

        generator = failing()
        next(generator)
        with pytest.raises(ValueError, match=r"^$"):
            generator.close()  # type: ignore[attr-defined]
        assert [span.error for span in spans] == ["ValueError: "]
        assert current() is None

    def test_an_abandoned_asynchronous_generator_is_closed_without_a_complaint(self, spans: list[Span]) -> None:
        kept: list[AsyncIterator[int]] = []
        complaints: list[object] = []

        @track("rows")
        async def abandoned() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                await asyncio.sleep(0)

        async def use() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            kept.append(abandoned())
            await anext(kept[0])

        asyncio.run(use())
        assert complaints == []
        assert [span.error for span in spans] == [""]


class TestThreads:
    def test_a_thread_that_runs_in_a_copied_context_continues_the_tree(self, spans: list[Span]) -> None:
        with track("outer"):
            run_thread(threading.Thread(target=contextvars.copy_context().run, args=(work,)))
        inner, outer = spans
        assert inner.parent_id == outer.span_id
        assert inner.thread != outer.thread


def work() -> None:
    with track("in thread"):
        pass


def run_thread(thread: threading.Thread) -> None:
    thread.start()
    thread.join()
