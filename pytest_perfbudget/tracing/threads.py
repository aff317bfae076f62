"""Threads that continue the span in which they were started, while a test records spans.

Tasks of asyncio and `asyncio.to_thread` do so by themselves. A `Thread` and a `ThreadPoolExecutor` begin without the
context of their starter, unless Python runs with `-X thread_inherit_context=1`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from pytest_perfbudget.tracing.enclosing import continued, current

_START: Final = threading.Thread.start
_SUBMIT: Final = ThreadPoolExecutor.submit
_changing = threading.Lock()
_users = 0


@contextmanager
def inherited() -> Iterator[None]:
    """Let the spans of threads that are started in the block be children of the span that encloses the start."""
    inherit()
    try:
        yield
    finally:
        _stop()


def inherit() -> None:
    """Begin what `inherited` does, until the process ends."""
    global _users  # noqa: PLW0603 - the methods are the same for all users
    with _changing:
        _users += 1
        # Methods that another library has put in place, such as for its own context, stay as they are.
        if threading.Thread.start is _START:
            threading.Thread.start = _start  # type: ignore[assignment,method-assign]
        if ThreadPoolExecutor.submit is _SUBMIT:
            ThreadPoolExecutor.submit = _submit  # type: ignore[assignment,method-assign]


def _stop() -> None:
    global _users  # noqa: PLW0603 - see `inherit`
    with _changing:
        _users -= 1
        if _users:
            return
        if threading.Thread.start is _start:
            threading.Thread.start = _START  # type: ignore[method-assign]
        if ThreadPoolExecutor.submit is _submit:
            ThreadPoolExecutor.submit = _SUBMIT  # type: ignore[method-assign]


def _start(thread: threading.Thread) -> None:
    """Start a thread; see `threading.Thread.start`."""
    parent, run = current(), thread.run
    if parent is None:
        _START(thread)
        return

    def continuing() -> None:
        del thread.run  # or the thread would keep itself alive
        with continued(parent):
            run()

    thread.run = continuing  # type: ignore[method-assign]
    try:
        _START(thread)
    except BaseException:
        thread.__dict__.pop("run", None)
        raise


def _submit(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as below
    """Submit a call; see `ThreadPoolExecutor.submit`."""
    parent = current()

    # Also without a span: a thread of the pool has the span in which the pool has started the thread.
    def continuing() -> Any:  # noqa: ANN401 - the function's own types
        with continued(parent):
            return function(*args, **kwargs)

    return _SUBMIT(pool, continuing)
