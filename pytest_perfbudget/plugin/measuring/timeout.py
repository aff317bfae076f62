"""The limit of pytest-timeout on a test, which was meant for one execution of the test and not for a measurement."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

_EXECUTIONS: Final = 10
"""A measurement may take as long as this many executions beyond the time of its rounds, because counting multiplies the
time of an execution."""

_OVERTIME: Final = 3
"""See `measure.runner`: the rounds take up to so many times `max_time`."""


def stop_timeout(item: pytest.Item) -> None:
    """Stop the timer of a test; in a thread other than the main thread, signals cannot be changed."""
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
    given = _settings(item)
    if given is None:
        yield
        return
    _restart(item, given._replace(timeout=_EXECUTIONS * given.timeout + _OVERTIME * max_time_ns / 1e9))
    try:
        yield
    finally:
        _restart(item, given)


def _restart(item: pytest.Item, settings: Any) -> None:  # noqa: ANN401 - pytest-timeout is untyped
    stop_timeout(item)
    item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)


def _settings(item: pytest.Item) -> Any | None:  # noqa: ANN401
    """Return pytest-timeout's settings for a test; None if it has no limit, or if the timer cannot be changed here."""
    plugin = sys.modules.get("pytest_timeout")
    read = getattr(plugin, "_get_item_settings", None)
    is_main = threading.current_thread() is threading.main_thread()
    if read is None or not is_main or not hasattr(item.config.hook, "pytest_timeout_set_timer"):
        return None
    settings = read(item)
    return settings if settings.timeout and settings.timeout > 0 else None
