"""The environment variable by which a child process joins the trace of its parent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pytest_perfbudget.tracing.context import SpanContext, from_traceparent, to_traceparent

TRACEPARENT: Final = "TRACEPARENT"


@contextmanager
def announced_to_children(context: SpanContext) -> Iterator[None]:
    """Let child processes that start in the block be part of an execution."""
    before = os.environ.get(TRACEPARENT)
    os.environ[TRACEPARENT] = to_traceparent(context)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(TRACEPARENT, None)
        else:
            os.environ[TRACEPARENT] = before


def announced() -> SpanContext | None:
    """Return the span that this process is part of; None if the environment names none."""
    return from_traceparent(os.environ.get(TRACEPARENT, ""))
