"""Spans that have ended, and the sinks that take them. Tracking is off while there is no sink."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from pytest_perfbudget.tracing.attributes import STATEMENT
from pytest_perfbudget.tracing.wait_sampling import Waits

_MOST_DIGITS: Final = 20
EPOCH: Final = "PERFBUDGET_SPANS_EPOCH"
"""The environment variable by which child processes of a test know its `EPOCH_NS`."""


def _epoch_ns() -> int:
    """Return the reading of the monotonic clock in 1970: the one of the test, as the machine's clock may be set later.

    The monotonic clock is the same for all processes of the machine.
    """
    given = os.environ.get(EPOCH, "")
    is_number = given.isascii() and given.isdecimal() and len(given) < _MOST_DIGITS
    return int(given) if is_number else time.time_ns() - time.perf_counter_ns()


EPOCH_NS: Final = _epoch_ns()
"""The reading of the monotonic clock in 1970. Starts are times since then, for readers in other processes; durations
come from the monotonic clock."""


class Named(Protocol):
    """The name and the attributes of spans.

    Attributes:
        name: the name.
        statement: the text of the query that the spans make; None if they make none.
        attributes: the attributes, the text of the query among them; None until a span needs them.
    """

    name: str
    statement: object
    attributes: Mapping[str, Any] | None


def attributes_of(source: Named) -> Mapping[str, Any]:
    """Return the attributes of spans, which are made once: blocks that nobody records need none."""
    attributes = source.attributes
    if attributes is None:
        attributes = {} if source.statement is None else {STATEMENT: source.statement}
        source.attributes = attributes
    return attributes


class Span(NamedTuple):
    """A span that has ended.

    Attributes:
        name: the name of the component or of the operation.
        trace_id: the id of the whole tree, 128 bits.
        span_id: the id of the span, 64 bits.
        parent_id: the id of the enclosing span; 0 if there is none.
        start_ns: the time of the start, in ns since 1970.
        duration_ns: the duration, in ns; of a generator, the time in which it did not rest between two items.
        cpu_ns: the CPU time of the thread during the span, in ns, see `open_span`; in an event loop that of the task;
            None if the span went on in another thread than it began, or if an event loop may have run other tasks
            meanwhile.
        attributes: the attributes that `track` was given, with the text of the query as `statement`.
        error: the type and the message of the exception that ended the span; empty if there was none.
        thread: the id of the thread in which the span began; below 0 in another process.
        file: the file of the line that began the span; empty if no sink needs the line and there was no error.
        line: the line that began the span, counted from 1.
        active_ns: the start and the end of each interval in which a generator ran, in ns since the start of the span,
            one after the other; empty if the span ran without a rest.
        task: the number of the task of an event loop that the span is part of, see `task`; 0 if it is part of none.
        waits: who used the CPUs while the span waited, see `wait_sampling`, with other tasks of its event loop; None if
            nobody looked.
    """

    name: str
    trace_id: int
    span_id: int
    parent_id: int
    start_ns: int
    duration_ns: int
    cpu_ns: int | None
    attributes: Mapping[str, Any] = {}
    error: str = ""
    thread: int = 0
    file: str = ""
    line: int = 0
    active_ns: Sequence[int] = ()
    task: int = 0
    waits: Waits | None = None


Record = tuple[
    str, int, int, int, int, int, int | None, Mapping[str, Any], str, int, str, int, Sequence[int], int, Waits | None
]
"""The fields of a `Span` as a plain tuple, which is made in a third of the time, and which the garbage collector need
not look at again and again."""

Sink = Callable[[Record], None]
"""A function that takes each span when the span has ended, in the thread that ended the span."""

Site = Callable[[str], str]
"""A function that returns the line of the project which begins a span of a name now; empty if nobody asks for it."""

Switch = Callable[[bool], None]
"""A function that is told whether tracking is on from now on."""

sinks: tuple[Sink, ...] = ()
needs_lines = False
"""Whether a sink needs the line of each span."""
needs_cpu = False
"""Whether a sink needs the CPU time of each span."""
site_of: Site | None = None
"""The function for the lines of spans that end elsewhere; None if no sink asks for them."""
_with_sites: tuple[tuple[Sink, Site], ...] = ()
_with_lines: tuple[Sink, ...] = ()
_with_cpu: tuple[Sink, ...] = ()
_switches: list[Switch] = []
_changing = threading.Lock()


def add_sink(sink: Sink, *, needs_line: bool = False, needs_cpu: bool = True, site: Site | None = None) -> None:
    """Hand each span that ends from now on to a function; tracking is on while there is such a function.

    Args:
        sink: the function.
        needs_line: whether the function needs the line of spans that ended without an error, too.
        needs_cpu: whether the function needs the CPU time of coroutines, whose steps are timed for that.
        site: the function that returns the line of the project, for spans that end elsewhere than they begin.
    """
    with _changing:
        _set_sites((*_with_sites, *([(sink, site)] if site else ())))
        lines, cpu = (sink,) if needs_line else (), (sink,) if needs_cpu else ()
        _set((*sinks, sink), (*_with_lines, *lines), (*_with_cpu, *cpu))


def remove_sink(sink: Sink) -> None:
    """Undo `add_sink`; a sink that is not there is no error."""
    with _changing:
        _set_sites(tuple(one for one in _with_sites if one[0] != sink))
        _set(*(tuple(one for one in each if one != sink) for each in (sinks, _with_lines, _with_cpu)))


def forget_sinks() -> None:
    """Remove all sinks, in a forked child; a thread that the child does not have may hold the lock."""
    global _changing  # noqa: PLW0603 - the parent's lock is of no use in the child
    _changing = threading.Lock()
    _set_sites(())
    _set((), (), ())


def when_switched(switch: Switch) -> None:
    """Call a function each time that tracking goes on or off, and once at once."""
    _switches.append(switch)
    switch(is_tracking())


def is_tracking() -> bool:
    """Return whether any sink takes spans."""
    return bool(sinks)


def emit(span: Record) -> None:
    """Hand a span that was measured elsewhere, such as in another process, to all sinks."""
    _hand_over(span)


def _hand_over(span: Record) -> None:
    """Hand a span to all sinks, as far from the caller as `ended_span` is: sinks ask for the line that made a query."""
    for sink in sinks:
        sink(span)


def _set(changed: tuple[Sink, ...], with_lines: tuple[Sink, ...], with_cpu: tuple[Sink, ...]) -> None:
    global sinks, needs_lines, needs_cpu, _with_lines, _with_cpu
    before, sinks = sinks, changed
    needs_lines, _with_lines = bool(with_lines), with_lines
    needs_cpu, _with_cpu = bool(with_cpu), with_cpu
    if bool(before) != bool(changed):
        for switch in _switches:
            switch(bool(changed))


def _set_sites(changed: tuple[tuple[Sink, Site], ...]) -> None:
    global site_of, _with_sites
    _with_sites, site_of = changed, changed[-1][1] if changed else None
