"""The repeated execution of a test's body, in place of a single execution."""

from __future__ import annotations

import functools
import inspect
import unittest
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import AsyncSubject, PlainSubject, Subject

Measure = Callable[[Subject], Coroutine[Any, Any, Any]]
"""A function that measures a subject and returns the result of the first call."""


@contextmanager
def repeated_body(
    item: pytest.Function, measure: Measure, arguments: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Iterator[None]:
    """Replace the test's function within the block, so that a call of it measures the original function.

    Args:
        item: the test.
        measure: a function that measures the test's function.
        arguments: a function that returns the arguments of the test's function, given those of its fixtures.
    """
    original = item.obj
    item.obj = repeated = _repeated(original, measure, arguments)
    # For unittest, pytest looks up coroutine tests on the instance.
    instance = item.instance if isinstance(item.instance, unittest.TestCase) else None
    if instance is not None:
        vars(instance)[item.name] = repeated
    try:
        yield
    finally:
        item.obj = original
        if instance is not None:
            vars(instance).pop(item.name, None)


def _repeated(
    original: Callable[..., Any], measure: Measure, arguments: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def repeated_async(**kwargs: Any) -> Any:  # noqa: ANN401
            __tracebackhide__ = True
            return await measure(AsyncSubject(original, ((), arguments(kwargs))))

        return repeated_async

    @functools.wraps(original)
    def repeated(**kwargs: Any) -> Any:  # noqa: ANN401
        __tracebackhide__ = True
        return run_plain(measure(PlainSubject(original, ((), arguments(kwargs)))))

    return repeated
