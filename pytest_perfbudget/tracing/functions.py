"""Wrappers that make a span of each call of a function, for each kind of function."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from types import CodeType, CoroutineType
from typing import Any, Final

from pytest_perfbudget.tracing import collector
from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.open_span import OpenSpan, begin
from pytest_perfbudget.tracing.resting_span import RestingSpan
from pytest_perfbudget.tracing.span import Named
from pytest_perfbudget.tracing.steps import driven, is_driven
from pytest_perfbudget.tracing.task import UNKNOWN_TASK

_OF_CACHE: Final = ("cache_clear", "cache_info", "cache_parameters")
"""The functions of a function of `functools.lru_cache`, which `functools.wraps` leaves out."""


def tracked_function(function: Callable[..., Any], source: Named) -> Callable[..., Any]:
    """Return a function of the same kind, each call of which is a span.

    Args:
        function: a function, a coroutine function, or a generator function of either kind; also as a static method, as
            a class method, or as an object that can be called.
        source: the name and the attributes of the spans.

    Raises:
        TypeError: the function is a class or a property, or cannot be called.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(tracked_function(function.__func__, source))
    if isinstance(function, type) or not callable(function):
        what = f"the class {function.__name__}" if isinstance(function, type) else f"a {type(function).__name__}"
        message = f"track({source.name!r}) decorates functions and methods, not {what}: decorate its functions"
        raise TypeError(message)
    wrapper = _named(_wrapper(function, source))
    for name in _OF_CACHE:
        if hasattr(function, name):
            setattr(wrapper, name, getattr(function, name))
    return wrapper


def _named(wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Return a wrapper with code of its own: profilers take functions with the same code for a recursion."""
    name = f"track({wrapper.__qualname__})"
    code: CodeType = wrapper.__code__.replace(co_name=name)
    wrapper.__code__ = code if sys.version_info < (3, 11) else code.replace(co_qualname=name)
    return wrapper


def _wrapper(function: Callable[..., Any], source: Named) -> Callable[..., Any]:
    is_code = inspect.isroutine(function) or isinstance(function, partial)
    kind = function if is_code else type(function).__call__
    if inspect.iscoroutinefunction(kind):
        return _tracked_coroutine(function, source)
    if inspect.isasyncgenfunction(kind):
        return _tracked_async_generator(function, source)
    if inspect.isgeneratorfunction(kind):
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
        if result.__class__ is CoroutineType:
            collector.set_current(span.parent)
            if span.task is None:
                span.task = UNKNOWN_TASK
            return _awaited(result, span)
        span.end()
        return result

    return call


async def _awaited(coroutine: Coroutine[Any, Any, Any], span: OpenSpan) -> Any:  # noqa: ANN401 - its own type
    """Await the result of a plain function within the span of its call."""
    collector.set_current(span)
    try:
        result = await coroutine
    except BaseException as error:
        span.end(error)
        raise
    span.end()
    return result


def _tracked_coroutine(function: Callable[..., Any], source: Named) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        if not spans.sinks:
            return await function(*args, **kwargs)
        if spans.needs_cpu and not is_driven():
            return await driven(call(*args, **kwargs))
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
                try:
                    value: Any = generator.close()  # a value since Python 3.13
                except BaseException as error:
                    span.end(error)
                    raise
                span.end()
                if value is not None:
                    return value
                raise
            except BaseException as error:  # noqa: BLE001 - the caller's error is thrown into the wrapped generator
                resume = partial(generator.throw, error)
            span.enter()

    return call


def _tracked_async_generator(function: Callable[..., Any], source: Named) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the wrapped function's own types
        span = RestingSpan(source, is_suspendable=True) if spans.sinks else _NO_SPAN
        generator = function(*args, **kwargs)
        resume: Callable[[], Any] = partial(_begun, generator)
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
                try:
                    await generator.aclose()
                except BaseException as error:
                    span.end(error)
                    raise
                span.end()
                raise
            except BaseException as error:  # noqa: BLE001 - the caller's error is thrown into the wrapped generator
                resume = partial(generator.athrow, error)
            span.enter()

    return call


def _begun(generator: AsyncGenerator[Any, Any]) -> Any:  # noqa: ANN401 - an awaitable of its items' type
    """Begin a generator that the event loop does not know: the loop closes the wrapper, which closes the generator."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return anext(generator)
    finally:
        sys.set_asyncgen_hooks(*hooks)


class _NoSpan:
    """The stand-in for a span while tracking is off, in a wrapper that has to drive its generator anyway."""

    def enter(self) -> None:
        """Do nothing."""

    def leave(self) -> None:
        """Do nothing."""

    def end(self, error: BaseException | None = None) -> None:
        """Do nothing."""


_NO_SPAN = _NoSpan()
