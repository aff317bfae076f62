"""The request of a load as a test gives it: checks, with messages that begin with the line of the test."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import pytest

from pytest_perfbudget.config.load import PARAMETERS
from pytest_perfbudget.errors import MisuseError, shown
from pytest_perfbudget.measure.load.call import LoadCall, User
from pytest_perfbudget.measure.load.missing_answers import decider
from pytest_perfbudget.measure.load.running_loop import running_loop

_STOPS = (pytest.skip.Exception, pytest.exit.Exception)
"""The exceptions of pytest that end a test without a failure."""

_CHECKS = (AssertionError, pytest.fail.Exception)
"""The exceptions of checks that have failed."""

_IN_SEARCH: Final = {"rate": "first_rate= is the rate of the first", "stages": "first_rate= is the rate of the first"}
"""The keyword of a search that stands for the parameter of a load."""

NO_CALL: Final[Any] = object()
"""The value of a request that is not given."""

MOST_THREADS: Final = 10_000
MOST_TASKS: Final = 100_000
"""The most users of a closed load: more threads, or tasks, would take all memory and never be ready."""


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Begin the message of a mistake with the line of the test that made the mistake."""
    try:
        yield
    except MisuseError as error:
        message = f"{place}: {error}"
        raise MisuseError(message) from None


def load_call(call: Callable[..., Any], user: User | None, no_answer: object, place: str) -> LoadCall:
    """Return the request of a load, after a check of its user and of the errors without an answer."""
    if any(hasattr(type(user), one) for one in ("__enter__", "__aenter__")):
        made_by = getattr(getattr(user, "func", None), "__name__", "")
        write = f"user={made_by} without parentheses" if made_by else "user=lambda: ... with the call that makes it"
        message = (
            f"{place}: user= is a context manager, which all users would share, and must be the function that makes "
            f"the context manager of each user: write {write}"
        )
        raise MisuseError(message)
    if user is not None and not callable(user):
        message = f"{place}: user= must be a function that returns a context manager, found {shown(user)}"
        raise MisuseError(message)
    return LoadCall(call, user, _STOPS, _CHECKS, place, decider(no_answer, place))


def named(name: object, place: str, key: str) -> None:
    """Refuse a name that is no text of a single line: a report could not show it.

    Args:
        name: the name.
        place: the call, with which the message begins.
        key: the word for the name in the call.
    """
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        message = f"{place}: {key} must be a text of one line, found {shown(name)}"
        raise MisuseError(message)


def refuse_arguments(call: object, arguments: tuple[object, ...], place: str) -> None:
    """Refuse positional arguments after the request, which `perf` takes: the users of a load may not share an object.

    Raises:
        MisuseError: there are some.
    """
    if arguments:
        name = function_name(call)
        message = (
            f"{place}: a request has no arguments but the value of user=: write functools.partial({name}, ...) instead "
            f"of {name}, ..."
        )
        raise MisuseError(message)


def refuse_parameters(keywords: Iterable[str], place: str) -> None:
    """Refuse the parameters of a load in a search for the capacity, which chooses the loads.

    Raises:
        MisuseError: there are some.
    """
    for key in keywords:
        if key in PARAMETERS:
            remedy = _IN_SEARCH.get(key, "leave it out")
            message = f"{place}: {key}= has no meaning here: the search chooses open loads of different rates: {remedy}"
            raise MisuseError(message)


def refuse_longer_probe(probe_ns: int, whole_ns: int, place: str, *, probe: str, duration: str) -> None:
    """Refuse a probe of a search that is longer than the whole search may be.

    Args:
        probe_ns: the length of a probe.
        whole_ns: the time after which no further probe begins.
        place: the call.
        probe: the length of a probe, as written.
        duration: the time, as written.

    Raises:
        MisuseError: the probe is longer. The test fails.
    """
    if probe_ns > whole_ns:
        message = (
            f"{place}: probe={probe!r} is longer than duration={duration!r}, in which the search has to make several: "
            "give a shorter probe= or a longer duration="
        )
        raise MisuseError(message)


def function_name(call: object) -> str:
    """Return the name of a function or, of another object that can be called, of its class."""
    return str(getattr(call, "__name__", type(call).__name__))


def is_awaited(call: object, place: str) -> bool:
    """Return whether a call is a coroutine function, after a check that it can be called here."""
    if call is NO_CALL:
        call_name = place.partition("(")[0]
        message = f"{place}: give the function that makes a request: write {call_name}(fn, ...)"
        raise MisuseError(message)
    if not callable(call):
        message = (
            f"{place}: expected a function, found {shown(call)}: write perf_load(fn, ...), not perf_load(fn(), ...)"
        )
        raise MisuseError(message)
    name = function_name(call)
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        message = f"{place}: {name} is a generator function, its body would not run: make it a function"
        raise MisuseError(message)
    plain = call.func if isinstance(call, partial) else call
    is_async = inspect.iscoroutinefunction(plain) or inspect.iscoroutinefunction(type(plain).__call__)
    if is_async:
        try:
            running_loop()
        except RuntimeError:
            message = f"{place}: {name} is a coroutine function: write `await perf_load({name}, ...)` in an async test"
            raise MisuseError(message) from None
    return is_async
