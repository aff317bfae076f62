"""The reader of a baseline file, which reports in one line where the text violates the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn

from pytest_perfbudget.baseline import quantile_row, span_row
from pytest_perfbudget.baseline.machine import Machine
from pytest_perfbudget.baseline.schema import CANARIES, NAME, VERSION, Baseline, Key, Line, render
from pytest_perfbudget.core.metrics import counts
from pytest_perfbudget.core.reference import FEWEST_RUNS, Reference, uncorrected
from pytest_perfbudget.errors import BaselineError, json_problem, nearest


def parse(text: str, place: str) -> Baseline:
    """Turn the text of a baseline file into its content.

    Args:
        text: the whole file.
        place: the name of the file; every error message begins with this name.

    Raises:
        BaselineError: the text violates the schema; the message names the line and the remedy.
    """
    if "<<<<<<<" in text or ">>>>>>>" in text:
        for number, row in enumerate(text.splitlines(), start=1):
            if row.startswith(("<<<<<<< ", ">>>>>>> ")):
                message = (
                    f"{place}:{number}: holds an unresolved merge: delete the markers, and of each line one version"
                )
                raise BaselineError(message)
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        message = f"{place}:{error.lineno}: {json_problem(text, error)}: restore it from git"
        raise BaselineError(message) from None
    except ValueError as error:  # a number with thousands of digits
        message = f"{place}: is no baseline: {error}"
        raise BaselineError(message) from None
    except RecursionError:
        message = f"{place}: is no baseline: the JSON is nested too deeply"
        raise BaselineError(message) from None
    except _FoundError as found:
        message = f"{place}{_line_of(text, found.what)}: {found.problem}"
        raise BaselineError(message) from None
    return _Reader(text, place).read(document)


def check_line(machine: Machine, line: Line) -> None:
    """Check that a line could be read again if it were written.

    Raises:
        BaselineError: a number in the line is beyond the range of a measurement.
    """
    parse(render(Baseline({machine.key: machine}, {line.key: line})), "line")


_REMEDY = "restore it from git, or delete the line and measure again"


class _FoundError(Exception):
    def __init__(self, what: str, problem: str) -> None:
        self.what = what
        self.problem = problem


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        raise _FoundError(json.dumps(twice), f"has the key {twice!r} twice: keep one")
    return found


def _no_constant(text: str) -> NoReturn:
    raise _FoundError(text, f"holds {text}, which is no measurement: measure again with --perf-update-baseline")


def _line_of(text: str, what: str) -> str:
    at = text.find(what)
    return f":{text.count(chr(10), 0, at) + 1}" if at >= 0 else ""


_MOST = 10**18
"""The largest number in a file: in ns this is 30 years, in bytes more than there are."""

_MOST_RUNS = 1000
_MOST_BLOCKS = 10_000
_LEAST_PRECISION = 0.01

_LARGEST = 3
"""The largest spread or weather in a file, in log time: a factor of 20, which no measured spread or weather exceeds."""

_Check = Callable[[Any], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


# Numbers are checked by their exact type, as JSON gives them: this check excludes true and false, and it is fast enough
# for 10,000 lines, which hold 150,000 numbers.
def _is_number(value: object, least: float = -_MOST, most: float = _MOST) -> bool:
    return (type(value) is float or type(value) is int) and least <= value <= most


def _is_count(value: object, least: int = 0, most: int = _MOST) -> bool:
    return type(value) is int and least <= value <= most


def _is_positive(value: object) -> bool:
    return (type(value) is float or type(value) is int) and 0 < value <= _MOST


def _is_share(value: object) -> bool:
    return (type(value) is float or type(value) is int) and 0 <= value <= _LARGEST


def _is_weights(value: object) -> bool:
    return isinstance(value, list) and len(value) == CANARIES and all(map(_is_share, value))


def _is_canaries(value: object) -> bool:
    return isinstance(value, list) and len(value) == CANARIES and all(_is_number(one, 1) for one in value)


_LINE: Final[Mapping[str, tuple[_Check, str]]] = {
    "test": (_is_text, "a node id"),
    "name": (_is_text, "a text"),
    "machine": (_is_text, "the key of a machine"),
    "time": (lambda value: isinstance(value, dict), "an object"),
    "commit": (_is_text, "a text"),
    "code": (_is_text, "a text"),
    "date": (_is_text, "a text"),
    "reason": (_is_text, "a text"),
    "parameters": (_is_text, "a text"),
    "load": (_is_text, "a text"),
    "kind": (_is_text, "a text"),
    "spans": (span_row.is_row, span_row.WANTED),
    "quantiles": (quantile_row.is_row, quantile_row.WANTED),
    "one_cpu": (lambda value: value is True or value is False, "true or false"),
}
_TIME: Final[Mapping[str, tuple[_Check, str]]] = {
    "time_ns": (_is_positive, "a number above zero"),
    "spread": (_is_share, f"a number from 0 to {_LARGEST}"),
    "runs": (lambda value: _is_count(value, FEWEST_RUNS, _MOST_RUNS), f"a whole number from {FEWEST_RUNS}"),
    "blocks": (lambda value: _is_count(value, 1, _MOST_BLOCKS), f"a whole number from 1 to {_MOST_BLOCKS}"),
    "precision": (lambda value: _is_number(value, _LEAST_PRECISION), f"a number from {_LEAST_PRECISION}"),
    "weather": (lambda value: _is_number(value, -_LARGEST, _LARGEST), f"a number from -{_LARGEST} to {_LARGEST}"),
    "slope_error": (_is_share, f"a number from 0 to {_LARGEST}"),
    "weights": (_is_weights, f"{CANARIES} numbers from 0 to {_LARGEST}"),
    "calm_ns": (_is_canaries, f"{CANARIES} numbers from 1"),
}
_MACHINE: Final[Mapping[str, tuple[_Check, str]]] = {
    "cpu": (_is_text, "a text"),
    "architecture": (_is_text, "a text"),
    "system": (_is_text, "a text"),
    "python": (_is_text, "a text"),
}
_UNCORRECTED: Final = {"time_ns", "spread"}


class _Reader:
    """A checker that reports where a document is wrong."""

    def __init__(self, text: str, place: str) -> None:
        self._text = text
        self._place = place
        counted = {
            metric.name: (_is_count, "a whole number of bytes" if metric.unit == "bytes" else "a whole number")
            for metric in counts()
        }
        self._keys = {**_LINE, **counted}
        self._counted = tuple(counted)

    def read(self, document: object) -> Baseline:
        if not isinstance(document, dict) or "schema" not in document:
            self._fail(
                "",
                "is no baseline: the key schema is missing: restore the file from git, or delete it "
                "and make one with pytest --perf-update-baseline",
            )
        self._check_schema(document["schema"])
        self._check_keys(document, ("schema", "machines", "measurements"), "")
        machines = document.get("machines", {})
        lines = document.get("measurements", [])
        if not isinstance(machines, dict) or not isinstance(lines, list):
            self._fail('"machines"', "machines must be an object and measurements a list: restore it from git")
        known = {key: self._machine(key, value) for key, value in machines.items()}
        found: dict[Key, Line] = {}
        for value in lines:
            line = self._line(value, known)
            if line.key in found:
                second = self._where(value)
                message = f"{self._place}{second}: {line.key.test} is there twice for the same machine: delete one line"
                raise BaselineError(message)
            found[line.key] = line
        return Baseline(known, found)

    def _check_schema(self, schema: object) -> None:
        name, _, version = str(schema).partition("/")
        if name != NAME or not (version.isascii() and version.isdigit()):
            self._fail('"schema"', f"schema must be {NAME}/{VERSION}, found {schema!r}")
        if int(version) > VERSION:
            self._fail(
                '"schema"', f"is of schema {schema}, this version reads up to {VERSION}: upgrade pytest-perfbudget"
            )

    def _machine(self, key: str, value: object) -> Machine:
        checked = self._checked(value, _MACHINE, json.dumps(key), f"machine {key}")
        missing = _MACHINE.keys() - checked.keys()
        if missing:
            self._fail(json.dumps(key), f"machine {key} lacks {min(missing)!r}: restore it from git")
        return Machine(**checked)

    def _line(self, value: object, machines: Mapping[str, Machine]) -> Line:
        if not isinstance(value, dict) or not value.keys() <= self._keys.keys():
            value = self._checked(value, self._keys, self._anchor(value), "a measurement")
        for key, found in value.items():
            if not self._keys[key][0](found):
                self._refuse(value, key, found, self._keys[key][1])
        if "test" not in value or value.get("machine") not in machines:
            machine = value.get("machine")
            lacks = "no machine" if machine is None else f"the machine {machine!r}, which is not listed"
            lacks = "no test" if "test" not in value else lacks
            self._fail(self._anchor(value), f"a measurement has {lacks}: restore it from git")
        rest = dict(value)
        time = self._time(value, rest.pop("time")) if "time" in rest else None
        key = Key(rest.pop("test"), rest.pop("name", ""), rest.pop("machine"))
        counted = {name: rest.pop(name) for name in self._counted if name in rest}
        spans = span_row.from_row(rest.pop("spans")) if "spans" in rest else None
        quantiles = quantile_row.from_row(rest.pop("quantiles")) if "quantiles" in rest else None
        return Line(key, time, counted, spans=spans, quantiles=quantiles, **rest)

    def _time(self, line: dict[str, Any], time: dict[str, Any]) -> Reference:
        for key, found in time.items():
            if key not in _TIME:
                self._checked(time, _TIME, self._anchor(line), "time")
            if not _TIME[key][0](found):
                self._refuse(line, key, found, _TIME[key][1])
        if time.keys() == _UNCORRECTED:
            return uncorrected(time["time_ns"], time["spread"])
        missing = _TIME.keys() - time.keys()
        if missing:
            self._fail(
                self._anchor(line),
                f"time of {line['test']} lacks {min(missing)!r}: {_REMEDY}",
            )
        numbers = {**time, "weights": tuple(map(float, time["weights"])), "calm_ns": tuple(map(float, time["calm_ns"]))}
        return Reference(**numbers)

    def _checked(
        self, value: object, wanted: Mapping[str, tuple[_Check, str]], anchor: str, what: str
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fail(anchor, f"{what} must be an object, found {value!r:.60}")
        self._check_keys(value, wanted, anchor)
        for key, found in value.items():
            if not wanted[key][0](found):
                self._fail(anchor, f"{key} of {what} must be {wanted[key][1]}, found {found!r:.60}")
        return value

    def _check_keys(self, value: dict[str, Any], known: Iterable[str], anchor: str) -> None:
        for key in value:
            if key not in known:
                hint = nearest(key, known)
                if not hint and known is self._keys:
                    hint = ": if this is a metric of your own, register it in the conftest.py of the root folder"
                self._fail(anchor or json.dumps(key), f"unknown key {key!r}{hint}")

    def _refuse(self, line: dict[str, Any], key: str, found: object, wanted: str) -> NoReturn:
        name = line.get("test") or "a measurement"
        self._fail(
            self._anchor(line),
            f"{key} of {name} must be {wanted}, found {found!r:.60}: {_REMEDY}",
        )

    @staticmethod
    def _anchor(value: object) -> str:
        """Return a text by which the line of a value can be found in the file."""
        test = value.get("test") if isinstance(value, dict) else None
        return json.dumps(test, ensure_ascii=False) if isinstance(test, str) else json.dumps(value)[:40]

    def _where(self, value: object) -> str:
        anchor = self._anchor(value)
        first = self._text.find(anchor)
        second = self._text.find(anchor, first + 1)
        return f":{self._text.count(chr(10), 0, second) + 1}" if second >= 0 else ""

    def _fail(self, anchor: str, problem: str) -> NoReturn:
        where = _line_of(self._text, anchor) if anchor else ""
        message = f"{self._place}{where}: {problem}"
        raise BaselineError(message)
