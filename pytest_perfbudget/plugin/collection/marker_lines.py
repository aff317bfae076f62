"""The lines of markers: where the limits of a test are written."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

_MARKER: Final = "perf_budget"
_DEFINITION: Final = re.compile(r"\s*(async\s+def|def|class)\b")
_OF_MODULE: Final = re.compile(r"pytestmark\b")
_MOST_LINES: Final = 100
"""The most lines of decorators above a function that are read."""


def marker_line(node: Any, mark: pytest.Mark) -> str:  # noqa: ANN401 - pytest.nodes.Node is not public
    """Return the file and the line of a marker, such as `tests/test_api.py:12`; empty if they are not certain.

    pytest knows the first line of a function, of its decorators included, and no line of a marker. A marker that a
    conftest adds, or that has another name, has no line here, and neither has one of several on the same test.
    """
    found = _first_line(node)
    if found is None:
        return ""
    file, first = found
    path = os.path.join(node.config.rootpath, file)  # noqa: PTH118 - the file may be absolute
    linecache.checkcache(path)
    lines = linecache.getlines(path)
    of_module = isinstance(node, pytest.Module)
    name = mark.args[0] if mark.args and isinstance(mark.args[0], str) else ""
    places = [
        number
        for number, line in (_module_lines(lines) if of_module else _decorator_lines(lines, first))
        if _MARKER in line and name in line
    ]
    return f"{file.replace(os.sep, '/')}:{places[0]}" if len(places) == 1 else ""


def _first_line(node: Any) -> tuple[str, int] | None:  # noqa: ANN401 - as above
    """Return the file from pytest's root folder on, and the first line of a node, counted from 1."""
    if isinstance(node, pytest.Function):
        file, line, _ = node.location
    elif isinstance(node, (pytest.Class, pytest.Module)):
        path, line, _ = node.reportinfo()
        root = node.config.rootpath
        file = os.path.relpath(path, root) if str(path).startswith(str(root)) else os.fspath(path)
    else:
        return None
    return file, (line or 0) + 1


def _decorator_lines(lines: list[str], first: int) -> Iterator[tuple[int, str]]:
    """Yield the lines above the definition that begins at a line, with their numbers."""
    for number, line in enumerate(lines[first - 1 : first - 1 + _MOST_LINES], first):
        if _DEFINITION.match(line):
            return
        yield number, line


def _module_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines of the assignment to `pytestmark`, with their numbers; a list of markers may have several."""
    depth, is_inside = 0, False
    for number, line in enumerate(lines, 1):
        is_inside = is_inside or _OF_MODULE.match(line) is not None
        if is_inside:
            yield number, line
            depth += sum(line.count(sign) for sign in "([") - sum(line.count(sign) for sign in ")]")
            if depth <= 0:
                return
