"""The span that encloses the code, in a context variable that nothing sets while the garbage collector runs.

Before Python 3.12 the collector may run in the middle of `ContextVar.set`. If a finalizer sets a variable of the same
context then, as the end of a span does in a generator that nobody closes, the interpreter crashes.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from pytest_perfbudget.tracing.announced import announced
from pytest_perfbudget.tracing.span import when_switched

if TYPE_CHECKING:
    from pytest_perfbudget.tracing.open_span import Enclosing

_parent_process: Final = announced()
current_span: ContextVar[Enclosing | None] = ContextVar("perfbudget_span", default=_parent_process)
"""The span that encloses the code; in every thread of a child process, the span of the parent process by default."""

set_current = current_span.set
"""The function that sets the variable; another function while the garbage collector runs."""


def _note_end(enclosing: Enclosing | None) -> None:
    """Note that a span encloses code no more, in place of setting the variable to the span around it."""
    ended = current_span.get()
    while ended is not None and getattr(ended, "parent", enclosing) is not enclosing:
        ended = getattr(ended, "parent", None)
    if hasattr(ended, "is_astray"):
        ended.is_astray = True


def _follow(phase: str, _: Mapping[str, int]) -> None:
    """Change the function at the start and at the end of a collection."""
    global set_current  # noqa: PLW0603 - in place of a check in each span
    set_current = _note_end if phase == "start" else current_span.set  # type: ignore[assignment]


def _switch(is_on: bool) -> None:  # noqa: FBT001 - as `when_switched` calls
    if _follow in gc.callbacks:
        gc.callbacks.remove(_follow)
    if is_on:
        gc.callbacks.append(_follow)


if sys.version_info < (3, 12) and sys.implementation.name == "cpython":
    when_switched(_switch)
