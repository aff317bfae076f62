"""The command `perfbudget dashboard`: a running service by its address, or a service by its history."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.config import load_settings
from pytest_perfbudget.errors import MonitorError
from pytest_perfbudget.monitor import dashboard, live, page, remote
from pytest_perfbudget.monitor.recorded import RecordedService
from pytest_perfbudget.paths import project_root

_SUFFIX: Final = ".db"


def run(options: argparse.Namespace) -> int:
    """Show the dashboard, and return the exit code.

    Raises:
        MonitorError: the service does not answer, or the history has no service.
    """
    name, fetch = _source(options.service)
    if options.once:
        dashboard.print_summary(fetch())
        return 0
    with contextlib.suppress(KeyboardInterrupt):  # the way to end the dashboard
        if options.serve is None:
            live.show(fetch)
        fetch()  # a wrong address shows here, not in the browser
        with page.PageServer(options.serve, name, fetch) as server:
            sys.stdout.write(f"{server.url} shows {name}; Ctrl+C ends the page\n")
            sys.stdout.flush()
            server.serve_forever()
    return 0


def _source(service: str) -> tuple[str, Callable[[], dict[str, Any]]]:
    """Return the name of a service, and the function that returns its summary."""
    if service and ("://" in service or not (service.endswith(_SUFFIX) or Path(service).exists())):
        url = remote.checked_url(service)
        return url, partial(remote.fetch_summary, url)
    root = project_root(Path.cwd())
    settings = load_settings(root / "pyproject.toml")
    if not (service or settings.history):
        message = "name a service by its address, such as http://127.0.0.1:8000, or by its history, PATH.db"
        raise MonitorError(message)
    file = Path(service) if service else root / settings.history
    return str(file), RecordedService(file, settings).summary
