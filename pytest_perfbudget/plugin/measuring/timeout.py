"""The limits of pytest-timeout and of pytest's `faulthandler_timeout` on a test.

They were meant for one execution of the test, and not for a measurement.
"""

from __future__ import annotations

import faulthandler
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import pytest

_EXECUTIONS: Final = 10
"""A measurement may take as long as this many executions beyond the time of its rounds, because counting multiplies the
time of an execution."""

_OVERTIME: Final = 3
"""See `measure.runner`: the rounds take up to so many times `max_time`."""


def stop_timeout(item: pytest.Item) -> None:
    """Stop the timers of a test; in a thread other than the main thread, signals cannot be changed."""
    if _dump_after_s(item):
        faulthandler.cancel_dump_traceback_later()
    cancel = getattr(item.config.hook, "pytest_timeout_cancel_timer", None)
    if cancel is not None and threading.current_thread() is threading.main_thread():
        cancel(item=item)


@contextmanager
def relaxed_timeout(item: pytest.Item, max_time_ns: int) -> Iterator[None]:
    """Give a test more time within the block, and the time that it has been given after the block.

    A measurement that hangs is still ended.

    Args:
        item: the test.
        max_time_ns: the longest time for the rounds of a measurement.
    """
    given, given_s = _settings(item), _dump_after_s(item)
    if given is None and not given_s:
        yield
        return

    def relaxed(seconds: float) -> float:
        return _EXECUTIONS * seconds + _OVERTIME * max_time_ns / 1e9

    _restart(item, given and given._replace(timeout=relaxed(given.timeout)), given_s and relaxed(given_s))
    try:
        yield
    finally:
        _restart(item, given, given_s)


def _restart(item: pytest.Item, settings: Any | None, dump_after_s: float) -> None:  # noqa: ANN401 - pytest-timeout is untyped
    stop_timeout(item)
    if settings is not None:
        item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)
    errors = _dump_file(item)
    if dump_after_s and errors is not None:
        ends = bool(item.config.getini("faulthandler_exit_on_timeout"))
        faulthandler.dump_traceback_later(dump_after_s, file=errors, exit=ends)


def _settings(item: pytest.Item) -> Any | None:  # noqa: ANN401
    """Return pytest-timeout's settings for a test; None if it has no limit, or if the timer cannot be changed here."""
    plugin = sys.modules.get("pytest_timeout")
    read = getattr(plugin, "_get_item_settings", None)
    is_main = threading.current_thread() is threading.main_thread()
    if read is None or not is_main or not hasattr(item.config.hook, "pytest_timeout_set_timer"):
        return None
    settings = read(item)
    return settings if settings.timeout and settings.timeout > 0 else None


def _dump_file(item: pytest.Item) -> int | None:
    """Return the descriptor that pytest's plugin dumps tracebacks into; None if there is none, or pytest has moved it.

    Standard error would be the file that captures the output of the test.
    """
    plugin = item.config.pluginmanager.get_plugin("faulthandler")
    key: pytest.StashKey[int] | None = getattr(plugin, "fault_handler_stderr_fd_key", None)
    return None if key is None else item.config.stash.get(key, None)


def _dump_after_s(item: pytest.Item) -> float:
    """Return pytest's `faulthandler_timeout`; 0 if there is no limit, or if the plugin is switched off."""
    if _dump_file(item) is None:
        return 0.0
    with suppress(KeyError, ValueError):
        return float(item.config.getini("faulthandler_timeout") or 0.0)
    return 0.0
