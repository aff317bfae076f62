"""The limits in the text of a test file: markers and calls whose values the text itself has.

Neither the file nor what it imports is run, so the file of another commit can be read, too.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Final

from pytest_perfbudget.config.load import PARAMETERS, parse_plan
from pytest_perfbudget.config.parser import SPANS, parse_limits
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.metrics import KEYWORDS
from pytest_perfbudget.errors import ConfigError

_MARKER: Final = "perf_budget"
_LOAD: Final = "perf_load"
_FIXTURES: Final = ("perf", _LOAD)
_LOCAL: Final = {"max_regression", "max_drift", "max_time", "unmeasured", "count_instructions", "pin", SPANS}
_SIGNS: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The limits of a call of `perf` or `perf_load`, and its load.

    Attributes:
        name: the name that the measurement has: given, or that of the function.
        limits: the limits.
        load: the parameters of the load (`LoadPlan.identity`); empty if there is none, or the text does not have them.
        place: the place of the call.
    """

    name: str
    limits: Limits
    load: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class TestLimits:
    """The limits in the text of one test.

    Attributes:
        markers: the limits of the markers, from the test outwards.
        calls: the calls with limits, in the order of the text.
        unreadable: the keywords whose values the text does not have.
    """

    __test__ = False  # the name begins as that of a class of tests

    markers: Sequence[Limits] = ()
    calls: Sequence[CallLimits] = ()
    unreadable: frozenset[str] = frozenset()

    def given(self, name: str, *, is_body: bool) -> list[Limits]:
        """Return the limits for a measurement, in the order in which they win.

        Args:
            name: the name of the measurement; a number after `#` tells calls of one function apart.
            is_body: whether the test itself is measured, so that a marker without a name limits the body only.
        """
        call = self.call(name)
        markers = [one for one in self.markers if one.name] if is_body and name else list(self.markers)
        return markers if call is None else [call.limits, *markers]

    def call(self, name: str) -> CallLimits | None:
        """Return the call that makes a measurement; None if there is none of its name. For the name see `given`."""
        plain, _, number = name.partition("#")
        named = [one for one in self.calls if one.name == plain]
        at = min(int(number) - 1 if number.isdecimal() else 0, len(named) - 1)
        return named[at] if named else None


