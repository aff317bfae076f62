"""Errors that say that no answer came: timeouts of clients, and no errors that carry an answer."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace

import aiohttp
import pytest
import redis
import requests
import trio
import urllib3

from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.load.missing_answers import decider, has_no_answer, was_not_sent

MS = 1_000_000
WAITED_NS = 200 * MS
AT_ONCE_NS = 5 * MS


def raised_from(error: BaseException, cause: BaseException) -> BaseException:
    """Return an exception that was raised because of another."""
    error.__cause__ = cause
    return error


def in_group(error: Exception) -> BaseException:
    """Return a group of exceptions; Python 3.10 has no class of groups."""

    class Group(Exception):  # noqa: N818 - as ExceptionGroup
        exceptions = (OSError(), error)

    return Group()


def of_class(package: str, name: str) -> BaseException:
    """Return an exception of a client that is not installed."""
    kind: type[Exception] = type(name, (Exception,), {"__module__": f"{package}._errors"})
    return kind()


def of_grpc(code: str) -> BaseException:
    """Return an error of gRPC, whose code is the value of a method."""
    error = of_class("grpc", "RpcError")
    error.code = lambda: SimpleNamespace(name=code)  # type: ignore[attr-defined]
    return error


class GatewayTimeoutError(Exception):
    """An error of an application for a response 504."""

    status_code = 504


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ConnectionTimeoutError(),
        requests.ReadTimeout(),
        requests.ConnectTimeout(),
        urllib3.exceptions.ConnectTimeoutError(),
        redis.TimeoutError(),
        trio.TooSlowError(),
        of_class("httpx", "TimeoutException"),
        raised_from(TimeoutError(), asyncio.CancelledError()),
        raised_from(OSError("the service is down"), requests.ReadTimeout()),
        in_group(requests.ReadTimeout()),
    ],
    ids=repr,
)
def test_a_timeout_of_a_client_is_no_answer_however_short(error: BaseException) -> None:
    assert has_no_answer(error, AT_ONCE_NS)


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("no answer in 200 ms"),
        raised_from(OSError("the service is down"), TimeoutError()),
        of_class("google", "DeadlineExceeded"),
        of_grpc("DEADLINE_EXCEEDED"),
    ],
    ids=repr,
)
def test_an_error_that_a_service_may_raise_as_well_is_no_answer_only_after_a_wait(error: BaseException) -> None:
    """An application may raise a TimeoutError for a response 504, which came at once."""
    assert has_no_answer(error, WAITED_NS)
    assert not has_no_answer(error, AT_ONCE_NS)


@pytest.mark.parametrize(
    ("package", "name"), [("httpx", "PoolTimeout"), ("httpx2", "PoolTimeout"), ("urllib3", "EmptyPoolError")]
)
def test_a_request_without_a_free_connection_was_not_sent(package: str, name: str) -> None:
    error = of_class(package, name)
    assert was_not_sent(error)
    assert has_no_answer(error, AT_ONCE_NS)
    assert not was_not_sent(of_class(package, "ReadTimeout"))
    assert not was_not_sent(of_class("shop", name))


@pytest.mark.parametrize(("package", "name"), [("psycopg_pool", "PoolTimeout"), ("pymongo", "WaitQueueTimeoutError")])
def test_a_service_without_a_free_connection_to_its_database_fails(package: str, name: str) -> None:
    """The service may run in the process of the test, and no late generator excuses it."""
    error = of_class(package, name)
    assert not was_not_sent(error)
    assert not has_no_answer(error, WAITED_NS)


def test_a_timeout_that_the_standard_library_raised_is_no_answer_however_short() -> None:
    """A client with a timeout of 40 ms, such as that of urllib, is no service with fast errors."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as answer:
        ours.settimeout(0.001)
        with pytest.raises(TimeoutError) as raised:
            answer.read(1)
    assert has_no_answer(raised.value, AT_ONCE_NS)
    with pytest.raises(TimeoutError) as raised:
        raise TimeoutError
    assert not has_no_answer(raised.value, AT_ONCE_NS)


def response(status: int) -> requests.Response:
    """Return a response, which is false if its status is that of an error."""
    made = requests.Response()
    made.status_code = status
    return made


@pytest.mark.parametrize(
    "error",
    [
        GatewayTimeoutError("upstream"),
        raised_from(GatewayTimeoutError(), TimeoutError()),
        requests.HTTPError(response=response(504)),
        raised_from(TimeoutError(), requests.HTTPError(response=response(504))),
        raised_from(LookupError("503: refused at once"), asyncio.CancelledError()),
        of_class("shop", "PaymentTimeout"),
        of_class("shop", "TimeoutException"),
        of_grpc("UNAVAILABLE"),
        OSError("refused"),
    ],
    ids=repr,
)
def test_an_error_that_carries_an_answer_or_is_of_an_unknown_class_has_its_own_time(error: BaseException) -> None:
    is_general = isinstance(error, TimeoutError)  # raised after a response, which the name of the class denies
    assert has_no_answer(error, WAITED_NS) is is_general
    assert not has_no_answer(error, AT_ONCE_NS)


def test_the_test_decides_by_classes() -> None:
    """Other errors are answers then, whatever they are called."""
    decide = decider((GatewayTimeoutError, KeyError), "here")
    assert decide(GatewayTimeoutError(), AT_ONCE_NS)
    assert not decide(requests.ReadTimeout(), WAITED_NS)
    assert decider([GatewayTimeoutError, KeyError], "here")(KeyError(), AT_ONCE_NS)
    assert decider(KeyError, "here")(KeyError(), AT_ONCE_NS)
    assert not decider((), "here")(requests.ReadTimeout(), WAITED_NS)


def test_the_test_decides_by_a_function() -> None:
    decide = decider(lambda error: "504" in str(error), "here")
    assert decide(OSError("status 504"), AT_ONCE_NS)
    assert not decide(TimeoutError(), WAITED_NS)
    broken = decider(lambda error: error.status > 500, "perf_load() in test_it.py:3")
    with pytest.raises(MisuseError) as found:
        broken(OSError("x"), WAITED_NS)
    assert str(found.value) == (
        "perf_load() in test_it.py:3: no_answer= failed for OSError('x'): AttributeError: 'OSError' object has no "
        "attribute 'status'"
    )


@pytest.mark.parametrize("given", ["TimeoutError", 504, (TimeoutError, "x"), int])
def test_another_value_is_refused(given: object) -> None:
    with pytest.raises(MisuseError, match="must be a class of exceptions, several classes in a tuple or a list, or a"):
        decider(given, "here")


def test_exceptions_that_cause_each_other_come_to_an_end() -> None:
    first, second = OSError(), OSError()
    first.__cause__, second.__cause__ = second, first
    assert not has_no_answer(first, WAITED_NS)
