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
