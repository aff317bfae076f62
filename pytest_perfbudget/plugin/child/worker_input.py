"""The attributes by which a suite takes a fresh process for a worker of pytest-xdist."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_perfbudget.processes.protocol import Request


def present_as_worker(config: pytest.Config, request: Request) -> None:
    """Give the configuration what the controller of pytest-xdist gives to its workers.

    Args:
        config: the configuration of this process.
        request: the request, which names the worker.
    """
    given = {
        **request.workerinput,
        "workerid": request.worker,
        "workercount": request.workers,
        "testrunuid": os.environ.get("PYTEST_XDIST_TESTRUNUID", ""),
        "mainargv": sys.argv,
    }
    if not request.workerinput:
        _configure_by_conftests(config, given)
    config.__dict__.update(workerinput=given, workeroutput={})


def _configure_by_conftests(config: pytest.Config, given: dict[str, Any]) -> None:
    """Let the suite's own conftest files add what they tell their workers, as the controller of pytest-xdist would.

    Plugins are left out: they expect a real worker at the other end.
    """
    hook = getattr(config.hook, "pytest_configure_node", None)
    node = SimpleNamespace(workerinput=given, config=config, gateway=SimpleNamespace(id=given["workerid"]))
    for one in hook.get_hookimpls() if hook is not None else ():
        if Path(getattr(one.plugin, "__file__", None) or "").name == "conftest.py":
            with suppress(Exception):  # written for xdist's own node
                one.function(**{name: node for name in one.argnames if name == "node"})
