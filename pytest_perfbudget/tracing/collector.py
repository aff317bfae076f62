"""The setting of the context variable of the present span, which no finalizer sets while the garbage collector runs.

Before Python 3.12 the collector may run in the middle of `ContextVar.set`. If a finalizer sets a variable of the same
context then, as the end of a span does in a generator that nobody closes, the interpreter crashes. Other threads, which
may run meanwhile, set the variable of their own context.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from threading import get_ident
from typing import Any

from pytest_perfbudget.tracing.span import when_switched

set_current: Callable[[Any], object]
"""The function that sets the variable; another function while the collector runs."""


def guard(variable: ContextVar[Any]) -> None:
    """Let `set_current` set a variable, unless a finalizer calls: the span that ends is marked as left instead."""
    global set_current  # noqa: PLW0603 - in place of a check in each span
    set_current = variable.set
    collecting = 0

    def set_or_note_end(enclosing: object) -> None:
        if get_ident() != collecting:
            variable.set(enclosing)
            return
        ended = variable.get()
        while ended is not None and getattr(ended, "parent", enclosing) is not enclosing:
            ended = getattr(ended, "parent", None)
        if hasattr(ended, "is_astray"):
            ended.is_astray = True

    def follow(phase: str, _: Mapping[str, int]) -> None:
        global set_current  # noqa: PLW0603 - as above
        nonlocal collecting
        collecting = get_ident()
        set_current = set_or_note_end if phase == "start" else variable.set

    def switch(is_on: bool) -> None:  # noqa: FBT001 - as `when_switched` calls
        if follow in gc.callbacks:
            gc.callbacks.remove(follow)
        if is_on:
            gc.callbacks.append(follow)

    if sys.version_info < (3, 12) and sys.implementation.name == "cpython":
        when_switched(switch)
