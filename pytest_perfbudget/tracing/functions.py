"""Wrappers that make a span of each call of a function, for each kind of function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_perfbudget.tracing import span as spans

Begin = Callable[[], spans.OpenSpan]


def tracked_function(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    """Return a function of the same kind, each call of which is a span.

    Args:
        function: a function, a coroutine function, or a generator function of either kind.
        begin: the function that begins a span.
    """
    if inspect.iscoroutinefunction(function):
        return _tracked_coroutine(function, begin)
    if inspect.isasyncgenfunction(function):
        return _tracked_async_generator(function, begin)
    if inspect.isgeneratorfunction(function):
        return _tracked_generator(function, begin)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        if not spans.sinks:
            return function(*args, **kwargs)
        span = begin()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            span.end(error)
            raise
        span.end()
        return result

    return call


def _tracked_coroutine(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        if not spans.sinks:
            return await function(*args, **kwargs)
        span = begin()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            span.end(error)
            raise
        span.end()
        return result

    return call


def _tracked_generator(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        if not spans.sinks:
            return (yield from function(*args, **kwargs))
        span = begin()
        generator = function(*args, **kwargs)
        resume: Callable[[], Any] = partial(next, generator)
        while True:
            try:
                item = resume()
            except StopIteration as stop:
                span.end()
                return stop.value
            except BaseException as error:
                span.end(error)
                raise
            span.leave()
            try:
                resume = partial(generator.send, (yield item))
            except GeneratorExit:
                span.enter()
                generator.close()
                span.end()
                raise
            except BaseException as error:  # noqa: BLE001 - the caller's error is thrown into the wrapped generator
                resume = partial(generator.throw, error)
            span.enter()

    return call


def _tracked_async_generator(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        span = begin() if spans.sinks else _NO_SPAN
        generator = function(*args, **kwargs)
        resume: Callable[[], Any] = partial(anext, generator)
        while True:
            try:
                item = await resume()
            except StopAsyncIteration:
                span.end()
                return
            except BaseException as error:
                span.end(error)
                raise
            span.leave()
            try:
                resume = partial(generator.asend, (yield item))
            except GeneratorExit:
                span.enter()
                await generator.aclose()
                span.end()
                raise
            except BaseException as error:  # noqa: BLE001 - the caller's error is thrown into the wrapped generator
                resume = partial(generator.athrow, error)
            span.enter()

    return call


class _NoSpan:
    """The stand-in for a span while tracking is off, in a wrapper that has to drive its generator anyway."""

    def enter(self) -> None:
        """Do nothing."""

    def leave(self) -> None:
        """Do nothing."""

    def end(self, error: BaseException | None = None) -> None:
        """Do nothing."""


_NO_SPAN = _NoSpan()
