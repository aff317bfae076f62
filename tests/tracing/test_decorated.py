"""`track` decorates functions and methods of any kind, and refuses anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from functools import lru_cache
from typing import Any

import pytest
from gathered_spans import gathered

from pytest_perfbudget import track
from pytest_perfbudget.tracing import Span, current


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    with gathered() as found:
        yield found


def work() -> None:
    with track("work"):
        pass


def rows() -> Iterator[int]:
    yield 1


def test_static_and_class_methods_stay_what_they_are(spans: list[Span]) -> None:
    class Shop:
        @track("static")
        @staticmethod
        def double(number: int) -> int:
            return 2 * number

        @track("class")
        @classmethod
        def name(cls) -> str:
            return cls.__name__

    assert (Shop.double(2), Shop().double(3), Shop.name()) == (4, 6, "Shop")
    assert [span.name for span in spans] == ["static", "static", "class"]


@pytest.mark.parametrize(("other", "what"), [(int, "the class int"), (property(len), "a property"), (7, "a int")])
def test_what_is_no_function_is_refused(other: Any, what: str) -> None:
    with pytest.raises(TypeError, match=rf"^track\('x'\) decorates functions and methods, not {what}: "):
        track("x")(other)


def test_a_span_needs_a_name() -> None:
    def price() -> int:
        return 1

    with pytest.raises(
        TypeError, match=r'^track needs the name of the span: write @track\("price"\) instead of @track$'
    ):
        track(price)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^track needs the name of the span, a text, found 7$"):
        track(7)  # type: ignore[arg-type]


def test_the_functions_of_a_cache_stay() -> None:
    cached = track("double")(lru_cache(lambda number: 2 * number))
    assert cached(2) == 4
    cached.cache_clear()
    assert cached.cache_info().currsize == 0


def test_an_awaitable_of_a_plain_function_is_part_of_the_span(spans: list[Span]) -> None:
    class Handler:
        async def __call__(self) -> str:
            return await work_later()

    async def work_later() -> str:
        work()
        return "done"

    @track("plain")
    def plain() -> Coroutine[Any, Any, str]:
        return work_later()

    async def use() -> list[str]:
        made = plain()
        assert current() is None
        return [await made, await track("object")(Handler())()]

    assert asyncio.run(use()) == ["done", "done"]
    assert [span.name for span in spans] == ["work", "plain", "work", "object"]
    assert [spans[0].parent_id, spans[2].parent_id] == [spans[1].span_id, spans[3].span_id]


def test_each_wrapper_is_a_function_of_its_own_for_profilers() -> None:
    inner, outer = track("inner")(work), track("outer")(rows)
    assert inner.__code__ != outer.__code__
    assert (inner.__code__.co_name, outer.__code__.co_name) == ("track(work)", "track(rows)")
