"""A digest of a test's own source, which tells whether the test is the same on both sides."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_UNREADABLE = (OSError, TypeError, SyntaxError, ValueError)


class _Part(NamedTuple):
    """A piece of code: a digest of it without docstrings and the `perf_budget` marker, and the names that it uses."""

    digest: str
    names: frozenset[str]


def own_source(item: pytest.Item) -> str:
    """Return a digest of a test: its function, the rest of its class, its fixtures, and the names that these use.

    The names count as far as their own files define them. Imported code does not count, because it is the code under
    test, nor do comments, layout, docstrings and the `perf_budget` marker. The digest is empty if the test has no
    source.
    """
    try:
        parts = [*_parts(getattr(item, "obj", None))]
    except _UNREADABLE:
        return ""
    kind = getattr(item, "cls", None)
    for code in (*([kind] if isinstance(kind, type) else []), *_fixtures(item)):
        with suppress(*_UNREADABLE):
            parts += _parts(code)
    return hashlib.sha256("\n".join(dict.fromkeys(parts)).encode()).hexdigest()


def _fixtures(item: pytest.Item) -> Iterator[Callable[..., Any]]:
    """Yield the functions of a test's fixtures in its own file and in conftest.py files.

    Fixtures from other files belong to the code under test.
    """
    own = getattr(item, "path", None)
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for _, definitions in sorted(known.items()):
        for one in definitions:
            file = Path(getattr(getattr(one.func, "__code__", None), "co_filename", ""))
            if file.name == "conftest.py" or file == own:
                yield one.func


def _parts(code: Any) -> Iterator[str]:  # noqa: ANN401 - a test may be any object
    """Yield digests of a function, or of a class without its tests, and of all statements in its file that it uses."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    if isinstance(code, type):
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                node.body = [one for one in node.body if not getattr(one, "name", "").startswith("test")] or [
                    ast.Pass()
                ]
    first = _part(tree)
    yield first.digest
    file = inspect.getsourcefile(code if isinstance(code, type) else inspect.unwrap(getattr(code, "__func__", code)))
    known = _statements(Path(file)) if file else {}
    seen = {getattr(code, "__name__", "")}
    todo, found = set(first.names), []
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            for part in known.get(name, ()):
                found.append(part.digest)
                todo |= part.names
    yield from sorted(found)


@cache
def _statements(file: Path) -> Mapping[str, list[_Part]]:
    """Return the statements of a module, by the names that they assign or define.

    Imports are left out, because they define nothing of the module's own. A module that cannot be read has no
    statements.
    """
    found: dict[str, list[_Part]] = {}
    try:
        tree = ast.parse(file.read_bytes())
    except _UNREADABLE:
        return found
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = {statement.name}
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        else:
            names = {one.id for one in ast.walk(statement) if isinstance(one, ast.Name) and _is_set(one)}
        if names:
            part = _part(statement)
            for name in names:
                found.setdefault(name, []).append(part)
    return found


def _is_set(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _part(tree: ast.AST) -> _Part:
    """Return the digest and the names of a piece of code, without docstrings and the `perf_budget` marker."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            node.decorator_list = [one for one in node.decorator_list if "perf_budget" not in ast.unparse(one)]
            if ast.get_docstring(node) is not None:
                del node.body[0]
    names = frozenset(one.id for one in ast.walk(tree) if isinstance(one, ast.Name))
    return _Part(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), names)
