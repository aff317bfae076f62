"""The entry point of a fresh process: a pytest plugin that `bootstrap` loads and that registers the worker."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_perfbudget.plugin.child.collecting import CollectingWorker
from pytest_perfbudget.plugin.child.duet_worker import DuetWorker
from pytest_perfbudget.plugin.child.worker import WorkerPlugin
from pytest_perfbudget.plugin.keys import CHANNEL, CHILD
from pytest_perfbudget.processes.protocol import Request


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the worker before any other plugin looks for it."""
    channel: Any = config.pluginmanager.getplugin(CHANNEL)
    request = Request(**channel.request)
    if request.collects:
        config.pluginmanager.register(CollectingWorker(request, channel), CHILD)
    elif request.in_turns:
        config.pluginmanager.register(DuetWorker(request, channel), CHILD)
    else:
        config.pluginmanager.register(WorkerPlugin(request, channel), CHILD)
