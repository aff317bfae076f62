"""The environment variable by which a child process joins the trace of its parent."""

from __future__ import annotations

import os
from typing import Final

from pytest_perfbudget.tracing.context import SpanContext, from_traceparent, to_traceparent

TRACEPARENT: Final = "TRACEPARENT"


def announce(context: SpanContext) -> None:
    """Let child processes that start from now on be part of an execution."""
    os.environ[TRACEPARENT] = to_traceparent(context)


def announced() -> SpanContext | None:
    """Return the span that this process is part of; None if the environment names none."""
    return from_traceparent(os.environ.get(TRACEPARENT, ""))
