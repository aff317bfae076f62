"""Other plugins that time, trace or multiply what a test runs, so that a repetition would mislead them or the gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

_MEMRAY_MARKERS: Final = ("limit_memory", "limit_leaks", "limit_leaked_objects")


def is_measured_by_codspeed(config: pytest.Config) -> bool:
    """Return whether pytest-codspeed measures this session, by `--codspeed` or in its own CI action."""
    plugin: Any = config.pluginmanager.getplugin("codspeed_plugin")
    return bool(getattr(plugin, "is_codspeed_enabled", False))


def why_not_measured(item: pytest.Item) -> str:
    """Return the reason why a test is executed as without this plugin, with a remedy; empty if the test is measured."""
    return next(_reasons(item), "")


def _reasons(item: pytest.Item) -> Iterator[str]:
    manager = item.config.pluginmanager
    if "codspeed_benchmark" in getattr(item, "fixturenames", ()):
        yield "pytest-codspeed measures this test: ask for benchmark instead of codspeed_benchmark"
    if manager.hasplugin("memray_manager"):
        for name in filter(item.get_closest_marker, _MEMRAY_MARKERS):
            yield f"pytest-memray checks its {name}, which a repetition would exceed: budget another test"
        if item.config.getoption("memray", default=False):
            yield "pytest-memray traces the memory of all tests, and slows them down: run without --memray"
    if manager.hasplugin("_run-parallel"):
        if _threads(item) != 1:
            yield "pytest-run-parallel runs this test in threads: mark the test thread_unsafe, or budget another test"
        if _number(item, "iterations", item.config.getoption("iterations", default=1)) != 1:
            yield "pytest-run-parallel repeats this test: run without its iterations, or budget another test"


def _threads(item: pytest.Item) -> object:
    """Return the number of threads in which pytest-run-parallel runs a test."""
    if item.get_closest_marker("thread_unsafe"):
        return 1
    given = _number(item, "parallel_threads", item.config.getoption("parallel_threads", default=1))
    limited = _number(item, "parallel_threads_limit", given)
    return _number(item, "force_parallel_threads", 1 if limited == 1 else given)


def _number(item: pytest.Item, marker: str, default: object) -> object:
    """Return the number in a marker; options may be texts, and "auto" is taken as several."""
    found = item.get_closest_marker(marker)
    number = found.args[0] if found is not None and found.args else default
    return 1 if str(number) == "1" else number
