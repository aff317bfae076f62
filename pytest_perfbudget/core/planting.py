"""The planting of a known slowdown in the text of a module, for a test of the gate.

Each planted function takes a share longer than its own body, whatever the body does, and returns the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from typing import Final

SHARE: Final = 0.3
"""The planted slowdown: a gate that does not see it sees nothing."""

_DECORATOR: Final = "_planted_slowdown"
_CALLED: Final = ("__init__", "__call__")
_HELPER: Final = f"""
def {_DECORATOR}(function):
    import functools, time
    @functools.wraps(function)
    def slowed(*args, **kwargs):
        start = time.perf_counter_ns()
        try:
            return function(*args, **kwargs)
        finally:
            end = time.perf_counter_ns()
            while time.perf_counter_ns() - end < (end - start) * {SHARE}:
                pass
    return slowed
"""


def planted(text: str, names: Collection[str]) -> tuple[str, int]:
    """Return the text of a module with slower functions, and the number of these.

    Generators and coroutines are left alone: they return before their work is done.

    Args:
        text: the text; a text that is no Python stays as it is.
        names: the names of the functions, methods and classes to slow down.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text, 0
    places = {node.lineno: node.col_offset for node in _functions(tree, names) if not _yields(node)}
    if not places:
        return text, 0
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)  # `splitlines` also ends lines at form feeds, as Python does not
    for line, column in sorted(places.items(), reverse=True):
        lines.insert(line - 1, f"{' ' * column}@{_DECORATOR}\n")
    start = _first_line(tree) - 1
    return "".join([*lines[:start], _HELPER.lstrip("\n"), *lines[start:]]), len(places)


def is_test_file(path: str) -> bool:
    """Return whether a file belongs to the tests, or to the tools of the project, by its path."""
    *folders, name = path.split("/")
    is_test = name.startswith("test_") or name.endswith("_test.py") or name in ("conftest.py", "setup.py", "noxfile.py")
    return is_test or not {"tests", "test", "docs", "doc", ".ci"}.isdisjoint(folders)


def words_of(text: str) -> set[str]:
    """Return the identifiers in a text."""
    return set(re.findall(r"[^\W\d]\w*", text))


def _functions(tree: ast.AST, names: Collection[str], own: Collection[str] = ()) -> Iterator[ast.FunctionDef]:
    """Yield the named functions of a module, and of its classes; no functions within functions.

    A test names the class, and calls `__init__` or `__call__`.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, names, _CALLED if node.name in names else ())
        elif isinstance(node, ast.FunctionDef) and (node.name in names or node.name in own):
            yield node


def _yields(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(function))


def _first_line(tree: ast.Module) -> int:
    """Return the line of the first statement that may follow other code: behind the docstring and `__future__`."""
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (is_text or (isinstance(node, ast.ImportFrom) and node.module == "__future__")):
            decorators: list[ast.expr] = getattr(node, "decorator_list", [])
            return min([node.lineno, *(one.lineno for one in decorators)])
    return 1
