"""Spans as JSON of the OpenTelemetry protocol (OTLP 1.x, JSON encoding), in both directions.

Ids are hexadecimal, times are decimal texts of ns since 1970, and attributes are lists of keys and typed values.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pytest_perfbudget.tracing.attributes import STATEMENT
from pytest_perfbudget.tracing.span import Span
from pytest_perfbudget.tracing.wait_sampling import Waits

CPU_NS: Final = "perfbudget.cpu_ns"
"""The attribute for the CPU time, which the protocol has no field for."""

ACTIVE_NS: Final = "perfbudget.active_ns"
"""The attribute for the intervals in which a generator ran, as decimal numbers with spaces between."""

WAITS: Final = "perfbudget.waits_ns"
"""The attribute for what happened while the span waited, as decimal numbers with spaces between."""

THREAD: Final = "perfbudget.thread"
"""The attribute for the process, the thread and the task, as decimal numbers with spaces between."""

TRACE: Final = "perfbudget.trace_id"
PARENT: Final = "perfbudget.parent_id"
"""The attributes for the enclosing span of `track`, which the SDK of OpenTelemetry does not know."""

_STATEMENTS: Final = (STATEMENT, "db.query.text", "db.statement")
FILE: Final = "code.file.path"
LINE: Final = "code.line.number"
_FILES: Final = (FILE, "code.filepath")
_LINES: Final = (LINE, "code.lineno")
_FAILED: Final = 2
_MOST: Final = (1 << 63) - 1
_PARTS: Final = 3
_NUMBER: Final = re.compile("-?[0-9]{1,20}")


def to_json(spans: Iterable[Span], service: str) -> bytes:
    """Return the body of an export request."""
    resource = {"attributes": [_attribute("service.name", service)]}
    scope = {"scope": {"name": "pytest_perfbudget"}, "spans": [_written(one) for one in spans]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).encode()


def from_json(body: bytes) -> list[Span]:
    """Return the spans in the body of an export request.

    Raises:
        ValueError: the body is no such request.
    """
    try:
        document = json.loads(body)
        return [
            _read(span)
            for resource in document.get("resourceSpans", ())
            for scope in resource.get("scopeSpans", ())
            for span in scope.get("spans", ())
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        message = f"no export request of OTLP: {type(error).__name__}: {error}"
        raise ValueError(message) from None


def _written(span: Span) -> dict[str, Any]:
    attributes = {**span.attributes}
    if span.cpu_ns is not None:
        attributes[CPU_NS] = span.cpu_ns
    if span.waits is not None:
        attributes[WAITS] = " ".join(map(str, span.waits))
    if span.active_ns:
        attributes[ACTIVE_NS] = " ".join(map(str, span.active_ns))
    if span.thread:
        attributes[THREAD] = f"{os.getpid()} {span.thread} {span.task}"
    if span.file:
        attributes |= {FILE: span.file, LINE: span.line}
    return {
        "traceId": f"{span.trace_id:032x}",
        "spanId": f"{span.span_id:016x}",
        "parentSpanId": f"{span.parent_id:016x}" if span.parent_id else "",
        "name": span.name,
        "kind": 1,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.start_ns + span.duration_ns),
        "attributes": [_attribute(key, value) for key, value in attributes.items()],
        "status": {"code": _FAILED, "message": span.error} if span.error else {},
    }


def _attribute(key: str, value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": str(value)}}


def _read(span: Mapping[str, Any]) -> Span:
    start_ns, end_ns = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    status = span.get("status") or {}
    failed = status.get("code") in (_FAILED, "STATUS_CODE_ERROR")
    return span_of(
        name=str(span["name"]),
        trace_id=int(span["traceId"], 16),
        span_id=int(span["spanId"], 16),
        parent_id=int(span.get("parentSpanId") or "0", 16),
        start_ns=start_ns,
        end_ns=end_ns,
        attributes=dict(_pairs(span.get("attributes", ()))),
        error=str(status.get("message") or "error") if failed else "",
    )


def _pairs(attributes: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, object]]:
    for one in attributes:
        for kind, value in one.get("value", {}).items():
            yield str(one["key"]), int(value) if kind == "intValue" else value


def span_of(
    *,
    name: str,
    trace_id: int,
    span_id: int,
    parent_id: int,
    start_ns: int,
    end_ns: int,
    attributes: Mapping[str, Any],
    error: str,
) -> Span:
    """Return a span of OpenTelemetry, whose conventions have other names for the attributes of a query.

    Args:
        name: the name of the span.
        trace_id: the id of the whole tree.
        span_id: the id of the span.
        parent_id: the id of the enclosing span; 0 if there is none.
        start_ns: the start, in ns since 1970.
        end_ns: the end, in ns since 1970.
        attributes: the attributes as OpenTelemetry names them.
        error: the error that ended the span; empty if there was none.

    Raises:
        ValueError: a time, a line or an id is out of the range that the protocol allows.
    """
    known = dict(attributes)
    cpu_ns = known.pop(CPU_NS, None)
    trace_id, parent_id = _id(known.pop(TRACE, trace_id)), _id(known.pop(PARENT, parent_id))
    statement = next((known[one] for one in _STATEMENTS if one in known), None)
    file = next((known.pop(one) for one in _FILES if one in known), "")
    line = next((known.pop(one) for one in _LINES if one in known), 0)
    active_ns = tuple(int(one) for one in str(known.pop(ACTIVE_NS, "")).split())
    waits = _waits(known.pop(WAITS, ""))
    thread, task = _thread(known.pop(THREAD, "0 0 0"))
    if len(active_ns) % 2 or list(active_ns) != sorted(active_ns):
        message = "the intervals of a span are no pairs of ascending times"
        raise ValueError(message)
    numbers = [
        start_ns,
        end_ns,
        *active_ns[:1],
        *active_ns[-1:],
        *(one for one in (cpu_ns, line) if isinstance(one, int)),
    ]
    if not all(0 <= one <= _MOST for one in numbers):
        message = "a time or a line is below 0, or has more than 63 bits"
        raise ValueError(message)
    if not (0 <= trace_id < 1 << 128 and 0 <= span_id < 1 << 64 and 0 <= parent_id < 1 << 64):
        message = "a trace id has at most 128 bits, and a span id 64 bits"
        raise ValueError(message)
    return Span(
        name,
        trace_id,
        span_id,
        parent_id,
        start_ns,
        max(end_ns - start_ns, 0),
        cpu_ns if isinstance(cpu_ns, int) else None,
        known if statement is None else {**known, STATEMENT: statement},
        error,
        file=str(file),
        line=line if isinstance(line, int) else 0,
        thread=thread,
        active_ns=active_ns,
        task=task,
        waits=waits,
    )


def _waits(value: object) -> Waits | None:
    """Return what happened while a span waited; None if the value is of another program."""
    found = _three_numbers(value)
    if found is None:
        return None
    threads, processes, queue = (min(max(one, 0), _MOST) for one in found)
    return threads, processes, queue


def _thread(value: object) -> tuple[int, int]:
    """Return the thread, as a number below 0 that no thread of another process has, and the task; 0 if not known."""
    process, thread, task = _three_numbers(value) or (0, 0, 0)
    return -(process << 64 | thread), task


def _three_numbers(value: object) -> tuple[int, int, int] | None:
    parts = value.split() if isinstance(value, str) else []
    if len(parts) != _PARTS or not all(map(_NUMBER.fullmatch, parts)):
        return None
    first, second, third = map(int, parts)
    return first, second, third


def _id(value: object) -> int:
    return value if isinstance(value, int) else int(str(value), 16)
