"""Wrappers that make a span of each call of a function, for each kind of function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.open_span import Named, RestingSpan, begin


def tracked_function(function: Callable[..., Any], source: Named) -> Callable[..., Any]:
    """Return a function of the same kind, each call of which is a span.

    Args:
        function: a function, a coroutine function, or a generator function of either kind.
        source: the name and the attributes of the spans.
    """
    if inspect.iscoroutinefunction(function):
        return _tracked_coroutine(function, source)
    if inspect.isasyncgenfunction(function):
        return _tracked_async_generator(function, source)
    if inspect.isgeneratorfunction(function):
        return _tracked_generator(function, source)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        if not spans.sinks:
            return function(*args, **kwargs)
        span = begin(source)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            span.end(error)
            raise
        span.end()
        return result

    return call


def _tracked_coroutine(function: Callable[..., Any], source: Named) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        if not spans.sinks:
            return await function(*args, **kwargs)
        span = begin(source)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            span.end(error)
            raise
        span.end()
        return result

    return call


def _tracked_generator(function: Callable[..., Any], source: Named) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        if not spans.sinks:
            return (yield from function(*args, **kwargs))
        span = RestingSpan(source)
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


def _tracked_async_generator(function: Callable[..., Any], source: Named) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        span = RestingSpan(source) if spans.sinks else _NO_SPAN
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
