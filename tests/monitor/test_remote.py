"""The dashboard of a service elsewhere: the request, the command, the live picture and the page."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from rich.console import Console

from pytest_perfbudget.cli import main
from pytest_perfbudget.errors import MonitorError
from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.monitor.live import show
from pytest_perfbudget.monitor.page import PageServer, page
from pytest_perfbudget.monitor.remote import checked_url, fetch_summary
from pytest_perfbudget.monitor.wsgi import WSGIMonitor

Make = Callable[..., Monitor]


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that wsgiref has
        """Log nothing."""


@contextmanager
def serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def application(_: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"well"]


@pytest.fixture
def url(make_monitor: Make) -> Iterator[str]:
    """The address of a service with a monitor that has seen a request of 30 ms."""
    monitor = make_monitor({"components": {"gateway": {"p95_ms": 50}}})
    monitor.observe("gateway", 0.03)
    server = make_server("127.0.0.1", 0, WSGIMonitor(application, monitor), handler_class=Quiet)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class TestRequests:
    """The request for a summary."""

    @pytest.mark.parametrize("given", ["127.0.0.1:8000", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/perfbudget"])
    def test_an_address_may_be_written_in_several_ways(self, given: str) -> None:
        assert checked_url(given) == "http://127.0.0.1:8000"

    @pytest.mark.parametrize(
        "given", ["", "ftp://host", "http://", "http://host:80a0", "http://host:99999", "http://[::1"]
    )
    def test_a_text_that_is_no_address_is_an_error(self, given: str) -> None:
        with pytest.raises(MonitorError, match=r"is no address: give the service's own"):
            checked_url(given)

    def test_a_password_is_refused_and_not_shown(self) -> None:
        with pytest.raises(MonitorError, match=r"^http://\.\.\.@host:80: a name and a password are not sent") as raised:
            checked_url("http://user:secret@host:80")
        assert "secret" not in str(raised.value)

    def test_a_service_answers_with_its_summary(self, url: str) -> None:
        assert fetch_summary(url)["components"]["gateway"]["requests_total"] == 1

    def test_a_service_that_does_not_answer_is_one_line(self, closed_port: int) -> None:
        with pytest.raises(MonitorError, match=r"^http://127\.0\.0\.1:\d+ does not answer: Connection refused$"):
            fetch_summary(f"http://127.0.0.1:{closed_port}")

    def test_a_service_without_a_monitor_is_one_line(self) -> None:
        server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
        with (
            serving(server),
            pytest.raises(MonitorError, match=r"/perfbudget is no summary of a monitor \(status 200\)"),
        ):
            fetch_summary(f"http://127.0.0.1:{server.server_port}")

    def test_a_service_that_refuses_says_why(self, make_monitor: Make) -> None:
        served = WSGIMonitor(application, make_monitor(), allow=lambda _: False)
        server = make_server("127.0.0.1", 0, served, handler_class=Quiet)
        with (
            serving(server),
            pytest.raises(MonitorError, match=r"answers 403: /perfbudget is for clients on this machine"),
        ):
            fetch_summary(f"http://127.0.0.1:{server.server_port}")


class TestCommand:
    """`perfbudget dashboard`."""

    def test_once_prints_and_ends(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["dashboard", url, "--once"]) == 0
        output = capsys.readouterr().out
        assert output.startswith("health 90 of 100")
        assert "gateway" in output

    @pytest.mark.parametrize("way", [["--once"], [], ["--serve", "0"]])
    def test_a_service_that_does_not_answer_is_exit_code_2(
        self, closed_port: int, way: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["dashboard", f"127.0.0.1:{closed_port}", *way]) == 2
        assert (
            capsys.readouterr().err
            == f"perfbudget: http://127.0.0.1:{closed_port} does not answer: Connection refused\n"
        )

    @pytest.mark.parametrize("port", ["-1", "x", "65536"])
    def test_a_wrong_port_is_a_usage_error(self, port: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["dashboard", "127.0.0.1:1", f"--serve={port}"])
        assert f"expected a port from 0 to 65535, found '{port}'" in capsys.readouterr().err

    def test_an_interruption_ends_the_page(
        self, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(PageServer, "serve_forever", interrupted)
        assert main(["dashboard", url, "--serve", "0"]) == 0
        assert re.fullmatch(rf"http://127\.0\.0\.1:\d+/ shows {url}; Ctrl\+C ends the page\n", capsys.readouterr().out)

    def test_a_port_in_use_is_one_line(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            assert main(["dashboard", url, "--serve", str(port)]) == 2
        assert f"--serve: port {port} cannot be used: " in capsys.readouterr().err


def test_the_live_picture_goes_on_when_the_service_is_away(make_monitor: Make) -> None:
    monitor = make_monitor()
    monitor.observe("gateway", 0.03)
    answers: list[Any] = [monitor.summary(), MonitorError("it does not answer"), monitor.summary(), KeyboardInterrupt()]

    def fetch() -> dict[str, Any]:
        answer: Any = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return dict(answer)

    console = Console(width=100, force_terminal=True, color_system=None)
    with console.capture() as captured, pytest.raises(KeyboardInterrupt):
        show(fetch, console=console, wait=lambda _: None)
    assert captured.get().count("gateway") == 3
    assert captured.get().count("these are old numbers: it does not answer") == 1


class TestPage:
    """The page for a browser."""

    @pytest.fixture
    def server(self, url: str) -> Iterator[PageServer]:
        server = PageServer(0, url, lambda: fetch_summary(url))
        with serving(server):
            yield server

    def get(self, server: PageServer, path: str, host: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)  # type: ignore[arg-type]
        connection.request("GET", path, headers={"Host": host} if host else {})
        return connection.getresponse()

    def test_it_needs_no_other_file(self, server: PageServer) -> None:
        response = self.get(server, "/")
        text = response.read().decode()
        assert response.status == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert not re.search(r"""(?:src|href)=|@import|url\(""", text)
        assert "http://" not in re.sub(r"http://(?:www\.w3\.org/2000/svg|127\.0\.0\.1:\d+)", "", text)

    def test_it_names_the_service_and_fits_a_phone_and_the_dark(self) -> None:
        text = page('http://a"><b')
        assert 'data-service="http://a&quot;&gt;&lt;b"' in text
        assert 'name="viewport"' in text
        assert "prefers-color-scheme: dark" in text
        assert "@media (max-width" in text

    def test_its_events_have_the_summary(self, server: PageServer) -> None:
        response = self.get(server, "/events")
        data = response.readline().decode()
        assert json.loads(data.removeprefix("data: "))["components"]["gateway"]["requests_total"] == 1
        response.close()

    def test_a_service_that_is_away_is_an_event(self) -> None:
        def fetch() -> dict[str, Any]:
            message = "it does not answer"
            raise MonitorError(message)

        with PageServer(0, "http://a", fetch) as server:
            assert server.event() == b'data: {"problem": "it does not answer"}\n\n'

    def test_it_is_for_this_machine_by_its_own_name(self, server: PageServer) -> None:
        assert server.server_address[0] == "127.0.0.1"
        assert self.get(server, "/", host="evil.example:80").status == 403
        assert self.get(server, "/", host=f"localhost:{server.server_port}").status == 200
        assert self.get(server, "/other").status == 404
