"""The check of a JSON report, key by key, against the values that the report is rebuilt into.

A report may be cut, edited or another program's, so the first wrong value is named by its place in the document. The
types are those of the values' fields, so that a new field is checked without a further line here.
"""

from __future__ import annotations

import enum
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, cached_property, partial
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from pytest_perfbudget.core.call_graph import CallGraph, CallGraphs
from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.kinds import KINDS, MeasurementKind
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import GateMode
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.core.run_result import SCHEMA, RunResult, SessionFacts
from pytest_perfbudget.core.spans.changes import ComponentChange
from pytest_perfbudget.core.spans.tree import SpanNode
from pytest_perfbudget.errors import nearest, shown

Check = Callable[[Any, str], None]
"""A check of a value at a place of the document; a wrong value raises `ValueError`."""

_FOR_READERS: Final[Mapping[type, frozenset[str]]] = {
    RunResult: frozenset({"schema", "summary", "health", "readiness", "recommendations"}),
    Measurement: frozenset({"id", "just_maximum"}),
    Missing: frozenset({"id"}),
    BudgetResult: frozenset({"used", "is_just_maximum"}),
    ComponentChange: frozenset({"difference_ns"}),
    CallGraphs: frozenset({"by_costs"}),
}
"""The keys whose values do not matter: they are computed anew from the others, or only older reports have them."""

_MAY_BE_ABSENT: Final = frozenset(
    {
        "also",
        "base_shares",
        "blamed",
        "blocks",
        "call_graphs",
        "exceeded_before",
        "executed",
        "grown",
        "installed",
        "instructions",
        "load",
        "loosened",
        "missing_parts",
        "over_time",
        "own_costs",
        "recording",
        "repeats",
        "side_times",
        "spans",
        "times",
    }
)
"""The keys of lists and objects that a report may leave out; numbers and texts may be absent if they have a default."""

_LARGEST: Final = 1e30
"""The largest number; products of larger numbers would exceed what a computer can hold."""

_WORDS: Final = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def check_document(data: object) -> None:
    """Check a whole document.

    Raises:
        ValueError: a value has another type than reports have there, or a key is missing or not known.
    """
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        message = f"the key schema must be {SCHEMA!r}, found {'no such key' if found is None else shown(found)}"
        raise ValueError(message)
    _check_of(RunResult)(data, "")


def _refuse(place: str, wanted: str, value: object) -> None:
    message = f"{place or 'the document'} must be {wanted}, found {'null' if value is None else shown(value)}"
    raise ValueError(message)


@cache
def _check_of(kind: Any) -> Check:  # noqa: ANN401 - a type, or a form such as `int | None`
    """Return the check of values of a type."""
    if (check := _OWN_CHECKS.get(kind)) is not None:
        return check
    if get_origin(kind) is not None:
        return _check_of_form(get_origin(kind), get_args(kind))
    if isinstance(kind, type) and is_dataclass(kind):
        return _Object(kind)
    if issubclass(kind, enum.Enum):
        return partial(_check_word, [one.value for one in kind])
    if issubclass(kind, tuple):
        return partial(_check_row, [_check_of(one) for one in get_type_hints(kind).values()])
    return partial(_check_number if kind in (int, float) else _check_plain, kind)


def _check_of_form(form: Any, inner: Sequence[Any]) -> Check:  # noqa: ANN401 - the part before the brackets of a type
    """Return the check of values of a type with other types in brackets, or of an optional type."""
    if form in (Union, types.UnionType):
        return partial(_check_optional, _check_of(next(one for one in inner if one is not type(None))))
    if form is tuple and inner[-1] is not Ellipsis:
        return partial(_check_row, [_check_of(one) for one in inner])
    if issubclass(form, Mapping):
        return partial(_check_mapping, _check_of(inner[1]))
    return partial(_check_list, _check_of(inner[0]))


