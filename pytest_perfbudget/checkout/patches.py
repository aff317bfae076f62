"""The changes of tests and of a conftest.py that may patch the code under test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

_PATCHING: Final = {
    *("setattr", "delattr", "vars", "globals", "exec", "eval", "import_module", "__import__", "__dict__", "update"),
    *("monkeypatch", "mocker", "mock", "patch"),
}
"""The names by which code replaces what other code uses."""


def may_patch(before: str, after: str) -> bool:
    """Return whether statements that a conftest.py has more than before may patch something.

    Imports of modules that were imported before, constants, and fixtures that a test has to ask for do not.

    Args:
        before: the text of the file before.
        after: the text after.
    """
    try:
        modules, added = {*_modules(ast.parse(before))}, _added(before, after)
    except (SyntaxError, ValueError):
        return True
    return not all(_is_harmless(one) and modules.issuperset(_modules(one)) for one in added)


def has_patches(before: str, after: str) -> bool:
    """Return whether statements that a file has more than before contain what usually patches something.

    Args:
        before: the text of the file before.
        after: the text after.
    """
    try:
        return any(_patches(part) for one in _added(before, after) for part in ast.walk(one))
    except (SyntaxError, ValueError):
        return True


def _added(before: str, after: str) -> list[ast.stmt]:
    """Return the statements that a file has more than before.

    Raises:
        SyntaxError: a text is no Python.
        ValueError: a text has a null byte.
    """
    known = {ast.dump(one) for one in ast.parse(before).body}
    return [one for one in ast.parse(after).body if ast.dump(one) not in known]


def _patches(node: ast.AST) -> bool:
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(one, (ast.Attribute, ast.Subscript)) for one in targets)
    name = getattr(node, "id", "") or getattr(node, "attr", "") or getattr(node, "arg", "")
    return name in _PATCHING


def _modules(node: ast.AST) -> Iterator[str]:
    """Yield the modules that some code imports."""
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            yield from (alias.name for alias in one.names)
        elif isinstance(one, ast.ImportFrom):
            yield "." * one.level + (one.module or "")


def _is_harmless(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return True
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        decorators = "".join(map(ast.dump, statement.decorator_list))
        # Whatever the signature and further decorators call is called without the fixture.
        is_plain = len(statement.decorator_list) == 1 and not any(
            isinstance(one, ast.Call) for one in ast.walk(statement.args)
        )
        return is_plain and "fixture" in decorators and "autouse" not in decorators
    if isinstance(statement, ast.Expr):  # a docstring
        return isinstance(statement.value, ast.Constant)
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    has_call = any(isinstance(one, ast.Call) for one in ast.walk(statement))
    return all(isinstance(one, ast.Name) for one in targets) and not has_call
