"""The errors which say that no answer came: a client's timeout is one, like the timeout of the load.

The classes of the common clients are known by package and name. An error that carries an answer is none of these,
whatever its name: a response 504 is an answer. The test decides about the errors of its own classes (`no_answer=`).
"""

from __future__ import annotations

import sysconfig
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import MisuseError, shown

Decide = Callable[[BaseException, int], bool]
"""A function that returns whether an error says that no answer came, from the error and the time it took in ns."""

_OF_POOLS: Final = {
    ("httpcore", "PoolTimeout"),
    ("httpx", "PoolTimeout"),
    ("httpx2", "PoolTimeout"),
    ("urllib3", "EmptyPoolError"),
}
"""The package and the name of classes which say that all connections of an HTTP client were in use until its timeout.
The pool of a database is not among them: as a rule the service has it, which may run in the process of the test."""

_OF_CLIENTS: Final = {
    *_OF_POOLS,
    ("aiohttp", "ServerTimeoutError"),
    ("botocore", "ConnectTimeoutError"),
    ("botocore", "ReadTimeoutError"),
    ("elastic_transport", "ConnectionTimeout"),
    ("gevent", "Timeout"),
    ("httpcore", "TimeoutException"),
    ("httpx", "TimeoutException"),
    ("httpx2", "TimeoutException"),
    ("niquests", "Timeout"),
    ("pymongo", "NetworkTimeout"),
    ("pymongo", "ServerSelectionTimeoutError"),
    ("redis", "TimeoutError"),
    ("requests", "Timeout"),
    ("tornado", "HTTPTimeoutError"),
    ("trio", "TooSlowError"),
    ("urllib3", "TimeoutError"),
    ("websocket", "WebSocketTimeoutException"),
}
"""The package and the name of classes that only a client raises, and only after its timeout."""

_GENERAL: Final = {
    ("asyncio", "TimeoutError"),  # of Python 3.10, as the next
    ("concurrent", "TimeoutError"),
    ("builtins", "TimeoutError"),
    ("google", "DeadlineExceeded"),
    ("multiprocessing", "TimeoutError"),
}
"""Classes that a service, or the code of an application, may raise as well, such as for a response 504."""

_SHORTEST_NS: Final = 50_000_000
"""The shortest time after which an error of a general class is taken for a client's timeout: timeouts of clients are
seconds as a rule, and an answer which says that another service is not there comes at once."""

_STANDARD_LIBRARY: Final = sysconfig.get_path("stdlib")

_DEEPEST: Final = 10
"""The most exceptions of a chain that are looked at; a chain may have a loop."""


def grouped(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of a group; nothing for another exception."""
    inner = getattr(error, "exceptions", ())  # Python 3.10 has no class of groups
    return (one for one in (inner if isinstance(inner, tuple) else ()) if isinstance(one, BaseException))


def has_no_answer(error: BaseException, took_ns: int, deepest: int = _DEEPEST) -> bool:
    """Return whether an exception, its cause or an exception of its group says that no answer came in time.

    Args:
        error: the exception.
        took_ns: the time from the start of the request to the exception, in ns.
        deepest: the most further exceptions of a chain.
    """
    classes = _classes(error)
    if classes & _OF_CLIENTS:
        return True
    if _carries_answer(error):
        return False
    if (classes & _GENERAL or _is_deadline_of_grpc(error)) and (took_ns >= _SHORTEST_NS or _is_of_a_timer(error)):
        return True
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    inner = [*grouped(error), *([] if cause is None else [cause])]
    return deepest > 0 and any(has_no_answer(one, took_ns, deepest - 1) for one in inner)


def was_not_sent(error: BaseException) -> bool:
    """Return whether an exception says that a request, for want of a free connection of the client, was never sent."""
    return bool(_classes(error) & _OF_POOLS)


def decider(given: object, place: str) -> Decide:
    """Return the function that decides which errors of a load have no answer.

    Args:
        given: the value of `no_answer=`; None for the rule of `has_no_answer`.
        place: the call, with which a message begins.

    Raises:
        MisuseError: the value is of another kind.
    """
    if given is None:
        return has_no_answer
    classes = tuple(given) if isinstance(given, (tuple, list, set, frozenset)) else (given,)
    if all(isinstance(one, type) and issubclass(one, BaseException) for one in classes):
        return lambda error, _: isinstance(error, classes)
    if isinstance(given, type) or not callable(given):
        message = (
            f"{place}: no_answer= must be a class of exceptions, several classes in a tuple or a list, or a function "
            f"that is given an error, found {shown(given)}"
        )
        raise MisuseError(message)

    def decide(error: BaseException, _: int) -> bool:
        try:
            return bool(given(error))
        except Exception as problem:
            message = f"{place}: no_answer= failed for {shown(error)}: {type(problem).__name__}: {problem}"
            raise MisuseError(message) from problem

    return decide


def _classes(error: BaseException) -> set[tuple[str, str]]:
    """Return the classes of an exception, each by its package and its name."""
    return {(one.__module__.partition(".")[0], one.__name__) for one in type(error).__mro__}


def _carries_answer(error: BaseException) -> bool:
    """Return whether an exception has a response, or the status of a response, as those of HTTP clients have."""
    with suppress(Exception):  # an attribute may be computed by the client's own code
        response = getattr(error, "response", None)
        is_response = response is not None and not isinstance(response, BaseException)  # gRPC's own error
        return is_response or any(isinstance(getattr(error, name, None), int) for name in ("status", "status_code"))
    return False


def _is_of_a_timer(error: BaseException) -> bool:
    """Return whether a timer of the standard library raised an exception: a socket's, or one that cancelled a task."""
    if any(isinstance(one, CancelledError) for one in (error.__cause__, error.__context__)):
        return True
    raised = error.__traceback__
    while raised is not None and raised.tb_next is not None:
        raised = raised.tb_next
    if raised is None:
        return False
    file = Path(raised.tb_frame.f_code.co_filename)
    return file.is_relative_to(_STANDARD_LIBRARY) and "site-packages" not in file.parts


def _is_deadline_of_grpc(error: BaseException) -> bool:
    """Return whether an exception is gRPC's error for a deadline, which has a code in place of a class of its own."""
    with suppress(Exception):
        code = getattr(error, "code", None)
        return callable(code) and getattr(code(), "name", "") == "DEADLINE_EXCEEDED"
    return False
