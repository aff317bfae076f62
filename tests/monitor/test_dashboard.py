"""The dashboard in a terminal, from a summary to text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.monitor.dashboard import dashboard, sparkline

Make = Callable[..., Monitor]


def drawn(monitor: Monitor, width: int = 140) -> str:
    console = Console(width=width, record=True, color_system=None)
    with console.capture() as captured:
        console.print(dashboard(monitor.summary(), width))
    return re.sub(r" +$", "", captured.get(), flags=re.MULTILINE)


@pytest.fixture
def busy(make_monitor: Make, wall: Any) -> Monitor:
    alert = {"metric": "p95_ms", "component": "storage", "limit": 100, "window": "1m"}
    table = {"components": {"gateway": {"p95_ms": 50}, "storage": {"p95_ms": 20}}, "alerts": {"slow-storage": alert}}
    monitor = make_monitor(table)
    for minute in range(6):
        for number in range(120):
            monitor.observe("gateway.call", 0.008 + 0.0001 * number)
            monitor.observe("storage", 0.004 if minute < 4 else 0.2, "KeyError: 'agent-7'" if number > 118 else None)
        monitor.check()
        wall.advance(30)
    return monitor


EXPECTED = """
health 54 of 100   Apdex 0.83   over 5m   up 3 min
component   health  req/s  req/min      p50      p95      p99  errors     budget  p95, 15 min
gateway        100      4      240  14.0 ms  19.1 ms  19.7 ms       0    p95 38%                         ██████
storage          8      4      240  4.03 ms   199 ms   199 ms   0.8 %  p95 9.96x                         ▁▁▁▁██
ALERT slow-storage: p95_ms of storage 199, limit 100, over 1m, for 1 min
storage: p95 199 ms exceeds its budget of 20 ms; limit p95_ms from pyproject.toml [tool.perfbudget.components."storage"]
6 errors in storage, the last 30 s ago: KeyError: 'agent-7'
"""


def test_a_busy_service(busy: Monitor) -> None:
    lines = drawn(busy).splitlines()
    assert lines == EXPECTED.strip().splitlines()


def test_a_component_that_went_silent_is_named(busy: Monitor, wall: Any) -> None:
    assert "no requests for" not in drawn(busy)
    wall.advance(600)
    text = drawn(busy)
    assert "storage: no requests for 10 min; its score and its budgets are those of its last requests\n" in text
    assert text.startswith("health 54 of 100")
    wall.advance(86_400)
    assert "storage: no requests for 24 h; " in drawn(busy)


def test_a_service_without_requests(make_monitor: Make) -> None:
    assert drawn(make_monitor(notes=["no budgets"])).splitlines() == [
        "health -   over 5m   up 0 s",
        "no requests yet",
        "note: no budgets",
    ]


def test_a_narrow_terminal_keeps_the_numbers(busy: Monitor) -> None:
    text = drawn(busy, width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert "gateway" in text
    assert "19.1 ms" in text


@pytest.mark.parametrize(("width", "last"), [(115, "▁▁▁▁██"), (95, "▁▁██"), (94, "9.96x")])
def test_a_narrower_terminal_has_a_shorter_trend_of_the_same_time(busy: Monitor, width: int, last: str) -> None:
    lines = drawn(busy, width).splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("storage   ")] == [last]
    assert lines[1].endswith("p95, 15 min" if last != "9.96x" else "budget")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/items/[id]", "/items/[id]"),
        ("/x[/y]", "/x[/y]"),
        ("[bold red]x", "[bold red]x"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb", "a\\nb"),
        ("a\ud800", "a\\ud800"),
        ("caf\u00e9", "caf\u00e9"),
    ],
)
def test_names_and_messages_are_shown_as_they_are_on_a_single_line(make_monitor: Make, name: str, shown: str) -> None:
    monitor = make_monitor(notes=[f"of {name}"])
    monitor.observe(name, 0.01, f"KeyError: {name}")
    text = drawn(monitor)
    assert f"\n{shown} " in text
    assert f"1 error in {shown}, the last 0 s ago: KeyError: {shown}\n" in text
    assert f"note: of {shown}\n" in text
    assert "\x1b" not in text


def test_the_monitor_prints_it(busy: Monitor, capsys: pytest.CaptureFixture[str]) -> None:
    busy.print_dashboard()
    assert "gateway" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "line"), [([], ""), ([0, 0], "  "), ([1, 4, 8], "▂▅█"), ([0, 8], " █"), ([9] * 40, "█" * 30)]
)
def test_a_sparkline_is_as_high_as_its_values(values: list[float], line: str) -> None:
    assert sparkline(values) == line
