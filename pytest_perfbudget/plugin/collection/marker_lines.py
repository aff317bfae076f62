"""The lines of markers: where the limits of a test are written."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest

from pytest_perfbudget.paths import module_file, path_in

_MARKER: Final = "perf_budget"
_MARKS: Final = "pytestmark"
_Lines = Mapping[tuple[str, int], Sequence[int]]
"""The lines of the markers of functions and classes, and of assignments to `pytestmark`, in the order of the marks.

The key is the name with the first line, that of a decorator; the line of a class or a module is 0.
"""


def marker_line(node: Any, mark: pytest.Mark) -> str:  # noqa: ANN401 - pytest.nodes.Node is not public
    """Return the file and the line of a marker, such as `tests/test_api.py:12`; empty if they are not certain.

    Certain is a decorator `perf_budget`, or an entry of `pytestmark`, of an object all of whose marks of that name are
    written so. Certain is also the only call in a conftest, or in another plugin of the project, that can have made a
    marker which code has added to the test. The marker of a parameter, of a base class or of another name has no line.
    """
    found = _object_of(node)
    if found is None:
        return ""
    owner, path, key = found
    named = [one for one in _marks_of(owner) if getattr(one, "name", "") == _MARKER]
    if _is_added(node, owner, mark):
        return _added_line(node, mark)
    places = [at for at, one in enumerate(named) if one is mark]
    with suppress(OSError, SyntaxError, ValueError):
        status = os.stat(path)  # noqa: PTH116 - a key of the cache
        lines = _lines_of(path, status.st_mtime_ns, status.st_size).get(key, ())
        if len(places) == 1 and len(lines) == len(named):
            return _shown(node, path, lines[places[0]])
    return ""


def _shown(node: Any, path: str, line: int) -> str:  # noqa: ANN401 - as above
    return f"{(path_in(node.config.rootpath, path) or Path(path)).as_posix()}:{line}"


def _marks_of(owner: Any) -> list[Any]:  # noqa: ANN401 - a function, a class or a module
    """Return the marks that an object has itself."""
    marks = getattr(owner, "__dict__", {}).get(_MARKS, ())
    return [getattr(one, "mark", one) for one in (marks if isinstance(marks, (list, tuple)) else [marks])]


def _is_added(node: Any, owner: Any, mark: pytest.Mark) -> bool:  # noqa: ANN401 - as above
    """Return whether code has added a mark to a node: neither its object, nor a base, nor its case has the mark."""
    written = [one for each in getattr(owner, "__mro__", (owner,)) for one in _marks_of(each)]
    case = getattr(getattr(node, "callspec", None), "marks", ())
    written += [getattr(one, "mark", one) for one in case]
    return not any(one is mark for one in written)


def _added_line(node: Any, mark: pytest.Mark) -> str:  # noqa: ANN401 - as above
    """Return the only call in a conftest, or in another plugin of the project, that can have made a mark.

    A call in the test's own file belongs to a test there, whose limits may be the same.
    """
    plugins = {module_file(one) for one in node.config.pluginmanager.get_plugins() if isinstance(one, ModuleType)}
    found = []
    for path in sorted(plugins):
        if path.endswith(".py") and path_in(node.config.rootpath, path) is not None:
            with suppress(OSError, SyntaxError, ValueError):
                status = os.stat(path)  # noqa: PTH116 - a key of the cache
                calls = _calls_of(path, status.st_mtime_ns, status.st_size)
                found += [_shown(node, path, one.line) for one in calls if one.can_make(mark)]
    return found[0] if len(found) == 1 else ""


class _MarkerCall(NamedTuple):
    """A call of `perf_budget` in a file.

    Attributes:
        line: the line.
        args: the values of the arguments, `_ANY` for those that the text does not have.
        kwargs: likewise.
        has_more: whether the arguments come from a sequence or a dictionary, so that they may be any.
    """

    line: int
    args: Sequence[object]
    kwargs: Mapping[str, object]
    has_more: bool

    def can_make(self, mark: pytest.Mark) -> bool:
        """Return whether the call can have made a mark."""
        if self.has_more or len(self.args) != len(mark.args) or set(self.kwargs) != set(mark.kwargs):
            return self.has_more
        values = [*zip(self.args, mark.args, strict=True)]
        values += [(value, mark.kwargs[name]) for name, value in self.kwargs.items()]
        return all(one is _ANY or one == made for one, made in values)


_ANY: Final = object()
"""The value of an argument that only the running code knows."""


@lru_cache(maxsize=64)
def _calls_of(path: str, changed_ns: int, size: int) -> Sequence[_MarkerCall]:  # noqa: ARG001 - as below
    """Return the calls of markers in a file; for the exceptions see `_lines_of`."""
    with open(path, "rb") as file:  # noqa: PTH123 - as below
        tree = ast.parse(file.read())
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and _is_marker(one)]
    return [
        _MarkerCall(
            one.lineno,
            [_value(arg) for arg in one.args],
            {keyword.arg: _value(keyword.value) for keyword in one.keywords if keyword.arg},
            any(isinstance(arg, ast.Starred) for arg in one.args)
            or any(keyword.arg is None for keyword in one.keywords),
        )
        for one in calls
    ]


def _value(written: ast.expr) -> object:
    try:
        return ast.literal_eval(written)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return _ANY


def _object_of(node: Any) -> tuple[Any, str, tuple[str, int]] | None:  # noqa: ANN401 - as above
    """Return the object of a node, its file, and its key among the lines of the file."""
    if isinstance(node, pytest.Function):
        function = getattr(node.obj, "__func__", node.obj)
        code = getattr(inspect.unwrap(function), "__code__", None)
        return code and (function, code.co_filename, (code.co_name, code.co_firstlineno))
    if isinstance(node, pytest.Class):
        file = getattr(sys.modules.get(node.obj.__module__), "__file__", None)
        return file and (node.obj, file, (node.obj.__qualname__, 0))
    if isinstance(node, pytest.Module):
        file = getattr(node.obj, "__file__", None)
        return file and (node.obj, file, ("", 0))
    return None


@lru_cache(maxsize=64)
def _lines_of(path: str, changed_ns: int, size: int) -> _Lines:  # noqa: ARG001 - a file that has changed is read again
    """Return the lines of the markers in a file.

    Raises:
        OSError: the file cannot be read.
        SyntaxError: the file is no Python.
        ValueError: the file has a null byte.
    """
    found: dict[tuple[str, int], list[int]] = {}
    with open(path, "rb") as file:  # noqa: PTH123 - as above
        _add(ast.parse(file.read()), "", found)
    return found


def _add(block: ast.AST, name: str, found: dict[tuple[str, int], list[int]]) -> None:
    """Add the lines of a module or a class, and of all functions and classes within."""
    found.setdefault((name, 0), []).extend(_assigned(getattr(block, "body", ())))
    for one in ast.walk(block) if isinstance(block, ast.Module) else ():
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = one.decorator_list[0].lineno if one.decorator_list else one.lineno
            found[one.name, first] = _decorators(one)
    for one in getattr(block, "body", ()):
        if isinstance(one, ast.ClassDef):
            inner = f"{name}.{one.name}" if name else one.name
            _add(one, inner, found)
            found[inner, 0] += _decorators(one)  # marks of decorators follow those of the body


def _decorators(one: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[int]:
    """Return the lines of decorators that are markers; the lowest comes first, as among the marks."""
    return [each.lineno for each in reversed(one.decorator_list) if _is_marker(each)]


def _assigned(body: Iterable[ast.stmt]) -> list[int]:
    """Return the lines of markers that are assigned to `pytestmark`."""
    for one in body:
        if isinstance(one, ast.Assign) and any(isinstance(to, ast.Name) and to.id == _MARKS for to in one.targets):
            entries = one.value.elts if isinstance(one.value, (ast.List, ast.Tuple)) else [one.value]
            return [each.lineno for each in entries if _is_marker(each)]
    return []


def _is_marker(written: ast.expr) -> bool:
    called = written.func if isinstance(written, ast.Call) else written
    return isinstance(called, ast.Attribute) and called.attr == _MARKER
