"""The event loop that the caller runs in. A loop is imported by tests that run in it only."""

from __future__ import annotations

import sys

from pytest_perfbudget.measure.load.event_loop import EventLoop


def running_loop() -> EventLoop:
    """Return the event loop that the caller runs in.

    Raises:
        RuntimeError: no event loop is running.
    """
    if _is_in_trio():  # first, because trio may be a guest in asyncio's loop
        from pytest_perfbudget.measure.load.trio_loop import TrioLoop  # noqa: PLC0415 - imports trio

        return TrioLoop()
    from pytest_perfbudget.measure.load.asyncio_loop import AsyncioLoop  # noqa: PLC0415 - few tests need it

    return AsyncioLoop()


def _is_in_trio() -> bool:
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True
