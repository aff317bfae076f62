"""The end of a span: its record, with the line of the code if a sink needs the line, handed to all sinks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final, NamedTuple, Protocol

from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.attributes import SITE
from pytest_perfbudget.tracing.span import EPOCH_NS, Named, attributes_of
from pytest_perfbudget.tracing.span_error import words_of
from pytest_perfbudget.tracing.task import Task
from pytest_perfbudget.tracing.wait_sampling import Waits

_FOLDER: Final = __file__.rpartition("ended_span")[0]


class Ending(Protocol):
    """A span that ends, see `open_span`."""

    parent_id: int
    source: Named
    span_id: int
    task: Task | None
    thread: int
    trace_id: int


class Begin(NamedTuple):
    """The line that began a span, which may end elsewhere; for `site` see `spans.site_of`."""

    file: str = ""
    line: int = 0
    site: str = ""


def hand_over(
    span: Ending,
    start_ns: int,
    duration_ns: int,
    cpu_ns: int | None,
    error: BaseException | None,
    *,
    active_ns: Sequence[int] = (),
    waits: Waits | None = None,
    begin: Begin = Begin(),  # noqa: B008 - an immutable value
) -> None:
    """Hand a span that has ended to all sinks; for the arguments see `Span`, and `Begin` for a span that rested."""
    source = span.source
    file, line, site = begin
    attributes = attributes_of(source)
    words = "" if error is None else words_of(error)
    if not file and (words or spans.needs_lines):
        file, line = place_of_use()
    record = (
        source.name,
        span.trace_id,
        span.span_id,
        span.parent_id,
        EPOCH_NS + start_ns,
        duration_ns,
        cpu_ns,
        {**attributes, SITE: site} if site else attributes,
        words,
        span.thread,
        file,
        line,
        active_ns,
        0 if span.task is None else span.task.number,
        waits,
    )
    for sink in spans.sinks:
        sink(record)


def place_of_use() -> tuple[str, int]:
    """Return the file and the line of the code that uses `track`: of the call of a function, or of `with`."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - `inspect.stack` takes milliseconds
    while frame is not None and frame.f_code.co_filename.startswith(_FOLDER):
        frame = frame.f_back
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno or 0)
