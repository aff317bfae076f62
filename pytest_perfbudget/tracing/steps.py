"""The steps of a task: the CPU time of a coroutine that an event loop suspends while it runs other tasks.

The CPU clock is that of the thread, and all tasks of an event loop share the thread. So a coroutine runs step by step,
with a reading of the clock at the end of a step and at the beginning of the next.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine, Generator
from types import CodeType, coroutine
from typing import Any, Final, TypeVar

from pytest_perfbudget.tracing import open_span
from pytest_perfbudget.tracing.task import Task, running_tasks

_Result = TypeVar("_Result")

_COROUTINE: Final = 0x80 | 0x100 | 0x200  # CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR
_GENERATOR: Final = 0x20


def is_driven() -> bool:
    """Return whether this code is part of a step that `driven` runs."""
    return open_span.ident() in running_tasks


@coroutine
def driven(task: Coroutine[Any, Any, _Result]) -> Generator[Any, Any, _Result]:
    """Await a coroutine, and know the CPU time that its thread uses while the coroutine is suspended."""
    __tracebackhide__ = True
    own = Task()
    step: Any = task.send
    argument: Any = None
    while True:
        thread = open_span.ident()
        around = running_tasks.get(thread)
        running_tasks[thread] = own
        try:
            awaited = step(argument)
        except StopIteration as stop:
            result: _Result = stop.value
            return result
        finally:
            if around is None:
                del running_tasks[thread]
            else:
                running_tasks[thread] = around
        left_ns = open_span.CLOCKS[1]()
        try:
            argument = yield awaited
            step = task.send
        except BaseException as error:  # noqa: BLE001 - such as a cancellation, which is the coroutine's
            step, argument = task.throw, error
        own.away_ns += open_span.CLOCKS[1]() - left_ns


def is_suspendable(code: CodeType) -> bool:
    """Return whether an event loop may suspend code without notice, so that the CPU time of a block is not known."""
    if code.co_flags & _COROUTINE:
        return True
    if not code.co_flags & _GENERATOR:
        return False
    return is_in_event_loop()  # a context manager of a coroutine may be a generator


def is_in_event_loop() -> bool:
    """Return whether an event loop runs this code, perhaps through plain functions."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:  # noqa: SLF001 - the public function raises
        return True
    trio: Any = sys.modules.get("trio.lowlevel")
    return trio is not None and trio.in_trio_run()
