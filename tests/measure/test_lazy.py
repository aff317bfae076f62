"""Which results show that the work of a call is not done."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from unittest.mock import Mock

import pytest

from pytest_perfbudget.measure.lazy import unfinished


def rows() -> Iterator[int]:
    yield 1


async def async_rows() -> AsyncIterator[int]:
    yield 1


managed = contextlib.contextmanager(rows)
async_managed = contextlib.asynccontextmanager(async_rows)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (rows, "a generator: consume it"),
        (lambda: (n for n in "ab"), "a generator: consume it"),
        (async_rows, "an asynchronous generator: consume it"),
        (lambda: map(str, [1]), "a lazy iterator: consume it"),
        (lambda: filter(None, [1]), "a lazy iterator: consume it"),
        (lambda: zip([1], [2], strict=True), "a lazy iterator: consume it"),
        (lambda: itertools.chain([1], [2]), "a lazy iterator: consume it"),
        (managed, "a context manager: enter it"),
        (async_managed, "a context manager: enter it"),
        (Future, "a future: wait for its result()"),
    ],
)
def test_a_result_that_has_done_nothing_yet_is_named_with_a_remedy(make: Callable[[], object], what: str) -> None:
    text = unfinished(make())
    assert text.startswith(f"the function returned before its work was done; its result is {what}")


def test_a_future_of_asyncio_is_not_done_either() -> None:
    async def made() -> str:
        return unfinished(asyncio.get_running_loop().create_future())

    assert "a future: await it" in asyncio.run(made())


@pytest.mark.parametrize("result", [None, 1, [1], iter([1]), io.StringIO(), Mock(), {1: 2}.items()])
def test_any_other_result_is_the_work_done(result: object) -> None:
    assert unfinished(result) == ""
