"""The ASGI middleware, with requests as a server makes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.monitor.asgi import ASGIMonitor
from pytest_perfbudget.monitor.endpoints import is_loopback

Make = Callable[..., Monitor]


async def well(_: Request) -> PlainTextResponse:
    return PlainTextResponse("well")


async def away(_: Request) -> PlainTextResponse:
    return PlainTextResponse("away", 503)


async def breaks(_: Request) -> PlainTextResponse:
    raise KeyError("agent")  # noqa: EM101


def app(monitor: Monitor, **options: Any) -> Starlette:
    routes = [Route("/well", well), Route("/away", away), Route("/breaks", breaks), Route("/perfbudgets", well)]
    return Starlette(routes=routes, middleware=[Middleware(ASGIMonitor, monitor=monitor, **options)])


async def exchange(
    served: Any, path: str, *, client: str = "127.0.0.1", kind: str = "http", events: int = 0, root: str = ""
) -> list[dict[str, Any]]:
    """Send a request, and return the messages of the answer; the client goes away after a number of events."""
    sent: list[dict[str, Any]] = []
    is_gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if kind == "http" and not sent:
            return {"type": "http.request", "body": b"", "more_body": False}
        await is_gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if len(sent) > events:
            is_gone.set()

    scope = {
        "type": kind,
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "client": (client, 5),
        "root_path": root,
    }
    await served(scope, receive, send)
    return sent


def get(served: Any, path: str, **options: Any) -> tuple[int, bytes]:
    start, *parts = asyncio.run(exchange(served, path, **options))
    return start["status"], b"".join(part.get("body", b"") for part in parts)


def test_requests_are_observed_and_answered(make_monitor: Make) -> None:
    monitor = make_monitor()
    assert get(app(monitor), "/well") == (200, b"well")
    numbers = monitor.summary()["components"]["http"]
    assert (numbers["requests_total"], numbers["errors_total"]) == (1, 0)


def test_a_status_of_500_and_more_is_an_error(make_monitor: Make) -> None:
    monitor = make_monitor()
    assert get(app(monitor), "/away")[0] == 503
    assert get(app(monitor), "/absent")[0] == 404
    (error,) = monitor.summary()["errors"]
    assert (error["kind"], error["message"]) == ("HTTP 503", "GET /away")


def test_an_exception_is_an_error_with_its_place(make_monitor: Make) -> None:
    monitor = make_monitor()
    with pytest.raises(KeyError):
        get(app(monitor), "/breaks")
    (error,) = monitor.summary()["errors"]
    assert error["kind"] == "KeyError"
    assert "test_asgi.py:" in error["place"]


def test_a_function_names_the_component(make_monitor: Make) -> None:
    monitor = make_monitor()
    get(app(monitor, component=lambda scope: scope["path"].strip("/")), "/well")
    assert list(monitor.summary()["components"]) == ["well"]


@pytest.mark.parametrize(
    ("name_of", "name", "lines"),
    [
        (lambda _: None, "other", 0),
        (lambda _: "", "other", 0),
        (lambda _: 5, "5", 0),
        (lambda scope: scope["absent"], "other", 1),
    ],
)
def test_a_function_that_fails_does_not_break_requests(
    make_monitor: Make, caplog: pytest.LogCaptureFixture, name_of: Callable[[Any], Any], name: str, lines: int
) -> None:
    monitor = make_monitor()
    served = ASGIMonitor(app(make_monitor()), monitor, component=name_of)
    for _ in range(2):
        assert get(served, "/well") == (200, b"well")
    assert monitor.summary()["components"][name]["requests_total"] == 2
    assert len(caplog.records) == lines


def test_the_application_may_have_its_own_metrics(make_monitor: Make) -> None:
    monitor = make_monitor()
    assert get(app(monitor, metrics_path=None), "/metrics")[0] == 404
    assert monitor.summary()["components"]["http"]["requests_total"] == 1
    assert get(app(monitor, metrics_path="/perf-metrics"), "/metrics")[0] == 404
    assert get(app(monitor, metrics_path="/perf-metrics"), "/perf-metrics")[1].endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("root", "path", "is_answered"),
    [("/api", "/api/perfbudget", True), ("/api", "/perfbudget", True), ("/ap", "/api/perfbudget", False)],
)
def test_an_application_may_be_mounted_under_a_prefix(
    make_monitor: Make, root: str, path: str, is_answered: bool
) -> None:
    status, _ = get(app(make_monitor()), path, root=root)
    assert status == (200 if is_answered else 404)


def test_no_response_is_an_error_unless_the_request_was_cancelled(make_monitor: Make) -> None:
    monitor = make_monitor()
    cancelled = True

    async def served(*_: Any) -> None:
        if cancelled:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(exchange(ASGIMonitor(served, monitor), "/"))
    assert monitor.summary()["errors"] == []
    cancelled = False
    asyncio.run(exchange(ASGIMonitor(served, monitor), "/"))
    (error,) = monitor.summary()["errors"]
    assert (error["kind"], error["message"]) == ("no response", "GET /")


@pytest.mark.parametrize(("waits", "least_ms", "most_ms"), [("after", 0, 49), ("between", 50, 1e6)])
def test_the_duration_is_that_up_to_the_last_byte(
    make_monitor: Make, monkeypatch: pytest.MonkeyPatch, waits: str, least_ms: float, most_ms: float
) -> None:
    now_ns = 0

    async def served(_: Any, __: Any, send: Any) -> None:
        nonlocal now_ns
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        now_ns += 50_000_000 * (waits == "between")
        await send({"type": "http.response.body", "body": b"b"})
        now_ns += 50_000_000 * (waits == "after")  # such as a BackgroundTask of Starlette, for which no client waits

    monkeypatch.setattr("pytest_perfbudget.monitor.asgi.time.perf_counter_ns", lambda: now_ns)
    monitor = make_monitor()
    asyncio.run(exchange(ASGIMonitor(served, monitor), "/"))
    numbers = monitor.summary()["components"]["http"]["windows"]["1m"]
    assert numbers["count"] == 1
    assert least_ms <= numbers["max_ms"] <= most_ms


def test_the_paths_of_the_monitor_are_not_observed(make_monitor: Make) -> None:
    monitor = make_monitor()
    status, body = get(app(monitor), "/metrics")
    assert status == 200
    assert body.endswith(b"# EOF\n")
    status, body = get(app(monitor), "/perfbudget")
    assert json.loads(body)["schema"] == "perfbudget-monitor/1"
    assert monitor.summary()["components"] == {}


def test_a_similar_path_belongs_to_the_application(make_monitor: Make) -> None:
    monitor = make_monitor()
    assert get(app(monitor), "/perfbudgets") == (200, b"well")
    assert monitor.summary()["components"]["http"]["requests_total"] == 1


@pytest.mark.parametrize("path", ["/perfbudget", "/perfbudget/events"])
def test_the_summary_is_for_this_machine_unless_allowed(make_monitor: Make, path: str) -> None:
    monitor = make_monitor()
    status, body = get(app(monitor), path, client="192.0.2.7")
    assert status == 403
    assert (
        body.decode() == f"{path} is for clients on this machine; the argument allow= of the middleware admits others\n"
    )
    assert get(app(monitor, allow=lambda _: True), path, client="192.0.2.7")[0] == 200
    assert get(app(monitor), "/metrics", client="192.0.2.7")[0] == 200


@pytest.mark.parametrize(
    ("client", "expected"), [("127.0.0.1", True), ("::1", True), ("192.0.2.7", False), ("", False)]
)
def test_the_clients_of_this_machine(client: str, expected: bool) -> None:
    assert is_loopback(client) is expected


def test_events_go_on_until_the_client_is_gone(make_monitor: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_perfbudget.monitor.asgi.EVERY_S", 0.01)
    start, *events = asyncio.run(exchange(app(make_monitor()), "/perfbudget/events", events=3))
    assert dict(start["headers"])[b"content-type"] == b"text/event-stream"
    assert len(events) == 3
    for event in events:
        retry, data, *_ = event["body"].decode().split("\n")
        assert retry == "retry: 2000"
        assert json.loads(data.removeprefix("data: "))["schema"] == "perfbudget-monitor/1"


def test_a_stream_ends_by_itself_so_that_a_server_can_stop(make_monitor: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_perfbudget.monitor.asgi.EVERY_S", 0.01)
    monkeypatch.setattr("pytest_perfbudget.monitor.asgi._STREAM_S", 0.03)
    messages = asyncio.run(exchange(app(make_monitor()), "/perfbudget/events", events=99))
    assert len(messages) == 6
    assert messages[-1] == {"type": "http.response.body", "body": b""}


def test_other_connections_pass_through(make_monitor: Make) -> None:
    seen = []

    async def served(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["type"], receive, send))

    monitor = make_monitor()
    asyncio.run(exchange(ASGIMonitor(served, monitor), "/", kind="websocket"))
    assert seen[0][0] == "websocket"
    assert monitor.summary()["components"] == {}
