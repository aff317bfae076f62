"""The WSGI middleware, with requests as a server makes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.monitor.wsgi import WSGIMonitor

Make = Callable[..., Monitor]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    path = environ["PATH_INFO"]
    if path == "/breaks":
        raise KeyError("agent")  # noqa: EM101
    start_response("503 Service Unavailable" if path == "/away" else "200 OK", [("Content-Type", "text/plain")])
    return later() if path == "/later" else [b"well"]


def later() -> Iterator[bytes]:
    yield b"one"
    raise OSError("the disk is gone")  # noqa: EM101


def get(served: Any, path: str, client: str = "127.0.0.1") -> tuple[str, bytes]:
    """Send a request by way of a validator of the WSGI standard."""
    environ: dict[str, Any] = {"PATH_INFO": path, "REMOTE_ADDR": client, "SCRIPT_NAME": "", "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    found: list[str] = []

    def start_response(status: str, _: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        assert exc_info is None
        found.append(status)
        return lambda _: None

    body = validator(served)(environ, start_response)
    try:
        return found[0], b"".join(body)
    finally:
        body.close()  # type: ignore[attr-defined]


def test_requests_are_observed_and_answered(make_monitor: Make) -> None:
    monitor = make_monitor()
    assert get(WSGIMonitor(app, monitor), "/well") == ("200 OK", b"well")
    numbers = monitor.summary()["components"]["http"]
    assert (numbers["requests_total"], numbers["errors_total"]) == (1, 0)


@pytest.mark.parametrize(
    ("path", "kind", "raised"),
    [("/away", "HTTP 503", None), ("/breaks", "KeyError", KeyError), ("/later", "OSError", OSError)],
)
def test_failures_are_errors(make_monitor: Make, path: str, kind: str, raised: type[Exception] | None) -> None:
    monitor = make_monitor()
    if raised is None:
        get(WSGIMonitor(app, monitor), path)
    else:
        with pytest.raises(raised):
            get(WSGIMonitor(app, monitor), path)
    (error,) = monitor.summary()["errors"]
    assert error["kind"] == kind
    assert monitor.summary()["components"]["http"]["requests_total"] == 1


def test_the_paths_of_the_monitor(make_monitor: Make) -> None:
    monitor = make_monitor()
    served = WSGIMonitor(app, monitor)
    assert get(served, "/metrics")[1].endswith(b"# EOF\n")
    assert json.loads(get(served, "/perfbudget")[1])["schema"] == "perfbudget-monitor/1"
    assert get(served, "/perfbudget", client="192.0.2.7")[0] == "403 Forbidden"
    assert monitor.summary()["components"] == {}


def test_a_request_for_events_gets_one_and_the_time_to_ask_again(make_monitor: Make) -> None:
    status, body = get(WSGIMonitor(app, make_monitor()), "/perfbudget/events")
    assert status == "200 OK"
    assert body.startswith(b"retry: 2000\ndata: {")
    assert body.count(b"data: ") == 1


def test_a_function_names_the_component(make_monitor: Make) -> None:
    monitor = make_monitor()
    get(WSGIMonitor(app, monitor, component=lambda environ: environ["PATH_INFO"].strip("/")), "/well")
    assert list(monitor.summary()["components"]) == ["well"]


def test_a_function_that_fails_does_not_break_requests(make_monitor: Make, caplog: pytest.LogCaptureFixture) -> None:
    monitor = make_monitor()
    served = WSGIMonitor(app, monitor, component=lambda environ: environ["absent"])
    assert [get(served, "/well")[0] for _ in range(2)] == ["200 OK"] * 2
    assert monitor.summary()["components"]["other"]["requests_total"] == 2
    assert len(caplog.records) == 1


def test_the_application_may_have_its_own_metrics(make_monitor: Make) -> None:
    assert get(WSGIMonitor(app, make_monitor(), metrics_path=None), "/metrics")[1] == b"well"
    assert get(WSGIMonitor(app, make_monitor(), metrics_path="/perf"), "/perf")[1].endswith(b"# EOF\n")


class FileWrapper:
    """A body that a server sends without reading it."""

    def __init__(self, _: object) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"file"])

    def close(self) -> None:
        self.closed += 1


class SlottedWrapper(FileWrapper):
    """A body whose attributes cannot be set, as those of types in C."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "close":
            raise AttributeError(name)
        super().__setattr__(name, value)


@pytest.mark.parametrize("wrapper", [FileWrapper, SlottedWrapper])
def test_the_file_wrapper_of_a_server_stays_and_counts_once(make_monitor: Make, wrapper: type[FileWrapper]) -> None:
    monitor = make_monitor()

    def sends(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](None)

    body: Any = WSGIMonitor(sends, monitor)({"PATH_INFO": "/", "wsgi.file_wrapper": wrapper}, lambda *_: None)
    assert type(body) is wrapper
    body.close()
    body.close()
    assert body.closed
    assert monitor.summary()["components"]["http"]["requests_total"] == 1


def test_a_body_that_is_closed_twice_counts_once(make_monitor: Make) -> None:
    monitor = make_monitor()
    body: Any = WSGIMonitor(app, monitor)({"PATH_INFO": "/"}, lambda *_: None)
    body.close()
    body.close()
    assert monitor.summary()["components"]["http"]["requests_total"] == 1


@pytest.mark.parametrize("begins", [True, False])
def test_no_response_is_an_error_and_a_late_one_is_none(make_monitor: Make, begins: bool) -> None:
    monitor = make_monitor()

    def late(_: Any, start_response: Callable[..., Any]) -> Iterator[bytes]:
        if begins:
            start_response("200 OK", [])
        yield b""

    body: Any = WSGIMonitor(late, monitor)({"PATH_INFO": "/"}, lambda *_: None)
    list(body)
    body.close()
    assert [one["kind"] for one in monitor.summary()["errors"]] == ([] if begins else ["no response"])
