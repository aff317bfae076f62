"""Spans: named parts of an application, timed where they run. Knows neither tests nor budgets.

Without a sink, which a perf test or the monitor installs, tracking is off and costs the check of a global name. The
package imports nothing but small parts of the standard library, because applications import it.
"""

from __future__ import annotations

import os

from pytest_perfbudget.tracing.context import SpanContext, from_traceparent, to_traceparent
from pytest_perfbudget.tracing.enclosing import continued, current, headers, new_root
from pytest_perfbudget.tracing.span import Sink, Span, add_sink, emit, is_tracking, remove_sink
from pytest_perfbudget.tracing.tracked import Tracked, track

if os.environ.get("PERFBUDGET_SPANS_ENDPOINT"):  # this process was started by a test that gathers spans
    from pytest_perfbudget.tracing.exporter import start_from_environment

    start_from_environment()

__all__ = [
    "Sink",
    "Span",
    "SpanContext",
    "Tracked",
    "add_sink",
    "continued",
    "current",
    "emit",
    "from_traceparent",
    "headers",
    "is_tracking",
    "new_root",
    "remove_sink",
    "to_traceparent",
    "track",
]
