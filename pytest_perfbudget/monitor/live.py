"""The dashboard of a service elsewhere, drawn anew every two seconds until the user ends the program."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live

from pytest_perfbudget.errors import MonitorError
from pytest_perfbudget.monitor.dashboard import dashboard, plain

EVERY_S: Final = 2.0

Fetch = Callable[[], dict[str, Any]]
"""A function that returns the summary of the service."""


def show(fetch: Fetch, *, console: Console | None = None, wait: Callable[[float], None] = time.sleep) -> None:
    """Draw the dashboard until an interruption; a service that does not answer meanwhile is waited for.

    Raises:
        MonitorError: the first request fails.
    """
    terminal = console or Console()
    summary = fetch()
    with Live(console=terminal, screen=terminal.is_terminal, auto_refresh=False) as live:
        problem = ""
        while True:
            live.update(_picture(summary, problem, terminal.width), refresh=True)
            wait(EVERY_S)
            try:
                summary, problem = fetch(), ""
            except MonitorError as error:
                problem = str(error)


def _picture(summary: dict[str, Any], problem: str, width: int) -> RenderableType:
    picture = dashboard(summary, width)
    return Group(picture, plain(f"these are old numbers: {problem}", "bold red")) if problem else picture
