"""The dashboard's page in a browser: live numbers, alerts and errors, on a phone and in the dark."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from html_browser import Browser
from rich.console import Console

from pytest_perfbudget.config import parse_settings
from pytest_perfbudget.errors import MonitorError
from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.monitor import page as dashboard_page
from pytest_perfbudget.monitor.dashboard import dashboard
from pytest_perfbudget.monitor.page import PageServer
from pytest_perfbudget.monitor.recorded import RecordedService

HOSTILE = "<img src=x onerror=document.title='broken'>"
TABLE = {
    "components": {"gateway": {"p95_ms": 50, "max_error_rate": 0.1}, "storage": {"p95_ms": 20, "p99_ms": 90}},
    "alerts": {
        "slow-storage": {"metric": "p95_ms", "component": "storage", "limit": 100, "window": "1m"},
        "errors-of-gateway": {"metric": "errors", "component": "gateway", "limit": 50},
    },
}


@pytest.fixture
def monitor(make_monitor: Callable[..., Monitor], wall: Any) -> Monitor:
    """The monitor of a busy service, one component of which is slow."""
    made = make_monitor(TABLE, notes=["started by hand"])
    for minute in range(10):
        for number in range(120):
            made.observe("gateway.call", 0.008 + 0.0001 * number)
            made.observe("storage", 0.004 if minute < 4 else 0.2, "KeyError: 'agent-7'" if number > 118 else None)
        made.check()
        wall.advance(30)
    made.observe(HOSTILE, 1.5, f"ValueError: {HOSTILE}")
    made.check()
    return made


@pytest.fixture
def server(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageServer]:
    monkeypatch.setattr(dashboard_page, "EVERY_S", 0.05)
    made = PageServer(0, f"http://127.0.0.1:8000/{HOSTILE}", monitor.summary)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def recorded(make_monitor: Callable[..., Monitor], wall: Any, tmp_path: Path) -> RecordedService:
    """A service of three hours, by its history."""
    kept = make_monitor(TABLE, history=tmp_path / "kept.db")
    for minute in range(180):
        kept.observe("storage", 0.004)
        wall.advance(60)
        if minute % 10 == 9:
            kept.check()
    ended_s = wall.now_ns / 1e9
    return RecordedService(tmp_path / "kept.db", parse_settings(TABLE, "pyproject.toml"), lambda: ended_s + 7200)


@pytest.fixture
def shown(chromium: Browser, server: PageServer) -> Browser:
    chromium.look(1280)
    chromium.visit(server.url)
    chromium.wait("document.querySelectorAll('#components tr').length > 0")
    return chromium


def test_it_shows_components_alerts_and_errors(shown: Browser) -> None:
    assert shown.texts("#components tr")[1:] == [
        "gateway 100 3.72 223 14 ms 19.1 ms 19.7 ms 0 p95 38%",
        "storage 22 3.72 223 199 ms 199 ms 199 ms 0.8 % p95 9.96x",
    ]
    place = 'from pyproject.toml [tool.perfbudget.components."storage"]'
    assert shown.texts("#exceeded li") == [
        f"storage: p95 199 ms, budget 20 ms p95_ms {place}",
        f"storage: p99 199 ms, budget 90 ms p99_ms {place}",
    ]
    assert shown.texts("#alerts li") == [
        "slow-storage: p95_ms of storage 199, limit 100, over 1m, firing for 3 min",
        "errors-of-gateway: errors of gateway 0, limit 50, over 5m, clear",
    ]
    assert shown.texts("#errors li")[1] == "10 in storage, the last 30 s ago: KeyError: 'agent-7'"


def test_a_component_that_went_silent_is_named_in_the_words_of_the_terminal(
    shown: Browser, monitor: Monitor, wall: Any
) -> None:
    assert shown.texts("#silent li") == []
    wall.advance(600)
    monitor.observe("gateway", 0.01)
    shown.wait("document.querySelectorAll('#silent li').length > 0")
    console = Console(width=160)
    with console.capture() as terminal:
        console.print(dashboard(monitor.summary(), console.width))
    (line,) = shown.texts("#silent li")
    assert line == "storage: no requests for 10 min; its score and its budgets are those of its last requests"
    assert f"{line}\n" in re.sub(r" +$", "", terminal.get(), flags=re.MULTILINE)


def test_it_follows_the_events(shown: Browser, server: PageServer, monitor: Monitor) -> None:
    for _ in range(30):
        monitor.observe("mail", 0.25)
    shown.wait("document.getElementById('components').innerText.includes('mail')")

    def away() -> dict[str, Any]:
        message = "http://127.0.0.1:8000 does not answer: Connection refused"
        raise MonitorError(message)

    server.fetch = away
    shown.wait("document.getElementById('problem').innerText !== ''")
    assert shown.texts("#problem") == [
        "These are old numbers: http://127.0.0.1:8000 does not answer: Connection refused"
    ]
    assert len(shown.texts("#components tr")) == 4
    server.fetch = monitor.summary
    shown.wait("document.getElementById('problem').innerText === ''")


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_the_history_of_a_service_has_the_trends_of_a_day(
    shown: Browser, recorded: RecordedService, server: PageServer, width: int, theme: str
) -> None:
    server.fetch = recorded.summary
    shown.wait("document.getElementById('facts').innerText.includes('kept.db')")
    assert "from the history in kept.db, whose last minute ended 2 h ago" in shown.texts("#facts")[0]
    assert shown.texts("#titles th")[-1] == "p95, 24 h"
    assert shown.run("document.querySelector('svg').getAttribute('aria-label')").startswith("p95 of the last 24 h, ")
    shown.look(width, theme)
    assert shown.run("document.documentElement.scrollWidth") <= width
    assert shown.violations() == []


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_it_fits_its_window_and_breaks_no_rule_of_accessibility(
    shown: Browser, monitor: Monitor, wall: Any, width: int, theme: str
) -> None:
    wall.advance(600)  # storage goes silent
    monitor.observe("gateway", 0.01)
    shown.wait("document.querySelectorAll('#silent li').length > 0")
    shown.look(width, theme)
    assert shown.run("document.documentElement.scrollWidth") <= width
    assert shown.violations() == []


def test_hostile_names_stay_text_and_no_request_leaves_the_page(shown: Browser, server: PageServer) -> None:
    assert HOSTILE in shown.texts("#components td:first-child")
    assert any(HOSTILE in text for text in shown.texts("#errors li"))
    assert shown.texts("#service") == [f"http://127.0.0.1:8000/{HOSTILE}"]
    assert shown.run("document.querySelectorAll('img').length") == 0
    assert shown.complaints() == []
    requests = shown.requests()
    assert f"{server.url}events" in requests
    assert [one for one in requests if not one.startswith((server.url, "about:"))] == []
