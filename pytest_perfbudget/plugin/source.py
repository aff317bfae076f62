"""Whether a test is the same on both sides: what it is made of, as text."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.places import place_in

_UNREADABLE = (OSError, TypeError, SyntaxError, ValueError)
_Statements = Mapping[str, list[ast.stmt]]


def own_source(item: pytest.Item) -> str:
    """Return a digest of a test: its function, the project's fixtures, and what these name of their own files.

    Comments, layout, docstrings and our marker have no part in it, nor what is imported: that is what is tested.
    Empty if the test has no source.
    """
    test = getattr(item, "obj", None)
    try:
        found = _text(test)
    except _UNREADABLE:
        return ""
    parts = {"": found}
    for name, function in _fixtures(item):
        try:
            parts[f"{name} {len(parts)}"] = _text(function)
        except _UNREADABLE:
            continue
    return hashlib.sha256("\n".join(f"{name}: {text}" for name, text in parts.items()).encode()).hexdigest()


def _fixtures(item: pytest.Item) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions of the fixtures that a test has, of those in the project."""
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for name, definitions in sorted(known.items()):
        for one in definitions:
            with_file = getattr(getattr(one.func, "__code__", None), "co_filename", "")
            if with_file and place_in(item.config.rootpath, with_file) is not None:
                yield name, one.func


def _text(function: Any) -> str:  # noqa: ANN401 - whatever a test is
    """Return a function and all that it names of its file, in a form that is the same if they are."""
    tree = _plain(ast.parse(textwrap.dedent(inspect.getsource(function))))
    file = inspect.getsourcefile(inspect.unwrap(getattr(function, "__func__", function)))
    known = _statements(Path(file)) if file else {}
    seen: dict[str, None] = {}
    parts, todo = [ast.dump(tree)], _named(tree)
    while todo:
        name = todo.pop()
        if name in seen or name == getattr(function, "__name__", None):
            continue
        seen[name] = None
        for statement in known.get(name, []):
            parts.append(ast.dump(statement))
            todo |= _named(statement)
    return "\n".join([parts[0], *sorted(parts[1:])])


@cache
def _statements(file: Path) -> _Statements:
    """Return the statements of a module by the names that they give something to; imports give nothing of its own."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in _plain(ast.parse(file.read_text("utf-8"))).body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.setdefault(statement.name, []).append(statement)
        elif not isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name in {one.id for one in ast.walk(statement) if isinstance(one, ast.Name) and _is_set(one)}:
                found.setdefault(name, []).append(statement)
    return found


def _is_set(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _named(tree: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}


def _plain(tree: ast.Module) -> ast.Module:
    """Remove what changes nothing: docstrings, and our marker."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.decorator_list = [one for one in node.decorator_list if "perf_budget" not in ast.unparse(one)]
            if ast.get_docstring(node) is not None:
                del node.body[0]
    return tree