def limits_in(text: str, file: str) -> dict[str, TestLimits]:
    """Return the limits of each test in the text of a file, by the part of the node id after the file.

    Args:
        text: the text; a text that is no Python has no tests.
        file: the name of the file, for the places of the limits.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    reader = _Reader(tree, file)
    return dict(reader.tests(tree.body, "", _marks_of_body(tree.body)))


class _Reader:
    """A reader of one file, with the constants that the file defines."""

    def __init__(self, tree: ast.Module, file: str) -> None:
        self._file = file
        self._constants: dict[str, object] = {}
        for node in tree.body:
            for name, value in _assigned(node):
                try:
                    self._constants[name] = self._value(value)
                except ValueError:
                    self._constants.pop(name, None)

    def tests(
        self, body: Iterable[ast.stmt], above: str, marks: Sequence[ast.expr]
    ) -> Iterator[tuple[str, TestLimits]]:
        """Yield the tests of a module or a class.

        Args:
            body: the statements of the module or the class.
            above: the node id of the class, with `::` at the end; empty for a module.
            marks: the expressions of the markers of the class and of what surrounds it, from the inside outwards.
        """
        for node in body:
            if isinstance(node, ast.ClassDef):
                inner = [*node.decorator_list, *_marks_of_body(node.body), *marks]
                yield from self.tests(node.body, f"{above}{node.name}::", inner)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{above}{node.name}", self._test(node, [*node.decorator_list, *marks])

    def _test(self, node: ast.FunctionDef | ast.AsyncFunctionDef, marks: Sequence[ast.expr]) -> TestLimits:
        unreadable: set[str] = set()
        markers: list[Limits] = []
        calls: list[CallLimits] = []
        for mark in marks:
            if _is_marker(mark) and isinstance(mark, ast.Call):
                markers.append(self._limits(mark, _marker_name(mark), unreadable))
            else:  # the markers of single cases are known at run time only
                inner = (one for one in ast.walk(mark) if isinstance(one, ast.Call) and _is_marker(one))
                unreadable |= {keyword.arg or "" for one in inner for keyword in one.keywords}
        measured = [one for one in ast.walk(node) if isinstance(one, ast.Call) and _root(one.func) in _FIXTURES]
        measured.sort(key=lambda one: (one.lineno, one.col_offset))
        calls += [
            CallLimits(_measured_name(one), self._limits(one, "", unreadable), self._load(one), self._place(one))
            for one in measured
        ]
        return TestLimits(markers, calls, frozenset(unreadable))

    def _limits(self, call: ast.Call, name: str, unreadable: set[str]) -> Limits:
        found = {}
        for keyword in call.keywords:
            if keyword.arg is None:  # `**limits` may have any keyword
                unreadable |= {*KEYWORDS, *_LOCAL}
            elif keyword.arg in KEYWORDS or keyword.arg in _LOCAL:
                try:
                    value = self._value(keyword.value)
                    parse_limits({keyword.arg: value}, _MARKER)
                    found[keyword.arg] = value
                except (ValueError, ConfigError):
                    unreadable.add(keyword.arg)
        try:
            return parse_limits(found, self._place(call), name=name or None)
        except ConfigError:  # two keywords for one metric
            unreadable |= set(found)
            return Limits()

    def _place(self, call: ast.Call) -> str:
        what = f"{_MARKER} marker" if _is_marker(call) else f"{_root(call.func)}()"
        return f"{what} in {self._file}:{call.lineno}"

    def _load(self, call: ast.Call) -> str:
        """Return the parameters of the load of a call, as its measurement has them; empty if they are not known."""
        keywords = {one.arg: one.value for one in call.keywords}
        if _root(call.func) != _LOAD or _is_capacity(call) or None in keywords:
            return ""
        try:
            plan = parse_plan({key: self._value(keywords[key]) for key in PARAMETERS if key in keywords}, "")
        except (ValueError, ArithmeticError, ConfigError):
            return ""
        return replace(plan, has_user="user" in keywords).identity

    def _value(self, node: ast.expr) -> Any:  # noqa: ANN401 - any value that the text has
        """Return the value of an expression of constants.

        Raises:
            ValueError: the expression has other parts.
        """
        if isinstance(node, ast.Name) and node.id in self._constants:
            return self._constants[node.id]
        if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
            keys = [self._value(key) for key in node.keys if key is not None]
            return dict(zip(keys, map(self._value, node.values), strict=True))
        if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
            try:
                return _SIGNS[type(node.op)](self._value(node.left), self._value(node.right))
            except (TypeError, ArithmeticError) as error:
                raise ValueError(str(error)) from None
        try:
            return ast.literal_eval(node)
        except (TypeError, SyntaxError, RecursionError) as error:
            raise ValueError(str(error)) from None


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        yield from ((one.id, node.value) for one in node.targets if isinstance(one, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        yield node.target.id, node.value


def _marks_of_body(body: Iterable[ast.stmt]) -> list[ast.expr]:
    """Return the markers of `pytestmark`."""
    values = [value for node in body for name, value in _assigned(node) if name == "pytestmark"]
    return [mark for value in values for mark in (value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value])]


def _is_marker(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == _MARKER


def _marker_name(call: ast.expr) -> str:
    first = next(iter(getattr(call, "args", ())), None)
    return str(first.value) if isinstance(first, ast.Constant) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_capacity(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "capacity"


def _measured_name(call: ast.Call) -> str:
    given = next((one.value for one in call.keywords if one.arg == "name"), None)
    first = given or next(iter(call.args), None)
    if isinstance(first, ast.Constant):
        is_scenario = given is None and isinstance(call.func, ast.Attribute) and call.func.attr == "locust"
        return PurePath(str(first.value)).stem if is_scenario else str(first.value)
    return first.attr if isinstance(first, ast.Attribute) else first.id if isinstance(first, ast.Name) else "lambda"