class _Object:
    """The check of an object with the keys of a dataclass.

    Args:
        kind: the dataclass.
    """

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind
        self._ignored = _FOR_READERS.get(kind, frozenset())
        self._required = [
            one.name
            for one in fields(kind)
            if one.name not in _MAY_BE_ABSENT
            and (one.default is MISSING or not isinstance(one.default, str | float | int | None))
        ]

    @cached_property
    def _checks(self) -> dict[str, Check]:
        """The check of each key, made at the first use: a value may hold values of its own type."""
        hints = get_type_hints(self._kind)
        own = {one.name: _OWN_CHECKS.get((self._kind, one.name)) for one in fields(self._kind)}
        return {name: check or _check_of(hints[name]) for name, check in own.items()}

    def __call__(self, value: Any, place: str) -> None:  # noqa: ANN401 - a value of a JSON document
        if not isinstance(value, dict):
            _refuse(place, "an object", value)
        for key in self._required:
            if key not in value:
                message = f"{place or 'the document'} lacks the key {key!r}"
                raise ValueError(message)
        for key, one in value.items():
            check = self._checks.get(key)
            if check is not None:
                check(one, f"{place}.{key}" if place else key)
            elif key not in self._ignored:
                message = (
                    f"{place or 'the document'} has the unknown key {shown(key)}{nearest(key, self._checks)}: "
                    "a later version of pytest-perfbudget may have written it"
                )
                raise ValueError(message)


def _check_optional(check: Check, value: object, place: str) -> None:
    if value is not None:
        check(value, place)


def _check_list(check: Check, value: Any, place: str) -> None:  # noqa: ANN401 - a value of a JSON document
    if not isinstance(value, list):
        _refuse(place, "a list", value)
    for at, one in enumerate(value):
        check(one, f"{place}[{at}]")


def _check_mapping(check: Check, value: Any, place: str) -> None:  # noqa: ANN401 - a value of a JSON document
    if not isinstance(value, dict):
        _refuse(place, "an object", value)
    for key, one in value.items():
        check(one, f"{place}[{shown(key)}]")


def _check_row(checks: Sequence[Check], value: Any, place: str) -> None:  # noqa: ANN401 - a value of a JSON document
    if not isinstance(value, list) or len(value) != len(checks):
        _refuse(place, f"a list of {len(checks)}", value)
    for at, (check, one) in enumerate(zip(checks, value, strict=True)):
        check(one, f"{place}[{at}]")


def _check_word(words: Sequence[str], value: object, place: str) -> None:
    if value not in words:
        _refuse(place, f"one of {', '.join(words)}", value)


def _check_plain(kind: type, value: object, place: str) -> None:
    if not isinstance(value, kind):
        _refuse(place, _WORDS[kind], value)


def _check_number(kind: type, value: Any, place: str) -> None:  # noqa: ANN401 - a value of a JSON document
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        _refuse(place, _WORDS[kind], value)
    if not (abs(value) <= _LARGEST and math.isfinite(value)):
        _refuse(place, f"{_WORDS[kind]} of at most {_LARGEST:g}", value)


def _check_path(value: object, place: str) -> None:
    _check_of(Sequence[str])(value, place)
    if not value:
        _refuse(place, "a list of at least one name", value)


def _check_graph(value: Any, place: str) -> None:  # noqa: ANN401 - a value of a JSON document
    """Check a graph, whose edges name their functions by the places in a list."""
    if not isinstance(value, dict) or set(value) - {"overhead_ns", "files"} != {"functions", "edges"}:
        _refuse(place, "an object with the keys functions and edges", value)
    _check_of(float)(value.get("overhead_ns", 0.0), f"{place}.overhead_ns")
    _check_of(Sequence[str])(value["functions"], f"{place}.functions")
    _check_of(Sequence[tuple[int, int, int, float]])(value["edges"], f"{place}.edges")
    number = len(value["functions"])
    for at, (caller, callee, *_) in enumerate(value["edges"]):
        for one in (caller, callee):
            if not 0 <= one < number:
                _refuse(f"{place}.edges[{at}]", f"an edge between {number} functions", one)
    _check_of(Mapping[str, Sequence[int]])(value.get("files", {}), f"{place}.files")
    for file, functions in value.get("files", {}).items():
        for one in functions:
            if not 0 <= one < number:
                _refuse(f"{place}.files[{file!r}]", f"the places of functions among {number}", one)


_OWN_CHECKS: Final[Mapping[Any, Check]] = {
    CallGraph: _check_graph,
    MeasurementKind: partial(_check_word, list(KINDS)),
    Any: lambda _value, _place: None,
    (SessionFacts, "gate"): partial(_check_word, [one.value for one in GateMode]),
    (SessionFacts, "require"): partial(_check_word, ["", "ready", "conditional"]),
    (SpanNode, "path"): _check_path,
}
"""The checks of types whose values look otherwise in a report, and of fields whose type allows more."""
